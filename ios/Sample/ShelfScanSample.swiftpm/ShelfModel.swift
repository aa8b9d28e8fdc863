// Owns what the app knows: the scanner, the photo on screen, its scan, and what a person corrected.

import ShelfScan
import SwiftUI

@MainActor
final class ShelfModel: ObservableObject {
    /// A photo and what was found on it.
    struct Shelf {
        let image: UIImage
        let result: ScanResult
        /// What a person said instead, by the facing's index: a SKU's id, or nil for none of the SKUs.
        var corrections: [Int: String?] = [:]

        func sku(of facing: Int) -> String? {
            corrections[facing] ?? result.facings[facing].sku
        }

        /// Facings by SKU, most first; the last is those of no SKU.
        func counts(named: (String) -> String) -> [Row] {
            let skus = Dictionary(grouping: result.facings.indices, by: sku(of:)).mapValues(\.count)
            let rows = skus.compactMap { sku, count in sku.map { Row(id: $0, name: named($0), count: count) } }
                .sorted { ($1.count, $0.id) < ($0.count, $1.id) }
            return rows + [Row(id: "", name: "Unknown", count: skus[nil] ?? 0)]
        }
    }

    struct Row: Identifiable {
        let id: String
        let name: String
        let count: Int
    }

    @Published private(set) var shelf: Shelf?
    @Published private(set) var skus: [Sku] = []
    @Published private(set) var isScanning = false
    /// What went wrong last, for the person.
    @Published var problem: String?

    private var scanner: ShelfScanner?
    private var scan: Task<Void, Never>?

    /// Opens the bundle, from where SKUs can be enrolled into it.
    func open() async {
        guard scanner == nil, let shipped = Bundle.main.url(forResource: "drinks", withExtension: nil) else { return }
        do {
            let opened = try await ShelfScanner.open(try await ShelfBundle.installed(from: shipped))
            skus = try await opened.skus
            scanner = opened
        } catch {
            problem = error.localizedDescription
        }
    }

    /// Scans a photo in place of the one that is being scanned.
    func scan(_ image: UIImage) {
        guard let scanner else { return }
        scan?.cancel()
        isScanning = true
        scan = Task {
            do {
                let result = try await scanner.scan(.image(image))
                shelf = Shelf(image: image, result: result)
                problem = result.quality.findings.first?.advice
            } catch is CancellationError {
                return  // for another photo
            } catch {
                problem = error.localizedDescription
            }
            isScanning = false
        }
    }

    func cancel() {
        scan?.cancel()
        isScanning = false
    }

    /// Takes a person's word for a facing: a SKU's id, or nil for none of the SKUs.
    func correct(_ facing: Int, to sku: String?) {
        shelf?.corrections[facing] = .some(sku)
    }

    func name(of sku: String) -> String {
        skus.first { $0.id == sku }?.name ?? sku
    }

    func releaseMemory() {
        guard let scanner else { return }
        Task { try? await scanner.releaseMemory() }
    }
}
