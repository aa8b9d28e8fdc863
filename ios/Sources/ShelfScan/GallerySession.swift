// Owns enrolment's face for Swift. The work is the library's.

import Foundation

/// A SKU on its way into the bundle, from photos of it: three to eight are best. Pictures count once `save()` was called; a session that
/// is dropped leaves nothing.
public final class GallerySession: Sendable {
    private let blocking: BlockingGallerySession

    init(blocking: BlockingGallerySession) {
        self.blocking = blocking
    }

    /// Adds a picture. Gives the SKUs the bundle knows that are most like it, at most three: a person can see that the product is
    /// enrolled already, or is hard to tell from another.
    ///
    /// - Parameters:
    ///   - picture: a file's bytes, an image, or packed pixels; not the planes of a YUV picture.
    ///   - subject: what of the picture is the product.
    /// - Throws: ``ShelfScanError/photo(_:)``, ``ShelfScanError/runtime(_:)``, ``ShelfScanError/closed``.
    @discardableResult
    public func add(_ picture: ShelfPhoto, subject: EnrolmentSubject = .container) async throws -> [Candidate] {
        try await BlockingCalls.run { [blocking] _ in
            try picture.withPixels { pixels in
                switch pixels {
                case .file(let bytes):
                    try blocking.addFile(bytes: bytes, subject: subject)
                case .packed(let bytes, let layout):
                    try blocking.addPixels(pixels: bytes, layout: layout, subject: subject)
                case .planes:
                    throw ShelfScanError.photo("a SKU is not enrolled from YUV planes: hand over BGRA pixels or the photo's file")
                }
            }
        }
    }

    /// Takes the last picture back; whether there was one.
    @discardableResult
    public func removeLast() async -> Bool {
        await BlockingCalls.value { [blocking] in blocking.removeLast() }
    }

    /// Pictures added so far.
    public var count: Int {
        get async { await BlockingCalls.value { [blocking] in Int(blocking.count()) } }
    }

    /// Enrols the SKU from the pictures added, on disk and for the next scan, and begins anew without pictures. Waits for the scans in
    /// progress, and is carried out even when the task is cancelled.
    ///
    /// - Throws: ``ShelfScanError/gallery(_:)``, ``ShelfScanError/closed``.
    @discardableResult
    public func save() async throws -> BundleInfo {
        try await BlockingCalls.finish { [blocking] in try blocking.save() }
    }
}
