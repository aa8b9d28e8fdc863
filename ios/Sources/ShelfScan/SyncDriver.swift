// Owns one round of sync: each request the queue hands out goes to a transport, each answer back to the queue. When to send what, and what
// an answer means, is the library's; HTTP is the transport's.

import Foundation

/// A request as the queue hands it out.
public struct SyncRequest: Equatable, Sendable {
    /// `PUT` or `GET`.
    public let method: String
    /// To be added to the server's address.
    public let path: String
    /// The token among them.
    public let headers: [HttpHeader]
    /// What is sent; nil for a question.
    public let body: Data?
}

/// Whatever sends a request and brings the answer. It follows no redirects: they would take the token elsewhere.
public protocol SyncTransport: Sendable {
    /// Sends a request. Ends early when the task is cancelled, with ``HttpOutcome/aborted``.
    func send(_ request: SyncRequest) async -> HttpOutcome
}

/// What one round of sync came to.
public struct SyncRound: Equatable, Sendable {
    /// What ended the uploads.
    public enum End: Equatable, Sendable {
        /// All is sent.
        case allSent
        /// Nothing may be sent before this time.
        case wait(until: Date)
        /// Something has to change first.
        case held(HoldReason)
        /// The task was cancelled.
        case cancelled
    }

    /// Items that the server has now.
    public var sent = 0
    /// Items that the server won't have.
    public var refused = 0
    /// What ended the uploads.
    public var end = End.allSent
    /// What came of asking for new SKUs; nil where it was not time to ask.
    public var skus: DownloadResult?
}

/// Sends what waits and takes over the office's SKUs, while the app runs.
public struct SyncDriver: Sendable {
    private let queue: ShelfQueue
    private let scanner: ShelfScanner
    private let transport: any SyncTransport

    public init(queue: ShelfQueue, scanner: ShelfScanner, transport: any SyncTransport) {
        self.queue = queue
        self.scanner = scanner
        self.transport = transport
    }

    /// Sends item after item until nothing may be sent any more, then asks for new SKUs if it is time to. When the task is cancelled the
    /// request in progress is called off; what was answered stays answered.
    ///
    /// - Parameters:
    ///   - conditions: what the phone is like.
    ///   - now: the time, for tests.
    /// - Throws: ``ShelfScanError/queue(_:)``, ``ShelfScanError/diskFull(_:)``, ``ShelfScanError/closed``.
    public func sync(_ conditions: SyncConditions, now: @Sendable () -> Date = { Date() }) async throws -> SyncRound {
        var round = SyncRound()
        round.end = try await upload(conditions, now: now, into: &round)
        guard !Task.isCancelled else {
            round.end = .cancelled
            return round
        }
        round.skus = try await download(conditions, now: now)
        return round
    }

    private func upload(
        _ conditions: SyncConditions,
        now: @Sendable () -> Date,
        into round: inout SyncRound
    ) async throws -> SyncRound.End {
        while !Task.isCancelled {
            let time = now().milliseconds
            switch try await BlockingCalls.finish({ [queue] in try queue.blocking.nextUpload(now: time, conditions: conditions) }) {
            case .ready(let upload):
                let request = SyncRequest(method: upload.method, path: upload.path, headers: upload.headers, body: upload.body)
                let outcome = await transport.send(request)
                let after = now().milliseconds
                let item = try await BlockingCalls.finish { [queue] in
                    try queue.blocking.report(id: upload.id, outcome: outcome, now: after)
                }
                switch item.state {
                case .sent: round.sent += 1
                case .refused: round.refused += 1
                default: break
                }
            case .wait(let until): return .wait(until: Date(milliseconds: until))
            case .held(let reason): return .held(reason)
            case .nothing: return .allSent
            }
        }
        return .cancelled
    }

    private func download(_ conditions: SyncConditions, now: @Sendable () -> Date) async throws -> DownloadResult? {
        let time = now().milliseconds
        let next = try await BlockingCalls.finish { [queue, scanner] in
            try queue.blocking.nextDownload(scanner: scanner.blocking, now: time, conditions: conditions)
        }
        guard case .ready(let download) = next else { return nil }
        let request = SyncRequest(method: download.method, path: download.path, headers: download.headers, body: nil)
        let outcome = await transport.send(request)
        let after = now().milliseconds
        return try await BlockingCalls.finish { [queue, scanner] in
            try queue.blocking.reportDownload(scanner: scanner.blocking, outcome: outcome, now: after)
        }
    }
}
