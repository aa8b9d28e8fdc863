// Owns what a photo may be, and that its pixels stay in place while they are scanned. Refuses to copy them.

import Foundation

/// A photo to scan: the bytes of a file, or pixels with their layout. Its pixels are not copied, they are borrowed for the scan.
///
/// On Apple's systems a `CVPixelBuffer`, a `CGImage` and a `UIImage` are photos too.
public struct ShelfPhoto: Sendable {
    /// Where the library finds the pixels while it scans.
    enum Pixels {
        case file(Data)
        case packed(Data, PixelLayout)
        case planes(y: Data, u: Data, v: Data, YuvLayout)
    }

    /// Calls its argument with the pixels, which stay in place for the call.
    private let lend: @Sendable (_ use: (Pixels) throws -> Void) throws -> Void

    init(lending lend: @escaping @Sendable (_ use: (Pixels) throws -> Void) throws -> Void) {
        self.lend = lend
    }

    func withPixels<T>(_ body: (Pixels) throws -> T) throws -> T {
        var outcome: Result<T, any Error>?
        try lend { pixels in outcome = Result { try body(pixels) } }
        guard let outcome else { throw ShelfScanError.photo("the photo has no pixels") }
        return try outcome.get()
    }

    /// The bytes of a photo file: JPEG, PNG or WebP. EXIF orientation is followed. HEIC is not read: take the photo as JPEG, or use
    /// its decoded image.
    public static func file(_ bytes: Data) -> ShelfPhoto {
        ShelfPhoto { use in try use(.file(bytes)) }
    }

    /// Packed pixels: row after row, each pixel's bytes together.
    public static func pixels(_ bytes: Data, layout: PixelLayout) -> ShelfPhoto {
        ShelfPhoto { use in try use(.packed(bytes, layout)) }
    }

    /// The planes of a 4:2:0 picture, full range; they are converted to RGB once, in the scan.
    ///
    /// Interleaved chroma is two planes that begin one byte apart: with `uv` in the order U, V, they are `uv` and `uv.dropFirst()`, with
    /// `uvPixelStride` 2.
    public static func planes(y: Data, u: Data, v: Data, layout: YuvLayout) -> ShelfPhoto {
        ShelfPhoto { use in try use(.planes(y: y, u: u, v: v, layout)) }
    }

    /// Packed pixels that belong to somebody else. They must stay where they are, unchanged, until `release` is called: when the
    /// photo and all copies of it are gone, those that wait to be scanned included.
    ///
    /// - Parameters:
    ///   - pixels: the first row's first pixel on.
    ///   - layout: what they are.
    ///   - release: called once, on any thread, soon after the last copy is gone.
    public static func pixels(
        at pixels: UnsafeRawBufferPointer,
        layout: PixelLayout,
        release: @escaping @Sendable () -> Void
    ) -> ShelfPhoto {
        let loan = Loan(of: pixels, release: release)
        return ShelfPhoto { use in try withExtendedLifetime(loan) { try use(.packed(loan.bytes, layout)) } }
    }
}

/// Memory of somebody else's, given back at the end of its life.
private final class Loan: @unchecked Sendable {
    let bytes: Data
    private let release: @Sendable () -> Void

    init(of memory: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void) {
        bytes = Data(borrowing: memory)
        self.release = release
    }

    deinit {
        release()
    }
}

extension Data {
    /// The memory itself, not a copy; it is not freed with this, and must outlive it.
    init(borrowing memory: UnsafeRawBufferPointer) {
        guard let address = memory.baseAddress else {
            self.init()
            return
        }
        // It is never written to: the library borrows it as `&[u8]`.
        self.init(bytesNoCopy: UnsafeMutableRawPointer(mutating: address), count: memory.count, deallocator: .none)
    }
}

extension PhotoOrientation {
    /// What EXIF says of an image.
    ///
    /// - Parameter number: 1 to 8; nil for others.
    public init?(exif number: Int) {
        switch number {
        case 1: self = .upright
        case 2: self = .mirrored
        case 3: self = .rotated180
        case 4: self = .rotated180Mirrored
        case 5: self = .rotated90Mirrored
        case 6: self = .rotated90
        case 7: self = .rotated270Mirrored
        case 8: self = .rotated270
        default: return nil
        }
    }
}
