import Host
import Units

/// Keeps a second collector off the same store.
///
/// Two collectors would count everything twice. The lock is held until this value or the process
/// ends.
public struct CollectorLock: ~Copyable {
    private let lock: ProcessLock

    /// Takes the lock, without waiting for it.
    ///
    /// - Parameter path: the path of the store.
    /// - Throws: `failed` if another process holds the lock, with its pid; `notPermitted` if the
    ///   lock file cannot be opened.
    public init(store path: String) throws(Fault) {
        let lock = try ProcessLock("collector", of: path)
        if let pid = lock.holder {
            throw Fault(
                .failed, at: path, problem: "process \(pid) is collecting into this store already",
                suggestion: "Stop that one first, or name another store with --db")
        }
        self.lock = lock
    }
}
