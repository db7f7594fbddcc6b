import Foundation
import Glibc
import SystemPackage

/// Sends one HTTP request over a unix socket, as the APIs of Docker and Podman expect it.
///
/// It speaks HTTP/1.0, where the end of the connection ends the response, so chunked encoding and
/// keep-alive need no support. Time limit and size limit (4 MiB) bound what a hung or broken server
/// can cost.
enum UnixHTTP {
    /// The status code and body of a response.
    struct Answer {
        var status: Int
        var body: Data
    }

    /// Sends a GET request.
    ///
    /// - Parameters:
    ///   - path: plain ASCII without spaces, such as `/info`.
    ///   - socket: the path of the socket.
    ///   - seconds: the time limit for the whole exchange.
    /// - Throws: `timedOut`, `fileTooLarge` above 4 MiB, `protocolError` if the response is not
    ///   HTTP, or the errno of a socket call.
    static func get(_ path: String, at socket: String, seconds: Int) throws(Errno) -> Answer {
        try send("GET", path, body: nil, at: socket, seconds: seconds)
    }

    /// Sends a POST request with a JSON document, or with an empty body.
    ///
    /// Parameters and errors are those of `get`.
    static func post(
        _ path: String, _ body: Data?, at socket: String, seconds: Int
    ) throws(Errno) -> Answer {
        try send("POST", path, body: body ?? Data(), at: socket, seconds: seconds)
    }

    /// Connects, sends the request and reads the response until the connection ends.
    private static func send(
        _ method: String, _ path: String, body: Data?, at socket: String, seconds: Int
    ) throws(Errno) -> Answer {
        let deadline = bootMilliseconds() + Int64(seconds) * 1000
        let connection = try connected(to: socket, until: deadline)
        defer { close(connection) }
        var head = "\(method) \(path) HTTP/1.0\r\nHost: localhost\r\n"
        if let body {
            head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        }
        var request = (Array("\(head)\r\n".utf8) + (body ?? Data()))[...]
        while !request.isEmpty {
            try wait(connection, SO_SNDTIMEO, until: deadline)
            let count = request.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(errno) }
            request.removeFirst(count)
        }
        var answer = Data()
        var block = [UInt8](repeating: 0, count: 16_384)
        while true {
            try wait(connection, SO_RCVTIMEO, until: deadline)
            let count = block.withUnsafeMutableBytes {
                recv(connection, $0.baseAddress, $0.count, 0)
            }
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(errno) }
            answer.append(contentsOf: block[..<count])
            guard answer.count < 4 << 20 else { throw .fileTooLarge }
        }
        guard let parsed = parse(answer) else { throw .protocolError }
        return parsed
    }

    /// Sets the timeout of the next socket call to the time that is left.
    ///
    /// - Parameter option: `SO_SNDTIMEO` or `SO_RCVTIMEO` (socket(7)).
    /// - Throws: `timedOut` if the deadline has passed.
    private static func wait(
        _ connection: Int32, _ option: Int32, until deadline: Int64
    ) throws(Errno) {
        let left = deadline - bootMilliseconds()
        guard left > 0 else { throw .timedOut }
        var limit = timeval(tv_sec: Int(left / 1000), tv_usec: Int(left % 1000) * 1000)
        setsockopt(
            connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// The error of a socket call; an expired socket timeout is reported as EAGAIN.
    private static func failure(_ code: Int32) -> Errno {
        code == EAGAIN || code == EWOULDBLOCK ? .timedOut : Errno(rawValue: code)
    }

    /// Milliseconds since boot, a clock that is never set back.
    private static func bootMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Opens a connection to a unix socket.
    ///
    /// - Throws: `fileNameTooLong` if the path does not fit into `sockaddr_un` (108 bytes).
    private static func connected(
        to path: String, until deadline: Int64
    ) throws(Errno) -> Int32 {
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
        do throws(Errno) {
            try wait(connection, SO_SNDTIMEO, until: deadline)
        } catch {
            close(connection)
            throw error
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(connection, $0, size) }
        }
        guard result == 0 else {
            let error = errno
            close(connection)
            throw failure(error)
        }
        return connection
    }

    /// Splits a response into the status code and what follows the empty line.
    ///
    /// - Returns: `nil` if it is not an HTTP/1.x response.
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
