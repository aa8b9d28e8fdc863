import Foundation
import XCTest

@testable import ShelfScan

/// What a scan says, whatever form the photo has.
final class ScanTests: XCTestCase {
    func testTheReportHasTheBytesOfTheCommandLine() async throws {
        let scanner = try await Fixtures.scanner.get()
        let names = try String(contentsOf: Fixtures.made.appendingPathComponent("photos.txt"), encoding: .utf8)
            .split(separator: "\n").map(String.init)
        let expected = try String(contentsOf: Fixtures.made.appendingPathComponent("expected.json"), encoding: .utf8)
        if names.count < 2 { print("SKIPPED: Swift scans of real photos, none at ../shared/data") }
        var report = ScanReport()
        for name in names {
            let bytes = try Data(contentsOf: Fixtures.root.appendingPathComponent(name))
            report.photos.append(NamedResult(file: name, result: try await scanner.scan(file: bytes)))
        }
        let facings = report.photos.map(\.result.facings.count)
        print("\(names.count) photos, \(facings.reduce(0, +)) facings, compared with `shelfscan scan --json`")
        XCTAssertFalse(facings.contains(0), "each photo shows containers: \(facings)")
        let ours = try report.json()
        XCTAssertTrue(ours == expected, "differs from the command's at \(ours.commonPrefix(with: expected).suffix(80))")
    }

    func testPixelsSayTheSameInEachFormatAndStride() async throws {
        let scanner = try await Fixtures.scanner.get()
        let small = Fixtures.small
        let plain = try await scanner.scan(small.photo()).saying
        XCTAssertGreaterThan(plain.facings.count, 20)
        for (format, padding) in [(PixelFormat.rgba, 0), (.bgra, 0), (.rgb, 13), (.rgba, 64), (.bgra, 20)] {
            let other = try await scanner.scan(small.photo(format, padding: padding)).saying
            XCTAssertEqual(other, plain, "\(format) with \(padding) bytes after each row")
        }
    }

    func testPixelsSayTheSameHoweverTheyAreStored() async throws {
        let scanner = try await Fixtures.scanner.get()
        let upright = Fixtures.small
        let plain = try await scanner.scan(upright.photo()).saying
        // What must be done to each to make it upright undoes what was done to it here.
        let stored: [(PhotoOrientation, Picture)] = [
            (.rotated270, upright.turned),
            (.rotated180, upright.turned.turned),
            (.rotated90, upright.turned.turned.turned),
            (.mirrored, upright.mirrored),
            (.rotated90Mirrored, upright.mirrored.turned.turned.turned),
            (.rotated180Mirrored, upright.mirrored.turned.turned),
            (.rotated270Mirrored, upright.mirrored.turned),
        ]
        for (orientation, picture) in stored {
            let turned = try await scanner.scan(picture.photo(orientation: orientation)).saying
            XCTAssertEqual(turned.width, plain.width, "\(orientation)")
            XCTAssertEqual(turned.height, plain.height, "\(orientation)")
            XCTAssertEqual(turned.facings.count, plain.facings.count, "\(orientation)")
            for (here, there) in zip(turned.facings, plain.facings) {
                XCTAssertEqual(here.rect.left, there.rect.left, accuracy: 1, "\(orientation)")
                XCTAssertEqual(here.rect.bottom, there.rect.bottom, accuracy: 1, "\(orientation)")
            }
            // Resampling rounds differently along the other axis: a facing at its threshold may fall to the other side.
            let named = zip(turned.facings, plain.facings).filter { $0.sku != $1.sku }.count
            XCTAssertLessThanOrEqual(named, plain.facings.count / 25, "\(orientation)")
        }
    }

    func testPlanesSayTheSameApartAndInterleaved() async throws {
        let scanner = try await Fixtures.scanner.get()
        let small = Fixtures.small.thinned(by: 1)
        let (width, height) = (small.width / 2 * 2, small.height / 2 * 2)
        XCTAssertEqual(width, small.width)
        XCTAssertEqual(height, small.height)
        let planes = small.planes
        func layout(uvRow: Int, uvStep: Int) -> YuvLayout {
            YuvLayout(
                width: UInt32(width),
                height: UInt32(height),
                yRowStride: UInt32(width),
                uvRowStride: UInt32(uvRow),
                uvPixelStride: UInt32(uvStep),
                orientation: .upright
            )
        }
        let apart = try await scanner.scan(
            .planes(y: Data(planes.y), u: Data(planes.u), v: Data(planes.v), layout: layout(uvRow: width / 2, uvStep: 1)))
        let interleaved = Data(zip(planes.u, planes.v).flatMap { [$0, $1] })
        let together = try await scanner.scan(
            .planes(y: Data(planes.y), u: interleaved, v: interleaved.dropFirst(), layout: layout(uvRow: width, uvStep: 2)))
        XCTAssertEqual(apart.saying, together.saying)
        let pixels = try await scanner.scan(small.photo())
        XCTAssertEqual(Double(apart.facings.count), Double(pixels.facings.count), accuracy: 0.1 * Double(pixels.facings.count))
    }

