// Owns the face of the report on some photos. Its bytes are the library's.

import Foundation

/// The results of some photos as one JSON document, schema 1: the same bytes that `shelfscan scan --json` writes and the server answers.
public struct ScanReport: Equatable, Sendable {
    /// Photos with their results, in the report's order.
    public var photos: [NamedResult]
    /// Photos that could not be scanned.
    public var failed: [FailedPhoto]

    public init(photos: [NamedResult] = [], failed: [FailedPhoto] = []) {
        self.photos = photos
        self.failed = failed
    }

    /// A report on one photo.
    ///
    /// - Parameter file: the photo, as the report is to name it.
    public init(of result: ScanResult, file: String) {
        self.init(photos: [NamedResult(file: file, result: result)])
    }

    /// Indented JSON that ends with a line feed.
    public func json() throws -> String {
        do {
            return try reportJson(photos: photos, failed: failed)
        } catch {
            throw seen(error)
        }
    }
}
