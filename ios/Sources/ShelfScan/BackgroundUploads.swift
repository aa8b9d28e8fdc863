// Owns uploads that the system carries on while the app is suspended: items are handed to a background URLSession as files, and what came of
// them goes back to the queue. Refuses to take over SKUs in the background: `SyncDriver` does when the app runs, since they change what the
// next scan says.

import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends what waits by a background session of the system, also when the app is suspended or was ended by the system.
///
/// Make one at each start of the app, with the same identifier, and keep it: what the system sent meanwhile is then reported to the queue. A background
/// session follows redirects, whatever the app wants: give it the server's own address.
public final class BackgroundUploads: NSObject, Sendable {
    /// Items that the system is given at a time. It sends them when it likes: few, so that little lies on the disk twice.
    private static let most = 8

    private let queue: ShelfQueue
    private let server: URL
    private let folder: URL
    private let state = State()

    /// - Parameters:
    ///   - folder: where items lie for the system; its files are of this session alone.
    ///   - configuration: the session's.
    init(queue: ShelfQueue, server: URL, folder: URL, configuration: URLSessionConfiguration) async throws {
        self.queue = queue
        self.server = server
        self.folder = folder
        super.init()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
        state.set(session)
        // What the system still sends for a process before this one is not handed out again.
        let sending = Set(await session.everyTask().compactMap(\.taskDescription))
        try await BlockingCalls.finish { try queue.blocking.markSending(ids: Array(sending)) }
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where !sending.contains(file) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(file))
        }
    }

    #if canImport(Darwin)
    /// - Parameters:
    ///   - queue: the queue, with its token set.
    ///   - server: its address, such as `https://shelves.example.com`.
    ///   - identifier: of the session, unique in the app.
    ///   - isDiscretionary: whether the system waits for Wi-Fi and power.
    public convenience init(queue: ShelfQueue, server: URL, identifier: String, isDiscretionary: Bool = true) async throws {
        let configuration = URLSessionConfiguration.background(withIdentifier: identifier)
        configuration.isDiscretionary = isDiscretionary
        configuration.sessionSendsLaunchEvents = true
        let caches = try FileManager.default.url(for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        let folder = caches.appendingPathComponent("ShelfScanUploads-\(identifier)", isDirectory: true)
        try await self.init(queue: queue, server: server, folder: folder, configuration: configuration)
    }
    #endif

    /// Gives the system what waits, up to eight items at a time. Call it when there is something to send, when the app comes to the front and
    /// goes to the back, and when the system tells of sent items.
    ///
    /// - Returns: what has to happen before more is given to it.
    @discardableResult
    public func enqueue(_ conditions: SyncConditions) async throws -> SyncRound.End {
        guard let session = state.session else { return .cancelled }
        while await session.everyTask().count < Self.most {
            let now = Date().milliseconds
            switch try await BlockingCalls.finish({ [queue] in try queue.blocking.nextUpload(now: now, conditions: conditions) }) {
            case .ready(let upload):
                let request = SyncRequest(method: upload.method, path: upload.path, headers: upload.headers, body: nil)
                guard let asked = URLRequest(request, server: server) else {
                    throw ShelfScanError.queue("\(server.absoluteString) and \(upload.path) make no address")
                }
                let file = folder.appendingPathComponent(upload.id)
                try upload.body.write(to: file, options: .atomic)
                let task = session.uploadTask(with: asked, fromFile: file)
                task.taskDescription = upload.id
                task.resume()
            case .wait(let until): return .wait(until: Date(milliseconds: until))
            case .held(let reason): return .held(reason)
            case .nothing: return .allSent
            }
        }
        return .held(.sending)
    }

    /// Returns when all that the system did while the app was suspended is reported to the queue. Call the completion handler of
    /// `application(_:handleEventsForBackgroundURLSession:completionHandler:)` after it.
    public func allReported() async {
        await withCheckedContinuation { state.whenReported($0) }
    }

    /// What changes while it works.
    private final class State: @unchecked Sendable {
        private let lock = NSLock()
        private var running: URLSession?
        private var bodies: [Int: Data] = [:]
        private var reports = 0
        private var isDelivered = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        var session: URLSession? { lock.withLock { running } }

        func set(_ session: URLSession) {
            lock.withLock { running = session }
        }

        /// The first 64 KiB of an answer are enough.
        func add(_ data: Data, of task: Int) {
            lock.withLock {
                let before = bodies[task] ?? Data()
                bodies[task] = before + data.prefix(max(0, 65_536 - before.count))
            }
        }

        func takeBody(of task: Int) -> Data? {
            lock.withLock {
                reports += 1
                return bodies.removeValue(forKey: task)
            }
        }

        func reported() {
            resumeIfDone { reports -= 1 }
        }

        func delivered() {
            resumeIfDone { isDelivered = true }
        }

        func whenReported(_ continuation: CheckedContinuation<Void, Never>) {
            resumeIfDone { waiting.append(continuation) }
        }

        private func resumeIfDone(_ change: () -> Void) {
            let due = lock.withLock {
                change()
                guard isDelivered, reports == 0, !waiting.isEmpty else { return [CheckedContinuation<Void, Never>]() }
                isDelivered = false
                defer { waiting = [] }
                return waiting
            }
            due.forEach { $0.resume() }
        }
    }
}

extension BackgroundUploads: URLSessionDataDelegate {
    public func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        state.add(data, of: dataTask.taskIdentifier)
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let body = state.takeBody(of: task.taskIdentifier)
        guard let id = task.taskDescription else { return state.reported() }
        let outcome = HttpOutcome(body: body, response: task.response, error: error)
        Task {
            let now = Date().milliseconds
            // What can't be reported is handed out again after the next start; the server knows an item it has.
            _ = try? await BlockingCalls.finish { [queue] in try queue.blocking.report(id: id, outcome: outcome, now: now) }
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(id))
            state.reported()
        }
    }

    public func urlSessionDidFinishEvents(forBackgroundURLSession session: URLSession) {
        state.delivered()
    }
}

extension URLSession {
    fileprivate func everyTask() async -> [URLSessionTask] {
        await withCheckedContinuation { continuation in
            getAllTasks { continuation.resume(returning: $0) }
        }
    }
}
