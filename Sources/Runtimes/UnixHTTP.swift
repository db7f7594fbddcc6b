import Foundation
import Glibc
import SystemPackage

/// One request over a unix socket, as Docker and Podman answer it.
///
/// By HTTP/1.0, where an answer ends with its connection: no chunks, no second request. A socket
/// that is dead or slow costs its time limit, never more.
enum UnixHTTP {
    struct Answer {
        var status: Int
        var body: Data
    }

    static func get(_ path: String, at socket: String, seconds: Int) throws(Errno) -> Answer {
        try send("GET", path, body: nil, at: socket, seconds: seconds)
    }

    /// Posts a JSON document, or nothing.
    static func post(
        _ path: String, _ body: Data?, at socket: String, seconds: Int
    ) throws(Errno) -> Answer {
        try send("POST", path, body: body ?? Data(), at: socket, seconds: seconds)
    }

    /// - Parameters:
    ///   - path: of plain ASCII without spaces.
    ///   - seconds: the time limit for all of it.
    private static func send(
        _ method: String, _ path: String, body: Data?, at socket: String, seconds: Int
    ) throws(Errno) -> Answer {
        let deadline = time(nil) + seconds
        let connection = try connected(to: socket, seconds: seconds)
        defer { close(connection) }
        var head = "\(method) \(path) HTTP/1.0\r\nHost: localhost\r\n"
        if let body {
            head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        }
        var request = (Array("\(head)\r\n".utf8) + (body ?? Data()))[...]
        while !request.isEmpty {
            let count = request.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Errno(rawValue: errno) }
            request.removeFirst(count)
        }
        var answer = Data()
        var block = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = block.withUnsafeMutableBytes {
                recv(connection, $0.baseAddress, $0.count, 0)
            }
            if count == 0 { break }
            guard count > 0 else { throw Errno(rawValue: errno) }
            answer.append(contentsOf: block[..<count])
            guard answer.count < 4 << 20 else { throw .fileTooLarge }
            guard time(nil) <= deadline else { throw .timedOut }
        }
        guard let parsed = parse(answer) else { throw .protocolError }
        return parsed
    }

    private static func connected(to path: String, seconds: Int) throws(Errno) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .fileNameTooLong
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let connection = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { throw Errno(rawValue: errno) }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(connection, $0, size) }
        }
        guard result == 0 else {
            let error = errno
            close(connection)
            throw Errno(rawValue: error)
        }
        return connection
    }

    /// Takes an answer apart: its status line, and what follows the empty line.
    static func parse(_ answer: Data) -> Answer? {
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        let words = head.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return nil
        }
        return Answer(status: status, body: Data(answer[end.upperBound...]))
    }
}
