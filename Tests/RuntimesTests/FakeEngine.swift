import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// A server at a unix socket that answers as an engine does, and notes what it is asked.
final class FakeEngine: Sendable {
    /// The path of the socket.
    let socket: String
    private let folder: TemporaryFolder
    private let listener: Int32
    private let requests = Mutex<[String]>([])
    private let answers: Mutex<[String: String]>

    /// - Parameter answers: whole answers by what the request begins with, `GET /info`; anything
    ///   else is not found.
    init(_ answers: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        let path = "\(folder.path)/engine"
        socket = path
        self.answers = Mutex(answers)
        let listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 8) == 0)
        Thread.detachNewThread { [weak self] in
            while case let peer = accept(listener, nil, nil), peer >= 0 {
                self?.serve(peer)
                close(peer)
            }
            close(listener)
        }
    }

    // The thread that waits for connections ends with it, and closes what it waits at.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// The first line and the body of each request so far, with a blank in between.
    var asked: [String] { requests.withLock { $0 } }

    /// Answers otherwise from now on.
    func answer(_ request: String, _ answer: String) {
        answers.withLock { $0[request] = answer }
    }

    /// An answer with a document.
    static func json(_ text: String, status: Int = 200) -> String {
        "HTTP/1.0 \(status) X\r\nContent-Type: application/json\r\n\r\n\(text)"
    }

    private func serve(_ peer: Int32) {
        var text = ""
        var block = [UInt8](repeating: 0, count: 4096)
        while !isWhole(text) {
            let count = recv(peer, &block, block.count, 0)
            guard count > 0 else { break }
            text += String(decoding: block[..<count], as: UTF8.self)
        }
        let parts = text.components(separatedBy: "\r\n\r\n")
        let line = parts.first?.components(separatedBy: " HTTP/").first ?? ""
        let body = parts.dropFirst().first ?? ""
        requests.withLock { $0.append(body.isEmpty ? line : "\(line) \(body)") }
        let answer = answers.withLock { answers in
            answers.filter { line.hasPrefix($0.key) }.max { $0.key.count < $1.key.count }?.value
        }
        var rest = Array((answer ?? Self.json("{}", status: 404)).utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest.removeFirst(count)
        }
    }

    /// Whether a request is complete, by the length that its head tells.
    private func isWhole(_ text: String) -> Bool {
        let parts = text.components(separatedBy: "\r\n\r\n")
        guard parts.count > 1 else { return false }
        let length = parts[0].components(separatedBy: "\r\n")
            .first { $0.hasPrefix("Content-Length: ") }
            .flatMap { Int($0.dropFirst("Content-Length: ".count)) }
        return parts[1].utf8.count >= length ?? 0
    }
}
