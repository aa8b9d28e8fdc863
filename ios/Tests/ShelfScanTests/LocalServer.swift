// An HTTP server on this machine, for tests: one request a connection.

#if os(Linux)
import Foundation
import Glibc

final class LocalServer: @unchecked Sendable {
    struct Request {
        let line: String
        let headers: [String: String]
        let body: Data

        func header(_ name: String) -> String? { headers[name] }
    }

    typealias Answer = (status: Int, headers: [String: String], body: String)

    let address: URL
    private let listener: Int32
    private let lock = NSLock()
    private var came: [Request] = []

    var requests: [Request] { lock.withLock { came } }

    init(answer: @escaping @Sendable (Request) -> Answer) throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = socket
        var local = sockaddr_in()
        local.sin_family = sa_family_t(AF_INET)
        local.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &local) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && listen(socket, 16) == 0 && getsockname(socket, address, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRNOTAVAIL) }
        address = URL(string: "http://127.0.0.1:\(UInt16(bigEndian: local.sin_port))")!
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { [weak self] in self?.serve(connection, answer) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ connection: Int32, _ answer: @Sendable (Request) -> Answer) {
        defer { close(connection) }
        var received = Data()
        let end = Data("\r\n\r\n".utf8)
        while received.range(of: end) == nil { guard receive(connection, into: &received) else { return } }
        let head = received.range(of: end)!
        let lines = String(decoding: received[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        if headers["expect"]?.lowercased() == "100-continue" { send(connection, "HTTP/1.1 100 Continue\r\n\r\n") }
        var body = Data(received[head.upperBound...])
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while body.count < length { guard receive(connection, into: &body) else { return } }
        let request = Request(line: lines[0], headers: headers, body: body)
        lock.withLock { came.append(request) }
        let (status, more, text) = answer(request)
        let fields = more.map { "\($0.key): \($0.value)\r\n" }.joined()
        send(connection, "HTTP/1.1 \(status) Said\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\(fields)\r\n\(text)")
    }

    private func receive(_ connection: Int32, into data: inout Data) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(connection, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        data.append(contentsOf: buffer[..<count])
        return true
    }

    private func send(_ connection: Int32, _ text: String) {
        var rest = ArraySlice(text.utf8)
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
#endif
