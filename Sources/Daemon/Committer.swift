import CLinux
import Foundation
import Store
import Synchronization
import Units

/// Commits ticks on a thread of its own, so that events are followed while the disk works.
final class Committer: Sendable {
    /// Becomes readable when a commit is done.
    let done: Int32
    private let store: Store
    private let queue = DispatchQueue(label: "octroi.commit")
    private let result = Mutex<Result<[Int64], Fault>?>(nil)

    init(store: Store) {
        self.store = store
        done = clinux_event()
    }

    deinit { close(done) }

    /// Starts a commit; `end` has to follow before the next.
    func begin(_ record: TickRecord, of run: Run) {
        queue.async { [self] in
            let rows = Result { () throws(Fault) in try store.commit(record, of: run) }
            result.withLock { $0 = rows }
            _ = clinux_event_signal(done)
        }
    }

    /// Waits until the commit is done.
    func wait() { queue.sync {} }

    var isDone: Bool { result.withLock { $0 != nil } }

    /// Makes `done` unreadable again.
    func clear() {
        var count: UInt64 = 0
        read(done, &count, 8)
    }

    /// What the commit gave.
    func end() throws(Fault) -> [Int64] {
        clear()
        let result = result.withLock { result in
            defer { result = nil }
            return result
        }
        guard let result else { preconditionFailure("a commit that was not begun") }
        return try result.get()
    }
}
