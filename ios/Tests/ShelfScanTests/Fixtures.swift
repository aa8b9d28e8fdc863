// What the tests work on: the real library, the shipped bundle, real photos. `cargo xtask test swift` makes it ready and says where it is.

import Foundation
import XCTest

@testable import ShelfScan

enum Fixtures {
    /// The repository's root.
    static let root = folder("SHELFSCAN_ROOT")
    /// What the step made: `photo.rgb`, `expected.json` and the like.
    static let made = folder("SHELFSCAN_FIXTURES")
    static let bundle = root.appendingPathComponent("models/bundles/drinks")
    static let sample = root.appendingPathComponent("models/sample")
    static let shelf = try! Data(contentsOf: sample.appendingPathComponent("shelf.jpg"))

    /// One scanner for all tests that don't change it.
    static let scanner = SharedScanner()

    /// The sample photo's pixels, RGB.
    static let photo: Picture = {
        let size = try! JSONDecoder().decode(Size.self, from: Data(contentsOf: made.appendingPathComponent("photo.json")))
        let bytes = try! Data(contentsOf: made.appendingPathComponent("photo.rgb"))
        return Picture(width: size.width, height: size.height, pixels: [UInt8](bytes))
    }()

    /// The same, small: quick to scan and to turn.
    static let small = photo.thinned(by: 5)

    /// A copy of the bundle in a folder of its own, that may be changed.
    static func copiedBundle() throws -> URL {
        let copy = try temporaryFolder().appendingPathComponent("bundle")
        try FileManager.default.copyItem(at: bundle, to: copy)
        return copy
    }

    static func temporaryFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private struct Size: Decodable {
        let width: Int
        let height: Int
    }

    private static func folder(_ variable: String) -> URL {
        guard let path = ProcessInfo.processInfo.environment[variable] else {
            fatalError("\(variable) is not set: run the tests by `cargo xtask test swift`")
        }
        return URL(fileURLWithPath: path, isDirectory: true)
    }
}

actor SharedScanner {
    private var open: ShelfScanner?

    func get() async throws -> ShelfScanner {
        if let open { return open }
        let opened = try await ShelfScanner.open(Fixtures.bundle, threads: 2)
        open = opened
        return opened
    }
}

/// RGB pixels, row after row.
struct Picture {
    var width: Int
    var height: Int
    var pixels: [UInt8]

    /// Each `step`th pixel across and down.
    func thinned(by step: Int) -> Picture {
        make(width / step, height / step) { x, y in (x * step, y * step) }
    }

    /// A quarter turn clockwise.
    var turned: Picture { make(height, width) { x, y in (y, height - 1 - x) } }

    var mirrored: Picture { make(width, height) { x, y in (width - 1 - x, y) } }

    /// The pixel at each place of a new picture, by where it is in this one.
    private func make(_ newWidth: Int, _ newHeight: Int, from place: (Int, Int) -> (Int, Int)) -> Picture {
        var new = [UInt8](repeating: 0, count: newWidth * newHeight * 3)
        pixels.withUnsafeBufferPointer { old in
            for y in 0..<newHeight {
                for x in 0..<newWidth {
                    let (oldX, oldY) = place(x, y)
                    for channel in 0..<3 {
                        new[(y * newWidth + x) * 3 + channel] = old[(oldY * width + oldX) * 3 + channel]
                    }
                }
            }
        }
        return Picture(width: newWidth, height: newHeight, pixels: new)
    }

    /// As a photo in another format, each row followed by `padding` bytes of noise.
    func photo(_ format: PixelFormat = .rgb, padding: Int = 0, orientation: PhotoOrientation = .upright) -> ShelfPhoto {
        let (bytes, layout) = packed(format, padding: padding, orientation: orientation)
        return .pixels(bytes, layout: layout)
    }

