import Glibc
import Units

/// A plain file that is read piece by piece.
public final class FileReader {
    private let path: String
    private let descriptor: Int32

    /// - Throws: for what cannot be read, and for what is no plain file: a pipe would be waited for.
    public init(_ path: String) throws(Fault) {
        // What the shell hands in may be a pipe.
        let isHandedIn = path == "/dev/stdin" || path.hasPrefix("/dev/fd/")
        self.path = path
        guard !path.isEmpty else {
            throw Fault(
                .wrongUse, at: "the path of a file", problem: "it is empty",
                suggestion: "Name a file")
        }
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

    /// The next bytes; none at the end.
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
