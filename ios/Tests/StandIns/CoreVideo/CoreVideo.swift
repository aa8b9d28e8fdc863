// Stands in for Core Video where tests run on Linux: the functions that the package calls, with Apple's names and types, over memory that
// is there only while it is locked. What it can't tell is how Apple's own behaves beyond that.

public typealias OSType = UInt32
public typealias CVReturn = Int32

public let kCVReturnSuccess: CVReturn = 0
public let kCVReturnAllocationFailed: CVReturn = -6662
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = 0x3432_3066

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

public final class CVPixelBuffer {
    public struct Plane {
        let bytesPerRow: Int
        let height: Int
        let memory: UnsafeMutableRawBufferPointer

        public init(bytes: [UInt8], bytesPerRow: Int, height: Int) {
            self.bytesPerRow = bytesPerRow
            self.height = height
            memory = .allocate(byteCount: bytes.count, alignment: 64)
            memory.copyBytes(from: bytes)
        }
    }

    let format: OSType
    let width: Int
    let planes: [Plane]
    /// What locking it answers.
    public var lockAnswer = kCVReturnSuccess
    /// How often it is locked now.
    public private(set) var locks = 0
    /// How often it was locked.
    public private(set) var locked = 0

    public init(format: OSType, width: Int, planes: [Plane]) {
        self.format = format
        self.width = width
        self.planes = planes
    }

    deinit {
        planes.forEach { $0.memory.deallocate() }
    }

    func lock() -> CVReturn {
        guard lockAnswer == kCVReturnSuccess else { return lockAnswer }
        locks += 1
        locked += 1
        return kCVReturnSuccess
    }

    func unlock() -> CVReturn {
        precondition(locks > 0, "it is not locked")
        locks -= 1
        return kCVReturnSuccess
    }

    func address(_ plane: Int) -> UnsafeMutableRawPointer? {
        locks > 0 ? planes[plane].memory.baseAddress : nil
    }
}

public func CVPixelBufferLockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { buffer.lock() }
@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { buffer.unlock() }
public func CVPixelBufferGetPixelFormatType(_ buffer: CVPixelBuffer) -> OSType { buffer.format }
public func CVPixelBufferGetWidth(_ buffer: CVPixelBuffer) -> Int { buffer.width }
public func CVPixelBufferGetHeight(_ buffer: CVPixelBuffer) -> Int { buffer.planes[0].height }
public func CVPixelBufferGetBytesPerRow(_ buffer: CVPixelBuffer) -> Int { buffer.planes[0].bytesPerRow }
public func CVPixelBufferGetBaseAddress(_ buffer: CVPixelBuffer) -> UnsafeMutableRawPointer? { buffer.address(0) }
public func CVPixelBufferGetBytesPerRowOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { buffer.planes[plane].bytesPerRow }
public func CVPixelBufferGetHeightOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> Int { buffer.planes[plane].height }
public func CVPixelBufferGetBaseAddressOfPlane(_ buffer: CVPixelBuffer, _ plane: Int) -> UnsafeMutableRawPointer? { buffer.address(plane) }