    func testASliceOfDataIsScannedFromItsStart() async throws {
        let scanner = try await Fixtures.scanner.get()
        let (bytes, layout) = Fixtures.small.packed()
        let longer = Data([1, 2, 3, 4, 5]) + bytes
        let slice = longer.dropFirst(5)
        XCTAssertEqual(slice.startIndex, 5)
        let whole = try await scanner.scan(.pixels(bytes, layout: layout))
        let sliced = try await scanner.scan(.pixels(slice, layout: layout))
        XCTAssertEqual(sliced.saying, whole.saying)
        let file = (Data([0xff]) + Fixtures.shelf).dropFirst()
        let small = try await scanner.scan(file: file, options: ScanOptions(confidence: 0.9, closerLooks: false))
        XCTAssertEqual(small.width, 3024)
    }

    func testLentPixelsAreGivenBackOnceWhenThePhotoIsGone() async throws {
        let scanner = try await Fixtures.scanner.get()
        let (bytes, layout) = Fixtures.small.packed(.bgra)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        memory.copyBytes(from: bytes)
        let released = Counter()
        let lent = LentMemory(memory: memory)
        var photo: ShelfPhoto? = .pixels(at: UnsafeRawBufferPointer(memory), layout: layout) {
            released.add()
            lent.memory.deallocate()
        }
        let first = try await scanner.scan(photo!)
        XCTAssertEqual(released.count, 0, "the photo is still there")
        let again = try await scanner.scan(photo!)
        photo = nil
        await eventually { released.count == 1 }
        XCTAssertEqual(released.count, 1)
        XCTAssertEqual(first.saying, again.saying)
        let copied = try await scanner.scan(.pixels(bytes, layout: layout))
        XCTAssertEqual(copied.saying, first.saying)
    }

    func testOptionsAreHeard() async throws {
        let scanner = try await Fixtures.scanner.get()
        let usual = try await scanner.scan(Fixtures.small.photo())
        XCTAssertGreaterThan(usual.facings.count, 20)
        let strict = try await scanner.scan(Fixtures.small.photo(), options: ScanOptions(confidence: 0.9))
        XCTAssertLessThan(strict.facings.count, usual.facings.count)
        XCTAssertTrue(strict.facings.allSatisfy { $0.score >= 0.9 })
        let far = Fixtures.small.farAway(3).photo()
        let closer = try await scanner.scan(far)
        let quick = try await scanner.scan(far, options: ScanOptions(closerLooks: false))
        XCTAssertLessThan(quick.facings.count, closer.facings.count, "small facings need closer looks")
    }

    func testAResultGoesThroughJSONUnchanged() async throws {
        let scanner = try await Fixtures.scanner.get()
        let result = try await scanner.scan(Fixtures.small.photo())
        let back = try JSONDecoder().decode(ScanResult.self, from: JSONEncoder().encode(result))
        XCTAssertEqual(back, result)
        let verdicts = Set(result.facings.map(\.verdict))
        XCTAssertGreaterThan(verdicts.count, 1, "verdicts with and without a number: \(verdicts)")
    }

    func testABundleSaysWhatItIs() async throws {
        let scanner = try await Fixtures.scanner.get()
        let bundle = try await scanner.bundle
        XCTAssertEqual(bundle.name, "drinks")
        let skus = try await scanner.skus
        XCTAssertGreaterThan(skus.count, 10)
        XCTAssertEqual(skus.map(\.id), skus.map(\.id).sorted())
    }

    func testEXIFNumbersAreOrientations() {
        let orientations = (1...8).map { PhotoOrientation(exif: $0) }
        XCTAssertEqual(
            orientations,
            [
                .upright, .mirrored, .rotated180, .rotated180Mirrored, .rotated90Mirrored, .rotated90, .rotated270Mirrored,
                .rotated270,
            ])
        XCTAssertNil(PhotoOrientation(exif: 0))
        XCTAssertNil(PhotoOrientation(exif: 9))
    }
}

/// Memory that a closure of another thread gives back.
private struct LentMemory: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer
}

/// Counts from any thread.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    var count: Int { lock.withLock { value } }

    func add() {
        lock.withLock { value += 1 }
    }
}
