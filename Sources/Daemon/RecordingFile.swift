import CZlib
import Glibc
import Units

/// A gzip file of lines and raw texts, written from beginning to end.
final class RecordingWriter {
    private let file: gzFile
    private let path: String
    private var buffer: [UInt8] = []

    init(_ path: String) throws(Fault) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = gzdopen(descriptor, "wb6") else {
            throw Fault(
                errno == EACCES || errno == EPERM || errno == EROFS ? .notPermitted : .unavailable,
                at: path,
                problem: errno == EEXIST
                    ? "the file exists already"
                    : "it cannot be written (\(String(cString: strerror(errno))))",
                suggestion: "Name a new file in a folder this user may write")
        }
        (self.file, self.path) = (file, path)
    }

    func line(_ text: String) {
        buffer += text.utf8
        buffer.append(UInt8(ascii: "\n"))
    }

    func bytes(_ bytes: ArraySlice<UInt8>) {
        buffer += bytes
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Drops what was not handed to the file.
    func discard() { buffer.removeAll() }

    /// Hands what was written so far to the file.
    func flush() throws(Fault) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                gzwrite(file, $0.baseAddress, UInt32(min($0.count, 1 << 30)))
            }
            guard count > 0 else { throw unwritable }
            rest.removeFirst(Int(count))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    func finish() throws(Fault) {
        try flush()
        isClosed = true
        guard gzclose(file) == Z_OK else { throw unwritable }
    }

    deinit { if !isClosed { gzclose(file) } }
    private var isClosed = false

    private var unwritable: Fault {
        Fault(
            .failed, at: path, problem: "not all could be written",
            suggestion: "Free some space on the disk, then record again")
    }
}

/// Reads such a file, which may be anybody's.
final class RecordingReader {
    private let file: gzFile
    private let path: String
    private(set) var lineNumber = 0
    /// Whether it ended within a line or a text, as when its writer was killed.
    private(set) var isCutShort = false

    init(_ path: String) throws(Fault) {
        guard let file = gzopen(path, "rb") else {
            throw Fault(
                .unavailable, at: path,
                problem: "it cannot be read (\(String(cString: strerror(errno))))",
                suggestion: "Name a file that octroi record wrote")
        }
        (self.file, self.path) = (file, path)
    }

    deinit { gzclose(file) }

    /// The next line; `nil` at the end, also where that comes too early.
    func line() throws(Fault) -> String? {
        var bytes: [UInt8] = []
        while true {
            let byte = gzgetc_(file)
            if byte < 0 {
                isCutShort = isCutShort || !bytes.isEmpty
                return nil
            }
            if byte == 10 { break }
            bytes.append(UInt8(truncatingIfNeeded: byte))
            guard bytes.count < 1 << 28 else { throw fault("a line of more than 256 MiB") }
        }
        lineNumber += 1
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw fault("bytes that are not UTF-8")
        }
        return text
    }

    /// The next `count` bytes and the newline behind them.
    func bytes(_ count: Int) throws(Fault) -> [UInt8] {
        guard (0...1 << 20).contains(count) else { throw fault("a text of \(count) bytes") }
        var bytes = [UInt8](repeating: 0, count: count + 1)
        let got = bytes.withUnsafeMutableBytes { gzread(file, $0.baseAddress, UInt32(count + 1)) }
        guard Int(got) == count + 1 else {
            isCutShort = true
            return []
        }
        guard bytes.removeLast() == 10 else { throw fault("a text longer than it says") }
        return bytes
    }

    func fault(_ found: String) -> Fault {
        Fault(
            .badData, at: "\(path), line \(lineNumber)", problem: found,
            suggestion: "Name a whole file that octroi record of this version or an older one wrote"
        )
    }
}