    func packed(
        _ format: PixelFormat = .rgb,
        padding: Int = 0,
        orientation: PhotoOrientation = .upright
    ) -> (Data, PixelLayout) {
        let order: [Int] =
            switch format {
            case .rgb: [0, 1, 2]
            case .rgba: [0, 1, 2, 3]
            case .bgra: [2, 1, 0, 3]
            }
        let stride = width * order.count + padding
        if format == .rgb && padding == 0 { return (Data(pixels), layout(format, stride, orientation)) }
        var bytes = [UInt8](repeating: 0, count: stride * height)
        for y in 0..<height {
            for x in 0..<width {
                for (place, channel) in order.enumerated() {
                    bytes[y * stride + x * order.count + place] = channel == 3 ? UInt8(truncatingIfNeeded: x &* 7) : pixels[(y * width + x) * 3 + channel]
                }
            }
            for place in 0..<padding { bytes[y * stride + width * order.count + place] = UInt8(truncatingIfNeeded: (y + place) &* 31) }
        }
        return (Data(bytes), layout(format, stride, orientation))
    }

    private func layout(_ format: PixelFormat, _ stride: Int, _ orientation: PhotoOrientation) -> PixelLayout {
        PixelLayout(
            width: UInt32(width),
            height: UInt32(height),
            rowStride: UInt32(stride),
            format: format,
            orientation: orientation
        )
    }

    /// In the middle of a grey picture `times` as wide and high: a shelf seen from far away.
    func farAway(_ times: Int) -> Picture {
        var far = Picture(
            width: width * times,
            height: height * times,
            pixels: [UInt8](repeating: 114, count: width * height * times * times * 3)
        )
        let (left, top) = ((far.width - width) / 2, (far.height - height) / 2)
        for row in 0..<height {
            let (from, to) = (row * width * 3, ((top + row) * far.width + left) * 3)
            far.pixels.replaceSubrange(to..<to + width * 3, with: pixels[from..<from + width * 3])
        }
        return far
    }

    /// Full range BT.601: Y, U and V, chroma halved.
    var planes: (y: [UInt8], u: [UInt8], v: [UInt8]) {
        var y = [UInt8](), u = [UInt8](), v = [UInt8]()
        func channels(_ column: Int, _ row: Int) -> (Float, Float, Float) {
            let start = (row * width + column) * 3
            return (Float(pixels[start]), Float(pixels[start + 1]), Float(pixels[start + 2]))
        }
        func byte(_ value: Float) -> UInt8 { UInt8(max(0, min(255, value.rounded()))) }
        for row in 0..<height {
            for column in 0..<width {
                let (red, green, blue) = channels(column, row)
                y.append(byte(0.299 * red + 0.587 * green + 0.114 * blue))
                if row % 2 == 0 && column % 2 == 0 {
                    u.append(byte(128 - 0.168736 * red - 0.331264 * green + 0.5 * blue))
                    v.append(byte(128 + 0.5 * red - 0.418688 * green - 0.081312 * blue))
                }
            }
        }
        return (y, u, v)
    }
}

extension ScanResult {
    /// All but the time it took.
    var saying: ScanResult {
        ScanResult(
            width: width,
            height: height,
            bundle: bundle,
            counts: counts,
            unknown: unknown,
            facings: facings,
            quality: quality,
            timings: ScanTimings(total: 0, decode: 0, detector: 0, embedder: 0)
        )
    }
}

/// Fails unless `body` throws an error that `matches`.
func assertThrows(
    _ matches: (any Error) -> Bool,
    file: StaticString = #filePath,
    line: UInt = #line,
    _ body: () async throws -> some Any
) async {
    do {
        let result = try await body()
        XCTFail("it gave \(result) instead of an error", file: file, line: line)
    } catch {
        XCTAssertTrue(matches(error), "it threw \(error)", file: file, line: line)
    }
}

/// Waits until `condition` holds, ten seconds at most.
func eventually(_ condition: () -> Bool) async {
    for _ in 0..<1000 where !condition() { try? await Task.sleep(for: .milliseconds(10)) }
}
