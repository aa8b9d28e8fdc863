import Foundation
import XCTest

@testable import ShelfScan

/// Boxes in the view, and taps back on the photo.
final class OverlayTests: XCTestCase {
    private let photo = CGSize(width: 300, height: 400)
    private let box = FacingBox(left: 30, top: 40, right: 90, bottom: 140)

    func testFitPutsBarsBesideThePhoto() {
        let mapping = OverlayMapping(photoSize: photo, viewSize: CGSize(width: 400, height: 200))
        // Half the size, 150 wide, 125 to the left of it.
        assert(mapping.rect(for: box), CGRect(x: 140, y: 20, width: 30, height: 50))
    }

    func testFillCutsThePhotoOff() {
        let mapping = OverlayMapping(photoSize: photo, viewSize: CGSize(width: 600, height: 400), contentMode: .fill)
        // Twice the size, 800 high, 200 above the view.
        assert(mapping.rect(for: box), CGRect(x: 60, y: -120, width: 120, height: 200))
    }

    func testTurnsAreClockwise() {
        let view = CGSize(width: 400, height: 300)
        let quarter = OverlayMapping(photoSize: photo, viewSize: view, turn: .quarter)
        // The photo's left edge is on top, its bottom on the left.
        assert(quarter.rect(for: box), CGRect(x: 260, y: 30, width: 100, height: 60))
        let threeQuarters = OverlayMapping(photoSize: photo, viewSize: view, turn: .threeQuarters)
        assert(threeQuarters.rect(for: box), CGRect(x: 40, y: 210, width: 100, height: 60))
        let half = OverlayMapping(photoSize: photo, viewSize: photo, turn: .half)
        assert(half.rect(for: box), CGRect(x: 210, y: 260, width: 60, height: 100))
    }

    func testMirroringComesAfterTheTurn() {
        let plain = OverlayMapping(photoSize: photo, viewSize: photo, isMirrored: true)
        assert(plain.rect(for: box), CGRect(x: 210, y: 40, width: 60, height: 100))
        let turned = OverlayMapping(
            photoSize: photo,
            viewSize: CGSize(width: 400, height: 300),
            turn: .quarter,
            isMirrored: true
        )
        assert(turned.rect(for: box), CGRect(x: 40, y: 30, width: 100, height: 60))
    }

    func testAPointThereAndBackIsWhereItWas() {
        for turn in OverlayMapping.Turn.allCases {
            for isMirrored in [false, true] {
                for mode in [OverlayMapping.ContentMode.fit, .fill] {
                    let mapping = OverlayMapping(
                        photoSize: photo,
                        viewSize: CGSize(width: 390, height: 844),
                        contentMode: mode,
                        turn: turn,
                        isMirrored: isMirrored
                    )
                    let point = CGPoint(x: 123, y: 45)
                    let back = mapping.photoPoint(for: mapping.point(forPhoto: point))
                    XCTAssertEqual(back.x, point.x, accuracy: 1e-6, "\(turn) \(isMirrored) \(mode)")
                    XCTAssertEqual(back.y, point.y, accuracy: 1e-6, "\(turn) \(isMirrored) \(mode)")
                }
            }
        }
    }

    func testATapFindsTheSmallestFacingAroundIt() {
        let facings = [
            facing(FacingBox(left: 0, top: 0, right: 200, bottom: 200)),
            facing(FacingBox(left: 50, top: 50, right: 100, bottom: 100)),
            facing(FacingBox(left: 200, top: 0, right: 300, bottom: 50)),
        ]
        let mapping = OverlayMapping(photoSize: photo, viewSize: CGSize(width: 600, height: 800))
        XCTAssertEqual(mapping.index(of: facings, at: CGPoint(x: 150, y: 150)), 1)
        XCTAssertEqual(mapping.index(of: facings, at: CGPoint(x: 20, y: 20)), 0)
        XCTAssertEqual(mapping.index(of: facings, at: CGPoint(x: 500, y: 60)), 2)
        XCTAssertNil(mapping.index(of: facings, at: CGPoint(x: 590, y: 790)))
    }

    func testAScansPhotoIsMappedByItsSize() async throws {
        let scanner = try await Fixtures.scanner.get()
        let result = try await scanner.scan(Fixtures.small.photo())
        let view = CGSize(width: CGFloat(result.width) / 2, height: CGFloat(result.height) / 2)
        let mapping = OverlayMapping(of: result, viewSize: view)
        let facing = try XCTUnwrap(result.facings.first)
        assert(mapping.rect(for: facing.rect), facing.rect.rect.applying(scale: 0.5))
        let middle = mapping.point(forPhoto: CGPoint(x: facing.rect.rect.midX, y: facing.rect.rect.midY))
        XCTAssertNotNil(mapping.index(of: result.facings, at: middle))
    }

    private func facing(_ rect: FacingBox) -> Facing {
        Facing(
            rect: rect,
            container: "bottle",
            score: 1,
            sku: nil,
            verdict: .emptyIndex,
            similarity: 0,
            margin: 0,
            candidates: [],
            row: 0,
            place: 0
        )
    }

    private func assert(_ one: CGRect, _ other: CGRect, line: UInt = #line) {
        XCTAssertEqual(one.minX, other.minX, accuracy: 1e-4, "\(one)", line: line)
        XCTAssertEqual(one.minY, other.minY, accuracy: 1e-4, "\(one)", line: line)
        XCTAssertEqual(one.width, other.width, accuracy: 1e-4, "\(one)", line: line)
        XCTAssertEqual(one.height, other.height, accuracy: 1e-4, "\(one)", line: line)
    }
}

extension CGRect {
    fileprivate func applying(scale: CGFloat) -> CGRect {
        CGRect(x: minX * scale, y: minY * scale, width: width * scale, height: height * scale)
    }
}
