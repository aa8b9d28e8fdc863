// Owns requests over a URLSession while the app runs.

import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests to one server by a URLSession of its own.
public final class URLSessionTransport: SyncTransport {
    private let server: URL
    private let session: URLSession

    /// - Parameters:
    ///   - server: its address, such as `https://shelves.example.com`; the queue's paths are added to it.
    ///   - configuration: the session's, such as one with a proxy.
    public init(server: URL, configuration: URLSessionConfiguration = .ephemeral) {
        self.server = server
        session = URLSession(configuration: configuration, delegate: WithoutRedirects(), delegateQueue: nil)
    }

    deinit {
        session.finishTasksAndInvalidate()
    }

    public func send(_ request: SyncRequest) async -> HttpOutcome {
        guard let asked = URLRequest(request, server: server) else {
            return .failed(reason: "\(server.absoluteString) and \(request.path) make no address")
        }
        let running = RunningTask()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let task = session.dataTask(with: asked) { body, response, error in
                    continuation.resume(returning: HttpOutcome(body: body, response: response, error: error))
                }
                running.start(task)
            }
        } onCancel: {
            running.cancel()
        }
    }
}

/// A redirect is not followed, and is the answer.
final class WithoutRedirects: NSObject, URLSessionTaskDelegate, Sendable {
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

extension URLRequest {
    /// The queue's request to a server, without its body where that is sent from a file.
    init?(_ request: SyncRequest, server: URL) {
        let address = server.absoluteString
        guard let url = URL(string: (address.hasSuffix("/") ? String(address.dropLast()) : address) + request.path) else { return nil }
        self.init(url: url, cachePolicy: .reloadIgnoringLocalAndRemoteCacheData)
        httpMethod = request.method
        httpBody = request.body
        for header in request.headers { setValue(header.value, forHTTPHeaderField: header.name) }
    }
}

extension HttpOutcome {
    /// What a task of a URLSession came to.
    init(body: Data?, response: URLResponse?, error: (any Error)?) {
        if let error {
            let isCancelled = (error as? URLError)?.code == .cancelled
            self = isCancelled ? .aborted : .failed(reason: error.localizedDescription)
        } else if let response = response as? HTTPURLResponse, let status = UInt16(exactly: response.statusCode) {
            let retryAfter = response.value(forHTTPHeaderField: "Retry-After")
            self = .answered(status: status, retryAfter: retryAfter, body: body ?? Data())
        } else {
            self = .failed(reason: "the server's answer is not of HTTP")
        }
    }
}

/// A task that may be cancelled before it has begun.
private final class RunningTask: @unchecked Sendable {
    private let lock = NSLock()
    private var task: URLSessionTask?
    private var isCancelled = false

    func start(_ task: URLSessionTask) {
        let isCancelled = lock.withLock {
            self.task = task
            return self.isCancelled
        }
        if isCancelled { task.cancel() }
        task.resume()
    }

    func cancel() {
        lock.withLock {
            isCancelled = true
            return task
        }?.cancel()
    }
}
