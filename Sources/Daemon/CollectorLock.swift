import CLinux
import Glibc
import Units

/// Keeps a second collector off the same store: two would count everything twice.
///
/// The lock goes with the process, however it ends.
public struct CollectorLock: ~Copyable {
    private let descriptor: Int32

    /// - Throws: `failed` if another process holds it, with its pid.
    public init(store path: String) throws(Fault) {
        let lockPath = Self.resolved(path) + ".collector"
        descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw Fault(
                .notPermitted, at: lockPath,
                found: "it cannot be opened (\(String(cString: strerror(errno))))",
                cure: "Run the collector as the user that owns the store")
        }
        guard clinux_lock_exclusive(descriptor) == 0 else {
            var text = [UInt8](repeating: 0, count: 20)
            let count = text.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, 0)
            }
            close(descriptor)
            let pid = String(decoding: text.prefix(max(0, count)), as: UTF8.self)
            throw Fault(
                .failed, at: path, found: "process \(pid) is collecting into this store already",
                cure: "Stop that one first, or name another store with --db")
        }
        ftruncate(descriptor, 0)
        let pid = Array(String(getpid()).utf8)
        _ = pid.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// The store's own path, so that two links to one store are one lock.
    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    deinit { close(descriptor) }
}
