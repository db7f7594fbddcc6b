import CZlib
import Glibc
import Units

/// Writes the gzip file of a recording, which consists of lines and of raw texts.
///
/// Everything is buffered until `flush`. So a tick that is not committed can be discarded.
final class RecordingWriter {
    private let file: gzFile
    private let path: String
    /// What was written since the last `flush`.
    private var buffer: [UInt8] = []

    /// Creates a new file, readable by its owner only: it holds names of containers.
    ///
    /// - Throws: `unavailable` if the file exists or cannot be created, `notPermitted` if this user
    ///   may not create it.
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

    /// Writes one line.
    ///
    /// - Parameter text: without a newline.
    func line(_ text: String) {
        buffer += text.utf8
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Writes a raw text, with a newline after it.
    func bytes(_ bytes: ArraySlice<UInt8>) {
        buffer += bytes
        buffer.append(UInt8(ascii: "\n"))
    }

    /// Drops everything since the last `flush`.
    func discard() { buffer.removeAll() }

    /// Hands everything that was written so far to zlib.
    ///
    /// - Throws: `failed` if it cannot be written, as on a full disk.
    func flush() throws(Fault) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                // zlib takes the length as 32 bits.
                gzwrite(file, $0.baseAddress, UInt32(min($0.count, 1 << 30)))
            }
            guard count > 0 else { throw unwritable }
            rest.removeFirst(Int(count))
        }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Flushes and closes the file.
    ///
    /// - Throws: `failed` if not everything could be written.
    func finish() throws(Fault) {
        try flush()
        isClosed = true
        guard gzclose(file) == Z_OK else { throw unwritable }
    }

    deinit { if !isClosed { gzclose(file) } }
    /// Whether the file is closed, so that `deinit` must not close it again.
    private var isClosed = false

    /// The fault of a file that cannot be written to its end.
    private var unwritable: Fault {
        Fault(
            .failed, at: path, problem: "could not write the whole file",
            suggestion: "Free some space on the disk, then record again")
    }
}

/// Reads the gzip file of a recording.
///
/// The file may come from anybody, so its lines and texts have an upper size.
final class RecordingReader {
    private let file: gzFile
    private let path: String
    /// The number of the last line that was read; raw texts do not count.
    private(set) var lineNumber = 0
    /// Whether the file ended inside a line or a text, as if its writer had been killed.
    private(set) var isCutShort = false

    /// Opens a recording, compressed or not.
    ///
    /// - Throws: `unavailable` if it cannot be opened.
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

    /// Reads the next line.
    ///
    /// - Returns: the line without its newline; `nil` at the end of the file, even inside a line.
    /// - Throws: `badData` for a line of more than 256 MiB, or one that is not UTF-8.
    func line() throws(Fault) -> String? {
        var bytes: [UInt8] = []
        while true {
            let byte = gzgetc_(file)
            if byte < 0 {
                isCutShort = isCutShort || !bytes.isEmpty || hasError
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

    /// Whether zlib stopped because the file is damaged, or ends before the compressed data do.
    private var hasError: Bool {
        var code: Int32 = Z_OK
        _ = gzerror(file, &code)
        return code != Z_OK && code != Z_STREAM_END
    }

    /// Reads a raw text and the newline after it.
    ///
    /// - Parameter count: the length of the text in bytes, 1 MiB at most.
    /// - Returns: the text; empty if the file ends before it does.
    /// - Throws: `badData` for another length.
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

    /// A fault of the file, with the number of the line that was read last.
    func fault(_ found: String) -> Fault {
        Fault(
            .badData, at: "\(path), line \(lineNumber)", problem: found,
            suggestion: "Name a whole file that octroi record of this version or an older one wrote"
        )
    }
}
