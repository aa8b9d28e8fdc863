import Foundation
import XCTest

@testable import ShelfScan

/// The review queue and its sync, over a transport that answers as a server would.
final class QueueTests: XCTestCase {
    private let free = SyncConditions(network: .unmetered, batteryLow: false)

    func testUncertainFacingsAreKeptAndSent() async throws {
        let (queue, scanner) = try await filled()
        let waiting = try await queue.status.waiting
        XCTAssertGreaterThan(waiting, 0)
        let transport = FakeTransport { _ in .created }
        let round = try await sync(queue, scanner, transport)
        XCTAssertEqual(round, SyncRound(sent: Int(waiting), refused: 0, end: .allSent, skus: nil))
        let requests = transport.requests
        XCTAssertEqual(requests.count, Int(waiting))
        XCTAssertTrue(requests.allSatisfy { $0.method == "PUT" && $0.body?.starts(with: Data("SSI1".utf8)) == true })
        XCTAssertTrue(requests.allSatisfy { $0.headers.contains(HttpHeader(name: "Authorization", value: "Bearer secret")) })
        XCTAssertEqual(Set(requests.map(\.path)).count, requests.count, "each item has a path of its own")
        let status = try await queue.status
        XCTAssertEqual(status.sent, waiting)
        XCTAssertEqual(status.waiting, 0)
    }

    func testWhatIsNotSentSaysWhy() async throws {
        let (queue, scanner) = try await filled(token: nil)
        let transport = FakeTransport { _ in .created }
        let noToken = try await sync(queue, scanner, transport)
        XCTAssertEqual(noToken.end, .held(.noToken))
        await queue.setToken("secret")
        let noNetwork = try await sync(queue, scanner, transport, SyncConditions(network: .none, batteryLow: false))
        XCTAssertEqual(noNetwork.end, .held(.noNetwork))
        let metered = try await sync(queue, scanner, transport, SyncConditions(network: .metered, batteryLow: false))
        XCTAssertEqual(metered.end, .held(.metered))
        let low = try await sync(queue, scanner, transport, SyncConditions(network: .unmetered, batteryLow: true))
        XCTAssertEqual(low.end, .held(.batteryLow))
        XCTAssertEqual(transport.requests, [])
    }

