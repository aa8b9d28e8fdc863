// Owns what the app knows: the scanner, the photo on screen, its scan, what a person corrected, and the queue of crops.

import ShelfScan
import SwiftUI

@MainActor
final class ShelfModel: ObservableObject {
    /// A photo and what was found on it.
    struct Shelf {
        let image: UIImage
        let result: ScanResult
        /// What a person said instead, by the facing's index.
        var corrections: [Int: FacingCorrection] = [:]

        /// The facing's SKU; nil where it is unknown, or none yet.
        func sku(of facing: Int) -> String? {
            switch corrections[facing] {
            case .sku(let id): id
            case .newSku, .notAProduct: nil
            case nil: result.facings[facing].sku
            }
        }

        /// Facings by SKU, most first; the last is those of no SKU.
        func counts(named: (String) -> String) -> [Row] {
            let products = result.facings.indices.filter { corrections[$0] != .notAProduct }
            let skus = Dictionary(grouping: products, by: sku(of:)).mapValues(\.count)
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

    /// What waits for the server; nil until the queue is open.
    @Published private(set) var queueStatus: QueueStatus?
    @Published private(set) var isSyncing = false

    private var scanner: ShelfScanner?
    private var queue: ShelfQueue?
    private var scan: Task<Void, Never>?

    /// Opens the bundle, from where SKUs can be enrolled into it.
    func open() async {
        guard scanner == nil, let shipped = Bundle.main.url(forResource: "drinks", withExtension: nil) else { return }
        do {
            let opened = try await ShelfScanner.open(try await ShelfBundle.installed(from: shipped))
            skus = try await opened.skus
            scanner = opened
            let support = try FileManager.default.url(for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
            let settings = QueueSettings(metered: .corrections, publicKeys: Server.publicKeys)
            let opening = try await ShelfQueue.open(support.appendingPathComponent("review.queue"), settings: settings)
            await opening.setToken(Server.token)
            queue = opening
            await readQueue()
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
                try await queue?.offer(result, of: .image(image), scanner: scanner)
                await readQueue()
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

    /// Takes a person's word for a facing.
    func correct(_ facing: Int, to correction: FacingCorrection) {
        guard let scanner, let shown = shelf else { return }
        shelf?.corrections[facing] = correction
        Task {
            do {
                let kept = try await queue?.correct(
                    shown.result.facings[facing], to: correction, on: .image(shown.image), scanner: scanner)
                if kept?.full == 1 { problem = "There is no room for this correction: sync first." }
            } catch {
                problem = error.localizedDescription
            }
            await readQueue()
        }
    }

    /// Sends what waits and takes over the office's SKUs.
    func sync() {
        guard let scanner, let queue, !isSyncing else { return }
        isSyncing = true
        Task {
            do {
                let driver = SyncDriver(queue: queue, scanner: scanner, transport: URLSessionTransport(server: Server.address))
                // A person asked for it: what the network costs is theirs to decide.
                let round = try await driver.sync(SyncConditions(network: .unmetered, batteryLow: false))
                switch round.end {
                case .allSent, .cancelled: break
                case .wait(let until): problem = "The server can't be reached. Next try after \(until.formatted(date: .omitted, time: .shortened))."
                case .held(.noToken), .held(.tokenRejected): problem = "Sign in to the server first."
                case .held(let reason): problem = "Nothing was sent: \(reason)."
                }
                skus = try await scanner.skus
            } catch {
                problem = error.localizedDescription
            }
            await readQueue()
            isSyncing = false
        }
    }

    private func readQueue() async {
        queueStatus = try? await queue?.status
    }

    func name(of sku: String) -> String {
        skus.first { $0.id == sku }?.name ?? sku
    }

    func releaseMemory() {
        guard let scanner else { return }
        Task { try? await scanner.releaseMemory() }
    }
}

/// Where the crops go. Yours.
enum Server {
    static let address = URL(string: "https://shelves.example.com")!
    /// From the app's sign-in.
    static let token: String? = nil
    /// Of the office that publishes SKUs: 64 hex digits each.
    static let publicKeys: [String] = []
}
