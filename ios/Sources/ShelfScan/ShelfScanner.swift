// Owns the scanner's face for Swift: async, cancellable, safe to share. The work is the library's.

import Foundation

/// A bundle at work: counts what stands on the shelf in a photo.
///
/// Share one among all tasks: any number may scan at once, together they use the threads given to `open`. Nothing here blocks the
/// thread of its caller, the main one included. When a task is cancelled, its scan ends after the model run it is in, some milliseconds
/// on a phone, and throws `CancellationError`.
///
/// The models' memory is freed by `close()`, or with the last reference to the scanner and its sessions.
public final class ShelfScanner: Sendable {
    let blocking: BlockingScanner

    init(blocking: BlockingScanner) {
        self.blocking = blocking
    }

    /// Opens the bundle in a folder: checks every file and runs the self-test, which takes a second or so. Keep the scanner.
    ///
    /// A bundle inside the app can be scanned with as it is. To enrol SKUs it must lie where the app may write:
    /// ``ShelfBundle/installed(from:in:)``.
    ///
    /// - Parameters:
    ///   - bundle: the bundle's folder.
    ///   - threads: how many a scan may use; 0 stands for as many as the device has cores, at most 4.
    /// - Throws: ``ShelfScanError/bundle(_:)``, ``ShelfScanError/runtime(_:)``.
    public static func open(_ bundle: URL, threads: Int = 0) async throws -> ShelfScanner {
        let threads = UInt32(clamping: threads)
        return try await BlockingCalls.run { _ in
            ShelfScanner(blocking: try BlockingScanner(folder: bundle.path, threads: threads))
        }
    }

    /// Scans a photo.
    ///
    /// - Throws: ``ShelfScanError/photo(_:)``, ``ShelfScanError/runtime(_:)``, ``ShelfScanError/closed``, `CancellationError`.
    public func scan(_ photo: ShelfPhoto, options: ScanOptions = ScanOptions()) async throws -> ScanResult {
        try await BlockingCalls.run { [blocking] cancellation in
            try blocking.scan(photo, options: options, cancellation: cancellation)
        }
    }

    /// Scans the bytes of a photo file (JPEG, PNG, WebP); they are not copied. EXIF orientation is followed.
    ///
    /// - Throws: as ``scan(_:options:)``.
    public func scan(file bytes: Data, options: ScanOptions = ScanOptions()) async throws -> ScanResult {
        try await scan(.file(bytes), options: options)
    }

    /// What identifies the bundle.
    ///
    /// - Throws: ``ShelfScanError/closed``.
    public var bundle: BundleInfo {
        get async throws { try await BlockingCalls.run { [blocking] _ in try blocking.bundle() } }
    }

    /// The SKUs that the bundle can name, by id.
    ///
    /// - Throws: ``ShelfScanError/closed``.
    public var skus: [Sku] {
        get async throws { try await BlockingCalls.run { [blocking] _ in try blocking.skus() } }
    }

    /// Begins to enrol a SKU, or to add pictures to one.
    public func enrol(_ sku: Sku) -> GallerySession {
        GallerySession(blocking: BlockingGallerySession(scanner: blocking, sku: sku))
    }

    /// Takes a SKU out of the bundle, on disk too. Waits for the scans in progress, and is carried out even when the task is cancelled.
    ///
    /// - Throws: ``ShelfScanError/gallery(_:)``, ``ShelfScanError/closed``.
    @discardableResult
    public func removeSku(_ id: String) async throws -> BundleInfo {
        try await BlockingCalls.finish { [blocking] in try blocking.removeSku(id: id) }
    }

    /// Gives back what is kept between photos to be quick: decoded pixels and scratch, not the models. For when the system warns of low
    /// memory.
    ///
    /// - Throws: ``ShelfScanError/closed``.
    public func releaseMemory() async throws {
        try await BlockingCalls.finish { [blocking] in try blocking.releaseMemory() }
    }

    /// Frees the models and the index. Waits for the scans in progress, so cancel them first to be quick; calls after it fail with
    /// ``ShelfScanError/closed``. Closing again does nothing.
    public func close() async {
        await BlockingCalls.value { [blocking] in blocking.shutDown() }
    }
}

extension BlockingScanner {
    func scan(_ photo: ShelfPhoto, options: ScanOptions, cancellation: ScanCancellation) throws -> ScanResult {
        try photo.withPixels { pixels in
            switch pixels {
            case .file(let bytes):
                try scanFile(bytes: bytes, options: options, cancellation: cancellation)
            case .packed(let bytes, let layout):
                try scanPixels(pixels: bytes, layout: layout, options: options, cancellation: cancellation)
            case .planes(let y, let u, let v, let layout):
                try scanYuv(y: y, u: u, v: v, layout: layout, options: options, cancellation: cancellation)
            }
        }
    }
}