    func testACorrectionGoesOverANetworkThatCosts() async throws {
        let (queue, scanner) = try await filled()
        let photo = Fixtures.small.photo()
        let result = try await scanner.scan(photo)
        let facing = try XCTUnwrap(result.facings.first)
        let kept = try await queue.correct(facing, to: .sku(id: "7up"), on: photo, scanner: scanner, tags: ["store": "12"])
        XCTAssertEqual(kept.accepted, 1)
        let other = try XCTUnwrap(result.facings.last)
        let again = try await queue.correct(other, to: .notAProduct, on: photo, scanner: scanner)
        XCTAssertEqual(again.accepted + again.known, 1)
        let corrected = try await queue.latest().filter { $0.reason == .corrected }
        let transport = FakeTransport { _ in .created }
        let round = try await sync(queue, scanner, transport, SyncConditions(network: .metered, batteryLow: false))
        XCTAssertEqual(round.sent, corrected.count)
        XCTAssertEqual(round.end, .held(.metered))
        XCTAssertTrue(transport.requests.contains { request in
            request.body.map { String(decoding: $0.prefix(4096), as: UTF8.self).contains(#""store":"12""#) } == true
        })
    }

    func testAServerThatIsBusyIsAskedLater() async throws {
        let (queue, scanner) = try await filled()
        let busy = FakeTransport { _ in .answered(status: 503, retryAfter: "120", body: Data()) }
        let start = Date()
        let round = try await sync(queue, scanner, busy)
        guard case .wait(let until) = round.end else { return XCTFail("\(round)") }
        XCTAssertGreaterThanOrEqual(until.timeIntervalSince(start), 119)
        XCTAssertEqual(busy.requests.count, 1, "one answer is enough to rest")
        let status = try await queue.status
        XCTAssertNotNil(status.lastError)
        let later = try await sync(queue, scanner, FakeTransport { _ in .created }, now: { until.addingTimeInterval(1) })
        XCTAssertEqual(later.end, .allSent)
        XCTAssertEqual(UInt64(later.sent), status.waiting)
    }

    func testATokenThatIsRefusedStopsAllUntilThereIsAnother() async throws {
        let (queue, scanner) = try await filled()
        let refusing = FakeTransport { _ in .answered(status: 401, retryAfter: nil, body: Data()) }
        let round = try await sync(queue, scanner, refusing)
        XCTAssertEqual(round.end, .held(.tokenRejected))
        XCTAssertEqual(refusing.requests.count, 1)
        let rejected = try await queue.status.tokenRejected
        XCTAssertTrue(rejected)
        await queue.setToken("another")
        let next = try await sync(queue, scanner, FakeTransport { _ in .created })
        XCTAssertEqual(next.end, .allSent)
        XCTAssertGreaterThan(next.sent, 0)
    }

    func testAnItemThatIsRefusedIsKeptAndMayBeTriedAgain() async throws {
        let (queue, scanner) = try await filled()
        let reason = Data(#"{"error": {"code": "bad_item", "message": "no such store"}}"#.utf8)
        let round = try await sync(queue, scanner, FakeTransport { _ in .answered(status: 422, retryAfter: nil, body: reason) })
        XCTAssertGreaterThan(round.refused, 0)
        XCTAssertEqual(round.end, .allSent)
        let refused = try await queue.latest().first { if case .refused = $0.state { true } else { false } }
        let item = try XCTUnwrap(refused)
        guard case .refused(_, let status, let message) = item.state else { return }
        XCTAssertEqual(status, 422)
        XCTAssertTrue(message.contains("no such store"), message)
        let crop = try await queue.crop(of: item.id)
        XCTAssertEqual(crop?.prefix(2), Data([0xff, 0xd8]), "the crop is still there")
        try await queue.retry(item.id)
        let again = try await sync(queue, scanner, FakeTransport { _ in .created })
        XCTAssertEqual(again.sent, 1)
    }

    func testACancelledSyncCallsTheRequestOffAndLosesNothing() async throws {
        let (queue, scanner) = try await filled()
        let waiting = try await queue.status.waiting
        let slow = FakeTransport { _ in
            do {
                try await Task.sleep(for: .seconds(60))
                return .created
            } catch {
                return .aborted
            }
        }
        let driver = SyncDriver(queue: queue, scanner: scanner, transport: slow)
        let conditions = free
        let syncing = Task { try await driver.sync(conditions) }
        while slow.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        syncing.cancel()
        let round = try await syncing.value
        XCTAssertEqual(round.end, .cancelled)
        XCTAssertEqual(round.sent, 0)
        let status = try await queue.status
        XCTAssertEqual(status.waiting, waiting)
        XCTAssertEqual(status.sending, 0)
    }

    func testAQueueKeepsItsItemsWhenTheAppEnds() async throws {
        let file = try Fixtures.temporaryFolder().appendingPathComponent("review.queue")
        let waiting: UInt64
        do {
            let (queue, _) = try await filled(file: file)
            waiting = try await queue.status.waiting
        }
        let again = try await ShelfQueue.open(file, settings: settings())
        let status = try await again.status
        XCTAssertEqual(status.waiting, waiting)
        XCTAssertNil(again.setAside)
    }

    func testADamagedFileIsSetAside() async throws {
        let file = try Fixtures.temporaryFolder().appendingPathComponent("review.queue")
        try Data("no queue at all".utf8).write(to: file)
        let queue = try await ShelfQueue.open(file, settings: settings())
        let aside = try XCTUnwrap(queue.setAside)
        XCTAssertEqual(try Data(contentsOf: aside), Data("no queue at all".utf8))
        let status = try await queue.status
        XCTAssertEqual(status.waiting, 0)
    }

    func testWhatCantTravelIsAnError() async throws {
        let (queue, scanner) = try await filled()
        let photo = Fixtures.small.photo()
        let result = try await scanner.scan(photo)
        await assertThrows(isItem) { try await queue.correct(result.facings[0], to: .sku(id: "7up"), on: photo, scanner: scanner, tags: ["Store!": "1"]) }
        await assertThrows(isItem) { try await queue.item("no id") }
        await assertThrows(isItem) { try await queue.drop(String(repeating: "0", count: 64)) }
        let file = try Fixtures.temporaryFolder().appendingPathComponent("review.queue")
        await assertThrows(isItem) { try await ShelfQueue.open(file, settings: QueueSettings(metered: .nothing, publicKeys: ["no key"])) }
        await assertThrows({ if case ShelfScanError.queue = $0 { true } else { false } }) {
            try await ShelfQueue.open(URL(fileURLWithPath: "/nowhere/review.queue"), settings: self.settings())
        }
    }

    func testAnItemMayBeDropped() async throws {
        let (queue, _) = try await filled()
        let all = try await queue.latest()
        let waiting = try XCTUnwrap(all.first { if case .waiting = $0.state { true } else { false } })
        let dropped = try await queue.drop(waiting.id)
        guard case .evicted(_, let why) = dropped.state else { return XCTFail("\(dropped)") }
        XCTAssertEqual(why, "by_person")
    }

    func testNewSkusAreAskedForAndOnlySignedOnesTaken() async throws {
        // The key of RFC 8032's first test.
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        let (queue, scanner) = try await filled(keys: [key])
        let upToDate = FakeTransport { $0.method == "GET" ? .answered(status: 204, retryAfter: nil, body: Data()) : .created }
        let round = try await sync(queue, scanner, upToDate)
        XCTAssertEqual(round.skus, .upToDate)
        XCTAssertTrue(upToDate.requests.last?.path.contains("/bundle/delta?index=") == true)

        let (other, scanner2) = try await filled(keys: [key])
        let before = try await scanner2.bundle
        let forged = FakeTransport { $0.method == "GET" ? .answered(status: 200, retryAfter: nil, body: Data("SSD1 forged".utf8)) : .created }
        let refused = try await sync(other, scanner2, forged)
        guard case .some(.notApplied) = refused.skus else { return XCTFail("\(String(describing: refused.skus))") }
        let after = try await scanner2.bundle
        XCTAssertEqual(after, before)
    }

    private func isItem(_ error: any Error) -> Bool {
        if case ShelfScanError.item(let message) = error { !message.isEmpty } else { false }
    }

    private func settings(keys: [String] = []) -> QueueSettings {
        QueueSettings(metered: .corrections, publicKeys: keys)
    }

    /// A queue with the uncertain facings of the small photo.
    private func filled(
        file: URL? = nil,
        token: String? = "secret",
        keys: [String] = []
    ) async throws -> (ShelfQueue, ShelfScanner) {
        let file = try file ?? Fixtures.temporaryFolder().appendingPathComponent("review.queue")
        let queue = try await ShelfQueue.open(file, settings: settings(keys: keys))
        await queue.setToken(token)
        let scanner = try await Fixtures.scanner.get()
        let photo = Fixtures.small.photo()
        let result = try await scanner.scan(photo)
        let kept = try await queue.offer(result, of: photo, scanner: scanner)
        XCTAssertGreaterThan(kept.accepted, 0, "\(kept)")
        return (queue, scanner)
    }

    private func sync(
        _ queue: ShelfQueue,
        _ scanner: ShelfScanner,
        _ transport: FakeTransport,
        _ conditions: SyncConditions? = nil,
        now: @escaping @Sendable () -> Date = { Date() }
    ) async throws -> SyncRound {
        try await SyncDriver(queue: queue, scanner: scanner, transport: transport).sync(conditions ?? free, now: now)
    }
}

extension HttpOutcome {
    fileprivate static var created: HttpOutcome { .answered(status: 201, retryAfter: nil, body: Data()) }
}

/// Answers as it is told to, and remembers what it was asked.
private final class FakeTransport: SyncTransport, @unchecked Sendable {
    private let lock = NSLock()
    private var asked: [SyncRequest] = []
    private let answer: @Sendable (SyncRequest) async -> HttpOutcome

    init(answer: @escaping @Sendable (SyncRequest) async -> HttpOutcome) {
        self.answer = answer
    }

    var requests: [SyncRequest] { lock.withLock { asked } }

    func send(_ request: SyncRequest) async -> HttpOutcome {
        lock.withLock { asked.append(request) }
        return await answer(request)
    }
}
