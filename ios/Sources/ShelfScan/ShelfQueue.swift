// Owns the review queue's face for Swift. What is worth keeping, what makes way and what became of it is the library's.

import Foundation

/// The crops that a person should look at, kept in one file until the server has them: what the phone was unsure of, and what people
/// corrected.
///
/// Share one among all tasks. Nothing here blocks the thread of its caller, and what was begun is carried out even when the task is
/// cancelled. Sending is up to ``SyncDriver``, or to `BackgroundUploads` on Apple's systems.
public final class ShelfQueue: Sendable {
    let blocking: ReviewQueue

    init(blocking: ReviewQueue) {
        self.blocking = blocking
    }

    /// Opens the queue's file, or makes it. A damaged file is renamed and kept (``setAside``), and a new queue begins. One process at a
    /// time may have it open.
    ///
    /// - Throws: ``ShelfScanError/queue(_:)``, ``ShelfScanError/diskFull(_:)``; ``ShelfScanError/item(_:)`` when a public key is none.
    public static func open(_ file: URL, settings: QueueSettings) async throws -> ShelfQueue {
        try await BlockingCalls.finish {
            ShelfQueue(blocking: try ReviewQueue.openOrSetAside(path: file.path, settings: settings))
        }
    }

    /// Where a damaged file was put when this was opened.
    public var setAside: URL? {
        blocking.setAside().map { URL(fileURLWithPath: $0) }
    }

    /// Offers the uncertain facings of a photo that was scanned.
    ///
    /// - Parameters:
    ///   - result: what the scan of the photo said.
    ///   - photo: the same photo; its crops are taken from it.
    ///   - scanner: the scanner that scanned it.
    ///   - options: those of the scan.
    ///   - tags: what the app wants to be known, such as the store: at most 16; keys of 1 to 64 characters `a-z 0-9 _ . -`.
    ///   - capturedAt: when the photo was taken.
    /// - Returns: how many were kept, and why the others were not.
    @discardableResult
    public func offer(
        _ result: ScanResult,
        of photo: ShelfPhoto,
        scanner: ShelfScanner,
        options: ScanOptions = ScanOptions(),
        tags: [String: String] = [:],
        capturedAt: Date = Date(),
        now: Date = Date()
    ) async throws -> QueueIntake {
        let capture = PhotoCapture(capturedAt: capturedAt.milliseconds, tags: tags)
        return try await BlockingCalls.finish { [blocking] in
            try photo.withPixels { pixels in
                switch pixels {
                case .file(let bytes):
                    try blocking.offerFile(
                        scanner: scanner.blocking, bytes: bytes, result: result, options: options, capture: capture,
                        now: now.milliseconds)
                case .packed(let bytes, let layout):
                    try blocking.offerPixels(
                        scanner: scanner.blocking, pixels: bytes, layout: layout, result: result, options: options,
                        capture: capture, now: now.milliseconds)
                case .planes(let y, let u, let v, let layout):
                    try blocking.offerYuv(
                        scanner: scanner.blocking, y: y, u: u, v: v, layout: layout, result: result, options: options,
                        capture: capture, now: now.milliseconds)
                }
            }
        }
    }

    /// Takes what a person says of a facing.
    ///
    /// - Parameters:
    ///   - facing: the facing. One that the scan missed may be made up: its box counts.
    ///   - correction: what it is.
    ///   - photo: the photo it is on; not the planes of a YUV picture.
    /// - Returns: `full` is 1 where there is no room for it: tell the person.
    @discardableResult
    public func correct(
        _ facing: Facing,
        to correction: FacingCorrection,
        on photo: ShelfPhoto,
        scanner: ShelfScanner,
        tags: [String: String] = [:],
        capturedAt: Date = Date(),
        now: Date = Date()
    ) async throws -> QueueIntake {
        let capture = PhotoCapture(capturedAt: capturedAt.milliseconds, tags: tags)
        return try await BlockingCalls.finish { [blocking] in
            try photo.withPixels { pixels in
                switch pixels {
                case .file(let bytes):
                    try blocking.correctFile(
                        scanner: scanner.blocking, bytes: bytes, facing: facing, correction: correction, capture: capture,
                        now: now.milliseconds)
                case .packed(let bytes, let layout):
                    try blocking.correctPixels(
                        scanner: scanner.blocking, pixels: bytes, layout: layout, facing: facing, correction: correction,
                        capture: capture, now: now.milliseconds)
                case .planes:
                    throw ShelfScanError.photo("a facing on YUV planes is not corrected: hand over BGRA pixels or the photo's file")
                }
            }
        }
    }

    /// Counts, and what holds the queue up.
    public var status: QueueStatus {
        get async throws { try await BlockingCalls.finish { [blocking] in try blocking.status() } }
    }

    /// The items accepted last, the latest first. Those sent or given up are remembered for the last 2,000.
    public func latest(_ most: Int = 100) async throws -> [QueuedItem] {
        let most = UInt32(clamping: most)
        return try await BlockingCalls.finish { [blocking] in try blocking.latest(most: most) }
    }

    /// What became of an item.
    public func item(_ id: String) async throws -> QueuedItem {
        try await BlockingCalls.finish { [blocking] in try blocking.item(id: id) }
    }

    /// An item's crop, a JPEG, while it waits or was refused.
    public func crop(of id: String) async throws -> Data? {
        try await BlockingCalls.finish { [blocking] in try blocking.crop(id: id) }
    }

    /// Gives up an item because a person says so.
    @discardableResult
    public func drop(_ id: String, now: Date = Date()) async throws -> QueuedItem {
        try await BlockingCalls.finish { [blocking] in try blocking.dropItem(id: id, now: now.milliseconds) }
    }

    /// Has a refused item sent again.
    @discardableResult
    public func retry(_ id: String) async throws -> QueuedItem {
        try await BlockingCalls.finish { [blocking] in try blocking.retry(id: id) }
    }

    /// The token for the server, kept in memory only: give it after each start, and when the server refused the one before.
    public func setToken(_ token: String?) async {
        await BlockingCalls.value { [blocking] in blocking.setToken(token: token) }
    }
}

extension Date {
    /// Unix time in milliseconds; 0 before 1970.
    var milliseconds: UInt64 {
        UInt64(max(0, timeIntervalSince1970 * 1000))
    }

    init(milliseconds: UInt64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
