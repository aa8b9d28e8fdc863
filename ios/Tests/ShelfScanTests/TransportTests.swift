#if os(Linux)
import Foundation
import FoundationNetworking
import XCTest

@testable import ShelfScan

/// Requests over a real URLSession, to a server on this machine.
final class TransportTests: XCTestCase {
    private let free = SyncConditions(network: .unmetered, batteryLow: false)

    func testARequestComesAsItWasMadeAndTheAnswerGoesBack() async throws {
        let server = try LocalServer { _ in (429, ["Retry-After": "7"], #"{"error": {}}"#) }
        let transport = URLSessionTransport(server: server.address)
        let headers = [HttpHeader(name: "Authorization", value: "Bearer secret"), HttpHeader(name: "Content-Type", value: "application/vnd.shelfscan.item")]
        let request = SyncRequest(method: "PUT", path: "/api/v1/items/a", headers: headers, body: Data([0, 1, 2, 255]))
        let outcome = await transport.send(request)
        XCTAssertEqual(outcome, .answered(status: 429, retryAfter: "7", body: Data(#"{"error": {}}"#.utf8)))
        let came = try XCTUnwrap(server.requests.first)
        XCTAssertEqual(came.line, "PUT /api/v1/items/a HTTP/1.1")
        XCTAssertEqual(came.header("authorization"), "Bearer secret")
        XCTAssertEqual(came.header("content-type"), "application/vnd.shelfscan.item")
        XCTAssertEqual(came.body, Data([0, 1, 2, 255]))
    }

    func testARedirectIsNotFollowed() async throws {
        let elsewhere = try LocalServer { _ in (200, [:], "") }
        let server = try LocalServer { _ in (302, ["Location": elsewhere.address.absoluteString + "/sign-in"], "") }
        let transport = URLSessionTransport(server: server.address)
        let request = SyncRequest(method: "GET", path: "/a", headers: [HttpHeader(name: "Authorization", value: "Bearer secret")], body: nil)
        let outcome = await transport.send(request)
        guard case .answered(let status, _, _) = outcome else { return XCTFail("\(outcome)") }
        XCTAssertEqual(status, 302)
        XCTAssertEqual(elsewhere.requests.count, 0, "the token went elsewhere")
    }

    func testWhereThereIsNoServerTheOutcomeIsAFailure() async throws {
        let transport = URLSessionTransport(server: URL(string: "http://127.0.0.1:1")!)
        let outcome = await transport.send(SyncRequest(method: "GET", path: "/a", headers: [], body: nil))
        guard case .failed(let reason) = outcome else { return XCTFail("\(outcome)") }
        XCTAssertFalse(reason.isEmpty)
    }

    func testACancelledTaskCallsItsRequestOff() async throws {
        let server = try LocalServer { _ in
            Thread.sleep(forTimeInterval: 3)
            return (200, [:], "")
        }
        let transport = URLSessionTransport(server: server.address)
        let sending = Task { await transport.send(SyncRequest(method: "GET", path: "/a", headers: [], body: nil)) }
        await eventually { !server.requests.isEmpty }
        sending.cancel()
        let clock = ContinuousClock()
        let start = clock.now
        let outcome = await sending.value
        XCTAssertEqual(outcome, .aborted)
        XCTAssertLessThan(clock.now - start, .seconds(2))
    }

    func testItemsGoAsFilesAndAreReported() async throws {
        let (queue, folder) = try await filled()
        let waiting = try await queue.status.waiting
        let server = try LocalServer { _ in (201, [:], "") }
        let uploads = try await BackgroundUploads(queue: queue, server: server.address, folder: folder, configuration: .ephemeral)
        while try await queue.status.waiting > 0 {
            _ = try await uploads.enqueue(free)
            try await Task.sleep(for: .milliseconds(20))
        }
        XCTAssertEqual(server.requests.count, Int(waiting))
        XCTAssertTrue(server.requests.allSatisfy { $0.body.starts(with: Data("SSI1".utf8)) && $0.header("authorization") == "Bearer secret" })
        await eventually { (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) == [] }
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [], "sent files are gone")
        let status = try await queue.status
        XCTAssertEqual(status.sent, waiting)
    }

    func testTheSystemIsTheOneThatWaitsWhenTheServerIsBusy() async throws {
        let (queue, folder) = try await filled()
        let waiting = try await queue.status.waiting
        let server = try LocalServer { _ in (503, ["Retry-After": "60"], "") }
        let uploads = try await BackgroundUploads(queue: queue, server: server.address, folder: folder, configuration: .ephemeral)
        _ = try await uploads.enqueue(free)
        await eventually { !server.requests.isEmpty }
        while try await queue.status.sending > 0 { try await Task.sleep(for: .milliseconds(20)) }
        let end = try await uploads.enqueue(free)
        guard case .wait(let until) = end else { return XCTFail("\(end)") }
        XCTAssertGreaterThan(until.timeIntervalSinceNow, 30)
        let status = try await queue.status
        XCTAssertEqual(status.waiting, waiting)
    }

    func testWhatASessionBeforeLeftBehindIsCleanedUp() async throws {
        let (queue, folder) = try await filled()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let left = folder.appendingPathComponent(String(repeating: "a", count: 64))
        try Data("left".utf8).write(to: left)
        let server = URL(string: "http://127.0.0.1:1")!
        let uploads = try await BackgroundUploads(queue: queue, server: server, folder: folder, configuration: .ephemeral)
        withExtendedLifetime(uploads) { XCTAssertFalse(FileManager.default.fileExists(atPath: left.path)) }
    }

    func testTheSystemIsToldWhenAllIsReported() async throws {
        let (queue, folder) = try await filled()
        let server = try LocalServer { _ in (201, [:], "") }
        let uploads = try await BackgroundUploads(queue: queue, server: server.address, folder: folder, configuration: .ephemeral)
        let called = Counter()
        let waiting = Task {
            await uploads.allReported()
            called.add()
        }
        _ = try await uploads.enqueue(free)
        await eventually { server.requests.count > 2 }
        XCTAssertEqual(called.count, 0, "not before the system has delivered all")
        while try await queue.status.sending > 0 { try await Task.sleep(for: .milliseconds(20)) }
        // As the system does at the end of what it did in the background.
        uploads.urlSessionDidFinishEvents(forBackgroundURLSession: URLSession(configuration: .ephemeral))
        await waiting.value
        XCTAssertEqual(called.count, 1)
    }

    private func filled() async throws -> (ShelfQueue, URL) {
        let folder = try Fixtures.temporaryFolder()
        let queue = try await ShelfQueue.open(
            folder.appendingPathComponent("review.queue"), settings: QueueSettings(metered: .nothing, publicKeys: []))
        await queue.setToken("secret")
        let scanner = try await Fixtures.scanner.get()
        let photo = Fixtures.small.photo()
        let kept = try await queue.offer(try await scanner.scan(photo), of: photo, scanner: scanner)
        XCTAssertGreaterThan(kept.accepted, 3)
        return (queue, folder.appendingPathComponent("uploads"))
    }
}
#endif
