// Owns the kinds of errors that an app sees, and the one place where those of the library become them.

import Foundation
import ShelfScanFFI

/// Why a call failed. The message says what is wrong, with which file or field, and what to do.
///
/// A cancelled scan throws `CancellationError`, as everything in Swift does.
public enum ShelfScanError: Error, Equatable, Sendable {
    /// The photo can't be scanned: damaged, of another format, too large, or its pixels are not what its layout says. Another photo
    /// may work.
    case photo(String)
    /// The bundle can't be used: a file is missing, damaged or of another bundle, or the self-test failed on this device.
    case bundle(String)
    /// TensorFlow Lite is missing, of an unusable version, or failed.
    case runtime(String)
    /// A SKU was not enrolled or removed; the bundle is as it was.
    case gallery(String)
    /// What is to be queued can't travel: the box is not on the photo, or a tag, a label, a key or an id is not as it must be.
    case item(String)
    /// The queue's file can't be read or written, or another process has it open. Nothing accepted is lost.
    case queue(String)
    /// The disk is full. Nothing accepted is lost, the queue goes on when there is room.
    case diskFull(String)
    /// The scanner was closed; open the bundle again to go on.
    case closed
    /// A fault of the library: the call had no effect, the app may go on. Please report it.
    case fault(String)
}

extension ShelfScanError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case .photo(let message), .bundle(let message), .runtime(let message), .gallery(let message),
            .item(let message), .queue(let message), .diskFull(let message):
            message
        case .closed: "the scanner was closed; open the bundle again to go on"
        case .fault(let message): "a fault of the library, please report it: \(message)"
        }
    }
}

/// What an app is to see of an error of the library.
func seen(_ error: any Error) -> any Error {
    switch error {
    case CoreError.Photo(let message): ShelfScanError.photo(message)
    case CoreError.Bundle(let message): ShelfScanError.bundle(message)
    case CoreError.Runtime(let message): ShelfScanError.runtime(message)
    case CoreError.Gallery(let message): ShelfScanError.gallery(message)
    case CoreError.Item(let message): ShelfScanError.item(message)
    // Opening sets a damaged file aside; one that is damaged later can't be read.
    case CoreError.Queue(let message), CoreError.QueueDamaged(let message): ShelfScanError.queue(message)
    case CoreError.DiskFull(let message): ShelfScanError.diskFull(message)
    case CoreError.Cancelled: CancellationError()
    case CoreError.Closed: ShelfScanError.closed
    case is ShelfScanError, is CancellationError: error
    default: ShelfScanError.fault((error as? any LocalizedError)?.errorDescription ?? String(describing: error))
    }
}

// uniffi 0.32 renames the error everywhere but in constructors, which ask for it by this name.
// swiftlint:disable:next identifier_name
func FfiConverterTypeShelfscanError_lift(_ buffer: RustBuffer) throws -> CoreError {
    try FfiConverterTypeCoreError_lift(buffer)
}
