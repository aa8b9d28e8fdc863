// Owns putting the bundle that an app ships where the app may change it. Refuses to judge it: opening does that.

import Foundation

/// Where an app keeps its bundle.
public enum ShelfBundle {
    /// Copies the bundle that the app ships to where SKUs can be enrolled into it, once for each version, and gives its folder there.
    ///
    /// A bundle of that version which is there already is left as it is, with the SKUs enrolled into it. A newer version gets a folder of
    /// its own and knows what it was shipped with: an index belongs to one embedder, so SKUs are enrolled into it anew.
    ///
    /// - Parameters:
    ///   - shipped: the bundle's folder in the app, such as `Bundle.main.url(forResource: "drinks", withExtension: nil)`.
    ///   - folder: where bundles are kept; `ShelfScan` in the app's Application Support folder if nil.
    /// - Throws: ``ShelfScanError/bundle(_:)`` when there is none in `shipped` or it can't be copied.
    public static func installed(from shipped: URL, in folder: URL? = nil) async throws -> URL {
        try await BlockingCalls.run { _ in
            do {
                return try install(from: shipped, in: try folder ?? standardFolder())
            } catch let error as ShelfScanError {
                throw error
            } catch {
                throw ShelfScanError.bundle("the bundle in \(shipped.path) can't be copied: \(error.localizedDescription)")
            }
        }
    }

    /// What of a manifest names the bundle.
    private struct Manifest: Decodable {
        let name: String
        let version: String
    }

    private static func standardFolder() throws -> URL {
        try FileManager.default.url(for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
            .appendingPathComponent("ShelfScan", isDirectory: true)
    }

    private static func install(from shipped: URL, in folder: URL) throws -> URL {
        let files = FileManager.default
        let manifest = shipped.appendingPathComponent("manifest.json")
        let name: String
        do {
            let named = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: manifest))
            name = "\(named.name)-\(named.version)"
        } catch {
            throw ShelfScanError.bundle("there is no bundle in \(shipped.path): \(manifest.lastPathComponent) can't be read (\(error.localizedDescription))")
        }
        guard name.allSatisfy({ $0.isLetter || $0.isNumber || "._-".contains($0) }) else {
            throw ShelfScanError.bundle("\(manifest.path): the name and version `\(name)` can't be those of a folder")
        }
        let destination = folder.appendingPathComponent(name, isDirectory: true)
        if files.fileExists(atPath: destination.path) { return destination }

        // Beside it, on disk, then renamed: a cut at any point leaves a whole bundle or none.
        let scratch = folder.appendingPathComponent(".\(name).\(UUID().uuidString)", isDirectory: true)
        try files.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? files.removeItem(at: scratch) }
        for file in try files.contentsOfDirectory(at: shipped, includingPropertiesForKeys: nil) {
            let copy = scratch.appendingPathComponent(file.lastPathComponent)
            try files.copyItem(at: file, to: copy)
            // A bundle in an app is read-only; this one is to be changed.
            try files.setAttributes([.posixPermissions: 0o644], ofItemAtPath: copy.path)
            let handle = try FileHandle(forUpdating: copy)
            defer { try? handle.close() }
            try handle.synchronize()
        }
        do {
            try files.moveItem(at: scratch, to: destination)
        } catch where files.fileExists(atPath: destination.path) {
            // Another task was faster.
        }
        return destination
    }
}
