// Owns the scans of a live camera: one frame at a time, the newest first. Refuses to queue: a frame that a newer one overtakes is let
// go at once, so that the camera gets its buffer back.

import Foundation

/// What came of one frame.
public struct FrameScan: Sendable {
    /// Its number: 0 for the first that was offered.
    public let frame: Int
    /// The scan, or why there is none.
    public let result: Result<ScanResult, ShelfScanError>
}

/// Scans of frames: offer each one as it comes, and read those that were scanned.
///
///     let frames = scanner.frames()
///     // in the camera's callback, on its queue:
///     frames.offer(photo)
///     // in a task:
///     for await scan in frames { show(scan) }
///
/// One frame is scanned, one waits; a newer takes the place of the one that waits. So there are never more than two frames held.
/// It ends with `finish()`, when the task that reads is cancelled, when the scanner is closed, or with the last reference to this.
public final class FrameScans: AsyncSequence, Sendable {
    public typealias Element = FrameScan

    private let offered: AsyncStream<(Int, ShelfPhoto)>.Continuation
    private let scans: AsyncStream<FrameScan>
    private let tally = Tally()

    init(scanner: ShelfScanner, options: ScanOptions) {
        let (frames, offered) = AsyncStream.makeStream(of: (Int, ShelfPhoto).self, bufferingPolicy: .bufferingNewest(1))
        let (scans, scanned) = AsyncStream.makeStream(of: FrameScan.self, bufferingPolicy: .bufferingNewest(1))
        self.offered = offered
        self.scans = scans
        let work = Task(priority: .userInitiated) {
            for await (number, photo) in frames {
                do {
                    let result = try await scanner.scan(photo, options: options)
                    scanned.yield(FrameScan(frame: number, result: .success(result)))
                } catch let error as ShelfScanError {
                    scanned.yield(FrameScan(frame: number, result: .failure(error)))
                    if error == .closed { break }
                } catch {
                    break
                }
            }
            offered.finish()
            scanned.finish()
        }
        scanned.onTermination = { _ in
            offered.finish()
            work.cancel()
        }
    }

    deinit {
        offered.finish()
    }

    /// Hands over a frame and returns at once. Call it from any thread.
    ///
    /// - Returns: whether it will be scanned if no newer one comes first; no once this has ended.
    @discardableResult
    public func offer(_ frame: ShelfPhoto) -> Bool {
        switch tally.offer(frame, to: offered) {
        case .enqueued, .dropped: true
        case .terminated: false
        @unknown default: true
        }
    }

    /// Frames that a newer one overtook before they were scanned.
    public var dropped: Int { tally.overtaken }

    /// Takes no more frames; those held are still scanned, then the sequence ends.
    public func finish() {
        offered.finish()
    }

    public func makeAsyncIterator() -> AsyncStream<FrameScan>.AsyncIterator {
        scans.makeAsyncIterator()
    }
}

extension ShelfScanner {
    /// Begins to scan the frames of a camera.
    ///
    /// - Parameter options: for every frame. Without closer looks a frame takes less time, and small facings are missed.
    public func frames(options: ScanOptions = ScanOptions(closerLooks: false)) -> FrameScans {
        FrameScans(scanner: self, options: options)
    }
}

/// Numbers the frames in the order they come, and counts those that were overtaken.
private final class Tally: @unchecked Sendable {
    typealias Frames = AsyncStream<(Int, ShelfPhoto)>.Continuation

    private let lock = NSLock()
    private var offered = 0
    private var dropped = 0

    var overtaken: Int { lock.withLock { dropped } }

    /// Gives back the frame that was overtaken, so that it is let go outside of the lock: that calls code of the app.
    func offer(_ frame: ShelfPhoto, to frames: Frames) -> Frames.YieldResult {
        lock.withLock {
            let outcome = frames.yield((offered, frame))
            offered += 1
            if case .dropped = outcome { dropped += 1 }
            return outcome
        }
    }
}
