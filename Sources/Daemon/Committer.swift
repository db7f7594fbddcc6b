import Metering
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
    /// The hour before which nothing is left to prune.
    private let pruned = Mutex<Instant?>(nil)
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

    /// Starts to remove samples of hours before `time`, as many as one transaction should, unless that
    /// was done for this hour.
    func prune(before time: Instant, onFault: @escaping @Sendable (Fault) -> Void) {
        queue.async { [self] in
            guard pruned.withLock({ $0 != time.startOfHour }) else { return }
            do throws(Fault) {
                let isDone = try store.pruneSome(before: time).isDone
                if isDone { pruned.withLock { $0 = time.startOfHour } }
            } catch {
                onFault(error)
            }
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
