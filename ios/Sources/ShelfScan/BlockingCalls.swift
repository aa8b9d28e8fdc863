// Owns the threads that calls of the library block. Refuses to block those of Swift's concurrency, of which there are only as many
// as the device has cores.

import Dispatch
import Foundation

/// Where calls that block are made.
enum BlockingCalls {
    /// A queue for each call: a thread that may block is always found for a serial one. Those of a concurrent queue are as scarce as
    /// Swift's, and on Linux the same.
    private static var queue: DispatchQueue {
        DispatchQueue(label: "shelfscan", qos: .userInitiated)
    }

    /// Runs `work` on a thread that may block. When the task is cancelled, the `ScanCancellation` that `work` was given is called off, so
    /// that it ends early and this throws `CancellationError`.
    static func run<T: Sendable>(_ work: @escaping @Sendable (ScanCancellation) throws -> T) async throws -> T {
        try Task.checkCancellation()
        let cancellation = ScanCancellation()
        return try await withTaskCancellationHandler {
            try await finish { try work(cancellation) }
        } onCancel: {
            cancellation.cancel()
        }
    }

    /// Runs `work` to its end, whether the task is cancelled or not.
    static func finish<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        let call = Call(work)
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: call.made().mapError(seen)) }
        }
    }

    /// As `finish`, for what can't fail.
    static func value<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }

    /// A call, and what it holds until it is made: a photo, the queue. That is let go before the caller goes on, not some time after.
    private final class Call<T>: @unchecked Sendable {
        private var work: (@Sendable () throws -> T)?

        init(_ work: @escaping @Sendable () throws -> T) {
            self.work = work
        }

        func made() -> Result<T, any Error> {
            Result { try work.take()!() }
        }
    }
}
