import CLinux
import Glibc
import Units

/// A lock file beside the store that only one process holds at a time (flock(2)).
///
/// The kernel releases it when the process ends, however it ends.
public struct ProcessLock: ~Copyable {
    private let descriptor: Int32
    /// The process id of the other holder; `nil` if this process holds the lock.
    public let holder: String?

    /// Tries to take the lock `STORE.NAME`.
    ///
    /// - Parameters:
    ///   - name: what is locked, such as `limits`.
    ///   - store: the path of the store.
    ///   - waitMilliseconds: how long to wait for another holder.
    /// - Throws: `notPermitted` if the file cannot be opened.
    public init(_ name: String, of store: String, waitMilliseconds: Int64 = 0) throws(Fault) {
        let path = "\(Self.resolved(store)).\(name)"
        let opened = Self.opened(path)
        guard opened >= 0 else {
            throw Fault(
                .notPermitted, at: path,
                problem: "it cannot be opened (\(String(cString: strerror(errno))))",
                suggestion: "Run it as the user that owns the store")
        }
        descriptor = opened
        var waited: Int64 = 0
        while clinux_lock_exclusive(opened) != 0 {
            guard waited < waitMilliseconds else {
                holder = Self.text(opened)
                return
            }
            usleep(20_000)
            waited += 20
        }
        holder = nil
        ftruncate(opened, 0)
        let pid = Array(String(getpid()).utf8)
        _ = pid.withUnsafeBytes { pwrite(opened, $0.baseAddress, $0.count, 0) }
    }

    /// Opens or creates the lock file.
    ///
    /// A symbolic link is refused, because the file that it leads to would be truncated.
    private static func opened(_ path: String) -> Int32 {
        let made = makeStoreFile(path)
        if made >= 0 || errno != EEXIST { return made }
        return open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    }

    /// Whether this process holds the lock.
    public var isHeld: Bool { holder == nil }

    /// The first 20 bytes of the file: the holder's process id.
    private static func text(_ descriptor: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 20)
        let count = text.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: text.prefix(max(0, count)), as: UTF8.self)
    }

    /// The store's path without symbolic links, so that all paths to one store share one lock.
    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    deinit { close(descriptor) }
}
