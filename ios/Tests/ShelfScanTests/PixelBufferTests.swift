// On Linux, over a stand-in for Core Video: ../StandIns/CoreVideo.

#if os(Linux)
import CoreVideo
import Foundation
import XCTest

@testable import ShelfScan

/// A camera's buffers are scanned where they lie, locked for as long as that takes.
final class PixelBufferTests: XCTestCase {
    func testABGRABufferSaysWhatItsPixelsSay() async throws {
        let scanner = try await Fixtures.scanner.get()
        let small = Fixtures.small
        let (bytes, layout) = small.packed(.bgra, padding: 32)
        let plane = CVPixelBuffer.Plane(bytes: [UInt8](bytes), bytesPerRow: Int(layout.rowStride), height: small.height)
        let buffer = CVPixelBuffer(format: kCVPixelFormatType_32BGRA, width: small.width, planes: [plane])
        let scanned = try await scanner.scan(.pixelBuffer(buffer))
        let plain = try await scanner.scan(small.photo())
        XCTAssertEqual(scanned.saying, plain.saying)
        XCTAssertEqual(buffer.locked, 1)
        XCTAssertEqual(buffer.locks, 0, "it is unlocked after the scan")
    }

    func testATurnedBufferIsMadeUpright() async throws {
        let scanner = try await Fixtures.scanner.get()
        let lying = Fixtures.small.turned.turned.turned
        let (bytes, layout) = lying.packed(.bgra)
        let plane = CVPixelBuffer.Plane(bytes: [UInt8](bytes), bytesPerRow: Int(layout.rowStride), height: lying.height)
        let buffer = CVPixelBuffer(format: kCVPixelFormatType_32BGRA, width: lying.width, planes: [plane])
        let scanned = try await scanner.scan(.pixelBuffer(buffer, orientation: .rotated90))
        XCTAssertEqual(Int(scanned.width), Fixtures.small.width)
        let plain = try await scanner.scan(lying.photo(orientation: .rotated90))
        XCTAssertEqual(scanned.saying, plain.saying)
    }

    func testABiplanarBufferSaysWhatItsPlanesSay() async throws {
        let scanner = try await Fixtures.scanner.get()
        let small = Fixtures.small
        let (width, height) = (small.width, small.height)
        let planes = small.planes
        let (yRow, uvRow) = (width + 10, width + 22)
        var y = [UInt8](repeating: 9, count: yRow * height), chroma = [UInt8](repeating: 9, count: uvRow * (height / 2))
        for row in 0..<height {
            y.replaceSubrange(row * yRow..<row * yRow + width, with: planes.y[row * width..<(row + 1) * width])
        }
        for row in 0..<height / 2 {
            for column in 0..<width / 2 {
                chroma[row * uvRow + 2 * column] = planes.u[row * (width / 2) + column]
                chroma[row * uvRow + 2 * column + 1] = planes.v[row * (width / 2) + column]
            }
        }
        let buffer = CVPixelBuffer(
            format: kCVPixelFormatType_420YpCbCr8BiPlanarFullRange,
            width: width,
            planes: [
                .init(bytes: y, bytesPerRow: yRow, height: height),
                .init(bytes: chroma, bytesPerRow: uvRow, height: height / 2),
            ]
        )
        let scanned = try await scanner.scan(.pixelBuffer(buffer))
        let layout = YuvLayout(
            width: UInt32(width),
            height: UInt32(height),
            yRowStride: UInt32(width),
            uvRowStride: UInt32(width / 2),
            uvPixelStride: 1,
            orientation: .upright
        )
        let plain = try await scanner.scan(.planes(y: Data(planes.y), u: Data(planes.u), v: Data(planes.v), layout: layout))
        XCTAssertEqual(scanned.saying, plain.saying)
        XCTAssertEqual(buffer.locks, 0)
    }

    func testABufferOfAnotherFormatIsRefusedByName() async throws {
        let scanner = try await Fixtures.scanner.get()
        let plane = CVPixelBuffer.Plane(bytes: [UInt8](repeating: 0, count: 64), bytesPerRow: 8, height: 8)
        let buffer = CVPixelBuffer(format: 0x3432_3076, width: 8, planes: [plane])
        await assertThrows({
            guard case ShelfScanError.photo(let message) = $0 else { return false }
            return message.contains("`420v`") && message.contains("kCVPixelFormatType_32BGRA")
        }) { try await scanner.scan(.pixelBuffer(buffer)) }
        XCTAssertEqual(buffer.locks, 0, "it is unlocked after a failure too")
    }

    func testABufferThatCantBeLockedIsAnError() async throws {
        let scanner = try await Fixtures.scanner.get()
        let plane = CVPixelBuffer.Plane(bytes: [UInt8](repeating: 0, count: 64), bytesPerRow: 8, height: 8)
        let buffer = CVPixelBuffer(format: kCVPixelFormatType_32BGRA, width: 2, planes: [plane])
        buffer.lockAnswer = kCVReturnAllocationFailed
        await assertThrows({
            guard case ShelfScanError.photo(let message) = $0 else { return false }
            return message.contains("-6662")
        }) { try await scanner.scan(.pixelBuffer(buffer)) }
        XCTAssertEqual(buffer.locks, 0)
    }
}
#endif
