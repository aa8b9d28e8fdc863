// Owns the way from a camera's buffers to a photo. Refuses formats that would need a conversion: the camera can be asked for one that is
// scanned as it is.

#if canImport(CoreVideo)
import CoreVideo
import Foundation

extension ShelfPhoto {
    /// A camera's buffer, not copied: its base address is locked for the scan, and it is let go with the last copy of the photo.
    ///
    /// Formats: `kCVPixelFormatType_32BGRA` (quickest), `kCVPixelFormatType_420YpCbCr8BiPlanarFullRange`. Others throw
    /// ``ShelfScanError/photo(_:)`` when they are scanned.
    ///
    /// - Parameters:
    ///   - buffer: the pixels. Nobody may write to them until the scan is done.
    ///   - orientation: what makes them upright. A phone held upright gives ``PhotoOrientation/rotated90`` unless the connection turns the
    ///     frames.
    public static func pixelBuffer(_ buffer: CVPixelBuffer, orientation: PhotoOrientation = .upright) -> ShelfPhoto {
        let held = HeldPixelBuffer(buffer: buffer)
        return ShelfPhoto { use in
            try held.withBaseAddressLocked { buffer in try use(pixels(of: buffer, orientation: orientation)) }
        }
    }

    private static func pixels(of buffer: CVPixelBuffer, orientation: PhotoOrientation) throws -> Pixels {
        switch CVPixelBufferGetPixelFormatType(buffer) {
        case kCVPixelFormatType_32BGRA:
            let layout = PixelLayout(
                width: UInt32(CVPixelBufferGetWidth(buffer)),
                height: UInt32(CVPixelBufferGetHeight(buffer)),
                rowStride: UInt32(CVPixelBufferGetBytesPerRow(buffer)),
                format: .bgra,
                orientation: orientation
            )
            let bytes = CVPixelBufferGetBytesPerRow(buffer) * CVPixelBufferGetHeight(buffer)
            return .packed(Data(borrowing: UnsafeRawBufferPointer(start: CVPixelBufferGetBaseAddress(buffer), count: bytes)), layout)
        case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange:
            let layout = YuvLayout(
                width: UInt32(CVPixelBufferGetWidth(buffer)),
                height: UInt32(CVPixelBufferGetHeight(buffer)),
                yRowStride: UInt32(CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)),
                uvRowStride: UInt32(CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)),
                uvPixelStride: 2,
                orientation: orientation
            )
            let chroma = plane(1, of: buffer)
            // Cb and Cr take turns.
            return .planes(
                y: Data(borrowing: plane(0, of: buffer)),
                u: Data(borrowing: chroma),
                v: Data(borrowing: UnsafeRawBufferPointer(rebasing: chroma.dropFirst())),
                layout
            )
        case let other:
            throw ShelfScanError.photo(
                "a pixel buffer of format \(fourCharacters(other)) can't be scanned: ask the camera for kCVPixelFormatType_32BGRA or "
                    + "kCVPixelFormatType_420YpCbCr8BiPlanarFullRange"
            )
        }
    }

    private static func plane(_ index: Int, of buffer: CVPixelBuffer) -> UnsafeRawBufferPointer {
        let bytes = CVPixelBufferGetBytesPerRowOfPlane(buffer, index) * CVPixelBufferGetHeightOfPlane(buffer, index)
        return UnsafeRawBufferPointer(start: CVPixelBufferGetBaseAddressOfPlane(buffer, index), count: bytes)
    }

    private static func fourCharacters(_ format: OSType) -> String {
        let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: format >> $0) }
        return bytes.allSatisfy { (0x20..<0x7f).contains($0) } ? "`\(String(decoding: bytes, as: UTF8.self))`" : "\(format)"
    }
}

/// A buffer that several tasks may hold. Core Video's calls on it are safe from any thread, and nobody writes to it.
private struct HeldPixelBuffer: @unchecked Sendable {
    let buffer: CVPixelBuffer

    func withBaseAddressLocked(_ body: (CVPixelBuffer) throws -> Void) throws {
        let status = CVPixelBufferLockBaseAddress(buffer, .readOnly)
        guard status == kCVReturnSuccess else {
            throw ShelfScanError.photo("the pixel buffer can't be locked (CVReturn \(status))")
        }
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        try body(buffer)
    }
}
#endif
