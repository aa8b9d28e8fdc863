import Foundation
import XCTest

@testable import ShelfScan

/// Enrolling on the phone, and where the bundle lies meanwhile.
final class GalleryTests: XCTestCase {
    func testASkuEnrolledFromPicturesIsNamedInTheNextScanAndAfterOpeningAgain() async throws {
        let folder = try await ShelfBundle.installed(from: Fixtures.bundle, in: try Fixtures.temporaryFolder())
        let scanner = try await ShelfScanner.open(folder, threads: 2)
        let before = try await scanner.bundle
        let product = try products()[0]
        let session = scanner.enrol(Sku(id: product.lastPathComponent, name: "New"))
        for picture in try pictures(of: product) {
            let known = try await session.add(.file(try Data(contentsOf: picture)), subject: .whole)
            XCTAssertFalse(known.isEmpty)
            XCTAssertFalse(known.contains { $0.sku == product.lastPathComponent }, "it is not enrolled yet")
        }
        let added = await session.count
        XCTAssertGreaterThan(added, 2)
        let taken = await session.removeLast()
        XCTAssertTrue(taken)
        let left = await session.count
        XCTAssertEqual(left, added - 1)

        let saved = try await session.save()
        XCTAssertNotEqual(saved.index, before.index)
        let afterwards = await session.count
        XCTAssertEqual(afterwards, 0)
        let named = try await count(of: product.lastPathComponent, by: scanner)
        XCTAssertGreaterThan(named, 0, "it stands on the sample's shelf")

        await scanner.close()
        let again = try await ShelfScanner.open(folder, threads: 2)
        let later = try await count(of: product.lastPathComponent, by: again)
        XCTAssertEqual(later, named)
        try await again.removeSku(product.lastPathComponent)
        let removed = try await count(of: product.lastPathComponent, by: again)
        XCTAssertEqual(removed, 0)
        await again.close()
    }

    func testAPictureOfPixelsIsAddedToo() async throws {
        let scanner = try await Fixtures.scanner.get()
        let session = scanner.enrol(Sku(id: "new", name: "New"))
        let known = try await session.add(Fixtures.small.photo(.bgra, padding: 8))
        XCTAssertFalse(known.isEmpty)
        let count = await session.count
        XCTAssertEqual(count, 1)
    }

    func testABundleIsInstalledOnceAndKeepsWhatWasEnrolled() async throws {
        let folder = try Fixtures.temporaryFolder()
        let first = try await ShelfBundle.installed(from: Fixtures.bundle, in: folder)
        XCTAssertTrue(first.lastPathComponent.hasPrefix("drinks-"))
        let scanner = try await ShelfScanner.open(first, threads: 1)
        let session = scanner.enrol(Sku(id: "mine", name: "Mine"))
        _ = try await session.add(Fixtures.small.photo(), subject: .whole)
        try await session.save()
        await scanner.close()

        let second = try await ShelfBundle.installed(from: Fixtures.bundle, in: folder)
        XCTAssertEqual(second, first)
        let again = try await ShelfScanner.open(second, threads: 1)
        let skus = try await again.skus
        XCTAssertTrue(skus.contains { $0.id == "mine" })
        await again.close()
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [first.lastPathComponent])
    }

    func testTasksThatInstallAtTheSameTimeGetOneWholeBundle() async throws {
        let folder = try Fixtures.temporaryFolder()
        let installed = try await withThrowingTaskGroup(of: URL.self) { group in
            for _ in 0..<6 { group.addTask { try await ShelfBundle.installed(from: Fixtures.bundle, in: folder) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        XCTAssertEqual(installed.count, 1)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path).count, 1)
        let opened = try await ShelfScanner.open(installed.first!, threads: 1)
        await opened.close()
    }

    func testWhereThereIsNoBundleNothingIsInstalled() async throws {
        let folder = try Fixtures.temporaryFolder()
        await assertThrows({
            guard case ShelfScanError.bundle(let message) = $0 else { return false }
            return message.contains("manifest.json")
        }) { try await ShelfBundle.installed(from: Fixtures.sample, in: folder) }
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [])
    }

    private func products() throws -> [URL] {
        let gallery = Fixtures.sample.appendingPathComponent("gallery")
        return try FileManager.default.contentsOfDirectory(at: gallery, includingPropertiesForKeys: [.isDirectoryKey])
            .filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
            .sorted { $0.path < $1.path }
    }

    private func pictures(of product: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: product, includingPropertiesForKeys: nil).sorted { $0.path < $1.path }
    }

    private func count(of sku: String, by scanner: ShelfScanner) async throws -> UInt32 {
        let result = try await scanner.scan(file: Fixtures.shelf)
        return result.counts.first { $0.sku == sku }?.count ?? 0
    }
}
