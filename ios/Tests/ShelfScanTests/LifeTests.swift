import Foundation
import XCTest

@testable import ShelfScan

/// Cancelling, closing, sharing, memory, and what the way to the library costs.
final class LifeTests: XCTestCase {
    func testACancelledTaskStopsTheScanInTheLibrary() async throws {
        let scanner = try await Fixtures.scanner.get()
        let clock = ContinuousClock()
        let (bytes, layout) = Fixtures.photo.packed()
        let photo = ShelfPhoto.pixels(bytes, layout: layout)
        let whole = try await clock.measure { _ = try await scanner.scan(photo) }

        let scan = Task { try await scanner.scan(photo) }
        try await Task.sleep(for: whole / 10)
        let cancelled = clock.now
        scan.cancel()
        let outcome = await scan.result
        let after = clock.now - cancelled
        print("a whole scan takes \(whole), a cancelled one ended \(after) after the cancel")
        guard case .failure(let error) = outcome else { return XCTFail("the scan was not cancelled") }
        XCTAssertTrue(error is CancellationError, "\(error)")
        XCTAssertLessThan(after, whole / 2)
        let next = try await scanner.scan(Fixtures.small.photo())
        XCTAssertFalse(next.facings.isEmpty, "the scanner goes on")
    }

    func testATaskCancelledBeforeItsScanDoesNotScan() async throws {
        let scanner = try await Fixtures.scanner.get()
        let scan = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await scanner.scan(file: Fixtures.shelf)
        }
        scan.cancel()
        let outcome = await scan.result
        XCTAssertThrowsError(try outcome.get()) { XCTAssertTrue($0 is CancellationError, "\($0)") }
    }

    func testOneTaskCancelledLeavesTheOthers() async throws {
        let scanner = try await Fixtures.scanner.get()
        let kept = Task { try await scanner.scan(Fixtures.small.photo()) }
        let dropped = Task { try await scanner.scan(Fixtures.photo.photo()) }
        try await Task.sleep(for: .milliseconds(20))
        dropped.cancel()
        let result = try await kept.value
        XCTAssertFalse(result.facings.isEmpty)
        let outcome = await dropped.result
        XCTAssertThrowsError(try outcome.get())
    }

    func testClosingWaitsForTheScanInProgress() async throws {
        let scanner = try await ShelfScanner.open(Fixtures.bundle, threads: 1)
        let (bytes, layout) = Fixtures.small.packed()
        let started = Counter()
        let scan = Task {
            started.add()
            return try await scanner.scan(.pixels(bytes, layout: layout))
        }
        while started.count == 0 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(50))
        await scanner.close()
        let result = try await scan.value
        XCTAssertFalse(result.facings.isEmpty, "the scan in progress came to its end")
        await assertThrows({ $0 as? ShelfScanError == .closed }) { try await scanner.scan(Fixtures.small.photo()) }
    }

    func testEightTasksOnOneScannerSayTheSame() async throws {
        let scanner = try await Fixtures.scanner.get()
        let (bytes, layout) = Fixtures.small.packed(.bgra, padding: 12)
        let alone = try await scanner.scan(.pixels(bytes, layout: layout)).saying
        let results = try await withThrowingTaskGroup(of: ScanResult.self) { group in
            for _ in 0..<8 { group.addTask { try await scanner.scan(.pixels(bytes, layout: layout)).saying } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        XCTAssertEqual(results.count, 8)
        XCTAssertTrue(results.allSatisfy { $0 == alone })
    }

    func testTheThreadsOfConcurrencyAreNotBlocked() async throws {
        let scanner = try await Fixtures.scanner.get()
        let photo = Fixtures.small.photo()
        let done = Counter()
        let scans = (0..<16).map { _ in
            Task {
                _ = try await scanner.scan(photo)
                done.add()
            }
        }
        for _ in 0..<20 { await Task { await Task.yield() }.value }
        let before = done.count
        for scan in scans { try await scan.value }
        print("twenty turns of another task were over when \(before) of 16 scans were")
        XCTAssertLessThan(before, 8, "another task waits for scans")
    }

    #if os(Linux)
    func testTwoHundredScansTakeNoMoreMemoryThanOne() async throws {
        let scanner = try await Fixtures.scanner.get()
        let (bytes, layout) = Fixtures.small.thinned(by: 3).packed()
        let options = ScanOptions(closerLooks: false)
        func scan(_ times: Int) async throws {
            for _ in 0..<times { _ = try await scanner.scan(.pixels(bytes, layout: layout), options: options) }
        }
        let facings = try await scanner.scan(.pixels(bytes, layout: layout), options: options).facings.count
        XCTAssertGreaterThan(facings, 2, "a scan has something to do")
        try await scan(30)
        let before = residentBytes()
        try await scan(200)
        let grown = residentBytes() - before
        print("200 scans grew resident memory by \(grown / 1024) KiB of \(before / 1024)")
        XCTAssertLessThan(grown, 6 << 20)
    }

    func testMemoryIsGivenBack() async throws {
        let scanner = try await ShelfScanner.open(Fixtures.bundle, threads: 1)
        let options = ScanOptions(confidence: 0.95, closerLooks: false)
        _ = try await scanner.scan(file: Fixtures.shelf, options: options)
        let kept = residentBytes()
        try await scanner.releaseMemory()
        let released = residentBytes()
        await scanner.close()
        print("releasing gave back \((kept - released) >> 20) MiB, closing \((released - residentBytes()) >> 20) MiB")
        XCTAssertGreaterThan(kept - released, 30 << 20, "a decoded photo of 12 megapixels is 36 MB")
    }

    private func residentBytes() -> Int {
        let statm = try! String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return Int(statm.split(separator: " ")[1])! * 4096
    }
    #endif

    func testTheWayToTheLibraryCostsLessThanAMillisecond() async throws {
        let scanner = try await Fixtures.scanner.get()
        let (bytes, layout) = Fixtures.photo.packed()
        // No facing is that sure: the scan is short, and what is around it stands out.
        let options = ScanOptions(confidence: 0.999, closerLooks: false)
        let clock = ContinuousClock()
        var called: [Duration] = [], awaited: [Duration] = []
        for _ in 0..<21 {
            var result: ScanResult?
            let call = try clock.measure {
                result = try scanner.blocking.scanPixels(pixels: bytes, layout: layout, options: options, cancellation: nil)
            }
            called.append(call - .milliseconds(result!.timings.total))
            let task = try await clock.measure { result = try await scanner.scan(.pixels(bytes, layout: layout), options: options) }
            awaited.append(task - .milliseconds(result!.timings.total))
        }
        let (call, task) = (called.sorted()[10], awaited.sorted()[10])
        print("boundary of a 12 megapixel photo, median of 21: \(call.inMilliseconds) ms for the call, \(task.inMilliseconds) ms with the task's turns")
        XCTAssertLessThan(call, .milliseconds(1))
    }
}

extension Duration {
    fileprivate var inMilliseconds: String {
        String(format: "%.3f", Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15)
    }
}
