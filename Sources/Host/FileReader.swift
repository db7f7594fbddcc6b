import Glibc
import Units

/// Reads a plain file piece by piece, so that its size does not matter.
///
/// ```
/// let file = try FileReader("usage.csv")
/// while case let block = try file.read(), !block.isEmpty { parse(block) }
/// ```
public final class FileReader {
    private let path: String
    /// The open file; negative if it could not be opened.
    private let descriptor: Int32

    /// Opens a file.
    ///
    /// A path that the shell hands in (`/dev/stdin`, `/dev/fd/N`) may be a pipe. Any other pipe is
    /// refused: nobody may ever write to it, and reading would wait for ever.
    ///
    /// - Throws: `wrongUse` for an empty path; `notPermitted` or `unavailable` if the file cannot
    ///   be opened; `badData` if it is not a plain file.
    public init(_ path: String) throws(Fault) {
        // The shell opened such a pipe itself, so somebody writes to it.
        let isHandedIn = path == "/dev/stdin" || path.hasPrefix("/dev/fd/")
        self.path = path
        guard !path.isEmpty else {
            throw Fault(
                .wrongUse, at: "the path of a file", problem: "it is empty",
                suggestion: "Name a file")
        }
        // With `O_NONBLOCK`, opening a pipe does not wait for a writer (open(2)).
        descriptor = open(path, O_RDONLY | O_CLOEXEC | (isHandedIn ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else {
            throw Fault(
                errno == EACCES ? .notPermitted : .unavailable, at: path,
                problem: "it cannot be read (\(String(cString: strerror(errno))))",
                suggestion: "Check the path and its permissions")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, !isHandedIn,
            let kind = otherThanFile(mode: UInt32(status.st_mode))
        else { return }
        throw Fault(
            .badData, at: path, problem: "\(kind), where a file should be",
            suggestion: "Name a plain file")
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next bytes of the file, 64 KiB at most; empty at its end.
    ///
    /// - Throws: `badData` if it cannot be read.
    public func read() throws(Fault) -> [UInt8] {
        var count = 0
        let block = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, used in
            repeat {
                count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            } while count < 0 && errno == EINTR
            used = max(count, 0)
        }
        guard count >= 0 else {
            throw Fault(
                .badData, at: path,
                problem: "it cannot be read (\(String(cString: strerror(errno))))",
                suggestion: "Name a plain file")
        }
        return block
    }
}
