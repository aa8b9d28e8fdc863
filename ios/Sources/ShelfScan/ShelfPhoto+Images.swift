// Owns the way from decoded images to a photo. Images have many formats and colour spaces: they are drawn once, in the scan, into one that
// the library reads.

#if canImport(CoreGraphics)
import CoreGraphics
import Foundation

extension ShelfPhoto {
    /// A decoded image. It is drawn once, in the scan: 4 bytes a pixel, freed after it. The bytes of the photo's file are quicker to scan
    /// where they are at hand: ``file(_:)``.
    ///
    /// - Parameter orientation: what makes it upright; an image doesn't know.
    public static func image(_ image: CGImage, orientation: PhotoOrientation = .upright) -> ShelfPhoto {
        ShelfPhoto { use in
            let (bytes, layout) = try drawn(image, orientation: orientation)
            try use(.packed(bytes, layout))
        }
    }

    private static func drawn(_ image: CGImage, orientation: PhotoOrientation) throws -> (Data, PixelLayout) {
        let (width, height, stride) = (image.width, image.height, image.width * 4)
        var bytes = Data(count: stride * height)
        let isDrawn = bytes.withUnsafeMutableBytes { memory in
            let context = CGContext(
                data: memory.baseAddress,
                width: width,
                height: height,
                bitsPerComponent: 8,
                bytesPerRow: stride,
                space: CGColorSpace(name: CGColorSpace.sRGB) ?? CGColorSpaceCreateDeviceRGB(),
                bitmapInfo: CGBitmapInfo.byteOrder32Little.rawValue | CGImageAlphaInfo.noneSkipFirst.rawValue
            )
            context?.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
            return context != nil
        }
        guard isDrawn else {
            throw ShelfScanError.photo("an image of \(width) x \(height) pixels can't be drawn: memory is short")
        }
        let layout = PixelLayout(
            width: UInt32(width),
            height: UInt32(height),
            rowStride: UInt32(stride),
            format: .bgra,
            orientation: orientation
        )
        return (bytes, layout)
    }
}
#endif

#if canImport(ImageIO)
import ImageIO

extension PhotoOrientation {
    /// What Image I/O says of an image.
    public init(_ orientation: CGImagePropertyOrientation) {
        // Image I/O's numbers are EXIF's.
        self = PhotoOrientation(exif: Int(orientation.rawValue)) ?? .upright
    }
}
#endif

#if canImport(UIKit)
import UIKit

extension ShelfPhoto {
    /// An image with its orientation, as the photo library and the camera give it. One made of a `CIImage` throws
    /// ``ShelfScanError/photo(_:)`` when it is scanned.
    public static func image(_ image: UIImage) -> ShelfPhoto {
        guard let stored = image.cgImage else {
            return ShelfPhoto { _ in throw ShelfScanError.photo("a UIImage without a cgImage can't be scanned: render it first") }
        }
        return .image(stored, orientation: PhotoOrientation(image.imageOrientation))
    }
}

extension PhotoOrientation {
    /// What UIKit says of an image.
    public init(_ orientation: UIImage.Orientation) {
        self =
            switch orientation {
            case .up: .upright
            case .upMirrored: .mirrored
            case .down: .rotated180
            case .downMirrored: .rotated180Mirrored
            case .leftMirrored: .rotated90Mirrored
            case .right: .rotated90
            case .rightMirrored: .rotated270Mirrored
            case .left: .rotated270
            @unknown default: .upright
            }
    }
}
#endif
