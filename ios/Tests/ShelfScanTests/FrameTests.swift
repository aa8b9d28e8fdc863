import Foundation
import XCTest

@testable import ShelfScan

/// The scans of a camera's frames: the newest are scanned, the rest let go.
final class FrameTests: XCTestCase {
    private let quick = ScanOptions(closerLooks: false)

    func testFramesThatComeTooFastAreDroppedAndGivenBack() async throws {
        let scanner = try await Fixtures.scanner.get()
        let frames = scanner.frames(options: quick)
        let released = Counter()
        for _ in 0..<30 { XCTAssertTrue(frames.offer(frame(released: released))) }
        frames.finish()
        var scanned: [FrameScan] = []
        for await scan in frames { scanned.append(scan) }
        // The last is scanned, and whichever was the newest when the scanner was ready before.
        XCTAssertEqual(scanned.last?.frame, 29)
        XCTAssertLessThan(scanned.count, 4)
        XCTAssertEqual(scanned.map(\.frame), scanned.map(\.frame).sorted())
        XCTAssertEqual(frames.dropped, 30 - scanned.count)
        XCTAssertFalse(try scanned.last!.result.get().facings.isEmpty)
        await eventually { released.count == 30 }
        XCTAssertEqual(released.count, 30, "each frame's buffer went back to the camera")
    }

    func testNoMoreThanTwoFramesAreHeld() async throws {
        let scanner = try await Fixtures.scanner.get()
        let frames = scanner.frames(options: quick)
        let released = Counter()
        for offered in 1...10 {
            frames.offer(frame(released: released))
            XCTAssertGreaterThanOrEqual(released.count, offered - 2)
            try await Task.sleep(for: .milliseconds(5))
        }
        frames.finish()
        for await _ in frames {}
    }

    func testFramesThatComeSlowlyAreAllScanned() async throws {
        let scanner = try await Fixtures.scanner.get()
        let frames = scanner.frames(options: quick)
        var scans = frames.makeAsyncIterator()
        for number in 0..<3 {
            frames.offer(frame())
            let scan = await scans.next()
            XCTAssertEqual(scan?.frame, number)
        }
        XCTAssertEqual(frames.dropped, 0)
    }

    func testAFrameThatFailsDoesNotEndTheRest() async throws {
        let scanner = try await Fixtures.scanner.get()
        let frames = scanner.frames(options: quick)
        var scans = frames.makeAsyncIterator()
        frames.offer(.file(Data("no photo".utf8)))
        let failed = await scans.next()
        guard case .failure(.photo) = failed?.result else { return XCTFail("\(String(describing: failed))") }
        frames.offer(frame())
        let good = await scans.next()
        XCTAssertNoThrow(try good?.result.get())
        XCTAssertEqual(good?.frame, 1)
    }

    func testCancellingTheReaderStopsTheScans() async throws {
        let scanner = try await Fixtures.scanner.get()
        let frames = scanner.frames()
        let released = Counter()
        let reader = Task { for await _ in frames {} }
        // Of the large photo, so that the scan is still going on.
        let (bytes, layout) = Fixtures.photo.packed()
        let large = LargeFrame(bytes)
        frames.offer(
            .pixels(at: large.memory, layout: layout) {
                large.free()
                released.add()
            })
        try await Task.sleep(for: .milliseconds(100))
        reader.cancel()
        await reader.value
        await eventually { released.count == 1 }
        XCTAssertEqual(released.count, 1)
        XCTAssertFalse(frames.offer(frame()), "it has ended")
    }

    func testClosingTheScannerEndsTheFrames() async throws {
        let scanner = try await ShelfScanner.open(Fixtures.bundle, threads: 1)
        let frames = scanner.frames(options: quick)
        await scanner.close()
        frames.offer(frame())
        var errors: [ShelfScanError] = []
        for await scan in frames {
            if case .failure(let error) = scan.result { errors.append(error) }
        }
        XCTAssertEqual(errors, [.closed])
        XCTAssertFalse(frames.offer(frame()))
    }

    private func frame(released: Counter? = nil) -> ShelfPhoto {
        let (bytes, layout) = Self.packed
        let memory = LargeFrame(bytes)
        return .pixels(at: memory.memory, layout: layout) {
            memory.free()
            released?.add()
        }
    }

    private static let packed = Fixtures.small.packed(.bgra)
}

/// A camera's buffer: memory that must be given back by hand.
private struct LargeFrame: @unchecked Sendable {
    private let owned: UnsafeMutableRawBufferPointer

    init(_ bytes: Data) {
        owned = .allocate(byteCount: bytes.count, alignment: 16)
        owned.copyBytes(from: bytes)
    }

    var memory: UnsafeRawBufferPointer { UnsafeRawBufferPointer(owned) }

    func free() {
        owned.deallocate()
    }
}
