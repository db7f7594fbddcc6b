import Enforcing
import Units

/// Keeps a second collector off the same store: two would count everything twice.
public struct CollectorLock: ~Copyable {
    private let lock: ProcessLock

    /// - Throws: `failed` if another process holds it, with its pid.
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
