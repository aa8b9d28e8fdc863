import Foundation
import XCTest

@testable import ShelfScan

/// Each kind of error, and that its message says what to do.
final class ErrorTests: XCTestCase {
    func testWhatIsNoPhoto() async throws {
        let scanner = try await Fixtures.scanner.get()
        await assertThrows(isPhoto("empty")) { try await scanner.scan(file: Data()) }
        await assertThrows(isPhoto("")) { try await scanner.scan(file: Data("no photo at all, but text".utf8)) }
        await assertThrows(isPhoto("")) { try await scanner.scan(file: Fixtures.shelf.prefix(200)) }
    }

    func testPixelsThatAreNotWhatTheirLayoutSays() async throws {
        let scanner = try await Fixtures.scanner.get()
        func layout(_ width: UInt32, _ height: UInt32, _ stride: UInt32) -> PixelLayout {
            PixelLayout(width: width, height: height, rowStride: stride, format: .rgba, orientation: .rotated90)
        }
        await assertThrows(isPhoto("64")) { try await scanner.scan(.pixels(Data(count: 60), layout: layout(4, 4, 16))) }
        await assertThrows(isPhoto("")) { try await scanner.scan(.pixels(Data(count: 60), layout: layout(4, 4, 15))) }
        await assertThrows(isPhoto("")) { try await scanner.scan(.pixels(Data(), layout: layout(0, 0, 0))) }
        let planes = YuvLayout(width: 4, height: 4, yRowStride: 4, uvRowStride: 2, uvPixelStride: 1, orientation: .upright)
        await assertThrows(isPhoto("")) {
            try await scanner.scan(.planes(y: Data(count: 16), u: Data(count: 4), v: Data(count: 3), layout: planes))
        }
    }

    func testABundleThatIsNotThereOrDamaged() async throws {
        await assertThrows(isBundle("manifest.json")) { try await ShelfScanner.open(URL(fileURLWithPath: "/nowhere")) }
        let folder = try Fixtures.copiedBundle()
        let detector = folder.appendingPathComponent("detector.tflite")
        var bytes = try Data(contentsOf: detector)
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: detector)
        await assertThrows(isBundle("detector.tflite")) { try await ShelfScanner.open(folder) }
    }

    func testAMissingRuntime() async throws {
        let variable = "TFLITE_LIBRARY_PATH"
        let before = ProcessInfo.processInfo.environment[variable]
        setenv(variable, "/nowhere/libtensorflowlite_c.so", 1)
        defer {
            if let before { setenv(variable, before, 1) } else { unsetenv(variable) }
        }
        await assertThrows({
            guard case ShelfScanError.runtime(let message) = $0 else { return false }
            return message.contains("/nowhere/libtensorflowlite_c.so")
        }) { try await ShelfScanner.open(Fixtures.bundle) }
    }

    func testAGalleryThatCantBeChanged() async throws {
        let scanner = try await ShelfScanner.open(try Fixtures.copiedBundle(), threads: 1)
        await assertThrows(isGallery("stranger")) { try await scanner.removeSku("stranger") }
        let session = scanner.enrol(Sku(id: "new", name: "New"))
        await assertThrows(isGallery("no pictures")) { try await session.save() }
        let skus = try await scanner.skus
        XCTAssertGreaterThan(skus.count, 10, "a refused change leaves the scanner as it was")
        await scanner.close()
    }

    func testYUVPlanesAreNotEnrolled() async throws {
        let scanner = try await Fixtures.scanner.get()
        let session = scanner.enrol(Sku(id: "new", name: "New"))
        let layout = YuvLayout(width: 4, height: 4, yRowStride: 4, uvRowStride: 2, uvPixelStride: 1, orientation: .upright)
        await assertThrows(isPhoto("YUV")) {
            try await session.add(.planes(y: Data(count: 16), u: Data(count: 4), v: Data(count: 4), layout: layout))
        }
        let count = await session.count
        XCTAssertEqual(count, 0)
    }

    func testAClosedScanner() async throws {
        let scanner = try await ShelfScanner.open(Fixtures.bundle, threads: 1)
        let session = scanner.enrol(Sku(id: "new", name: "New"))
        await scanner.close()
        await scanner.close()
        await assertThrows(isClosed) { try await scanner.scan(file: Fixtures.shelf) }
        await assertThrows(isClosed) { try await scanner.skus }
        await assertThrows(isClosed) { try await scanner.bundle }
        await assertThrows(isClosed) { try await scanner.removeSku("7up") }
        await assertThrows(isClosed) { try await scanner.releaseMemory() }
        await assertThrows(isClosed) { try await session.add(Fixtures.small.photo()) }
    }

    func testAMessageIsWhatAPersonIsShown() {
        let errors: [ShelfScanError] = [.photo("a"), .bundle("b"), .runtime("c"), .gallery("d")]
        XCTAssertEqual(errors.map(\.localizedDescription), ["a", "b", "c", "d"])
        XCTAssertTrue(ShelfScanError.closed.localizedDescription.contains("open the bundle again"))
        XCTAssertTrue(ShelfScanError.fault("e").localizedDescription.hasSuffix("e"))
    }

    #if SHELFSCAN_PANIC_PROBE
    func testAFaultOfTheLibraryIsAnErrorAndNoCrash() async throws {
        for _ in 0..<3 {
            await assertThrows({
                guard case ShelfScanError.fault(let message) = $0 else { return false }
                return message.contains("this is a test of what an app sees of a bug")
            }) { try await BlockingCalls.run { _ in try panicProbe() } }
        }
        let scanner = try await Fixtures.scanner.get()
        let result = try await scanner.scan(Fixtures.small.photo())
        XCTAssertFalse(result.facings.isEmpty, "the library goes on")
    }
    #endif

    private func isPhoto(_ says: String) -> (any Error) -> Bool {
        { if case ShelfScanError.photo(let message) = $0 { Self.has(message, says) } else { false } }
    }

    private func isBundle(_ says: String) -> (any Error) -> Bool {
        { if case ShelfScanError.bundle(let message) = $0 { Self.has(message, says) } else { false } }
    }

    private func isGallery(_ says: String) -> (any Error) -> Bool {
        { if case ShelfScanError.gallery(let message) = $0 { Self.has(message, says) } else { false } }
    }

    private func isClosed(_ error: any Error) -> Bool {
        error as? ShelfScanError == .closed
    }

    private static func has(_ message: String, _ part: String) -> Bool {
        !message.isEmpty && (part.isEmpty || message.contains(part))
    }
}
