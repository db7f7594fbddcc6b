import Metering
import CLinux
import Foundation
import Store
import Synchronization
import Units

/// Commits ticks on a thread of its own.
///
/// The collector's thread follows events meanwhile, so that no short-lived container is missed
/// while the disk works.
final class Committer: Sendable {
    /// An eventfd that becomes readable when a commit is done.
    let done: Int32
    private let store: Store
    /// Runs commits and prunings one after another.
    private let queue = DispatchQueue(label: "octroi.commit")
    /// The start of the hour up to which pruning is complete.
    private let pruned = Mutex<Instant?>(nil)
    /// The result of the commit that was begun; `nil` while it runs, and after `end`.
    private let result = Mutex<Result<[Int64], Fault>?>(nil)

    /// Creates the thread for a store.
    init(store: Store) {
        self.store = store
        done = clinux_event()
    }

    deinit { close(done) }

    /// Starts a commit; `end` must be called before the next one.
    func begin(_ record: TickRecord, of run: Run) {
        queue.async { [self] in
            let rows = Result { () throws(Fault) in try store.commit(record, of: run) }
            result.withLock { $0 = rows }
            _ = clinux_event_signal(done)
        }
    }

    /// Starts to remove samples of hours before `time`, as far as one transaction should.
    ///
    /// It does nothing if pruning for that hour is already complete.
    ///
    /// - Parameter onFault: takes a fault of the store, on the committer's thread.
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

    /// Blocks until everything that was started is done.
    func wait() { queue.sync {} }

    /// Whether the commit that was begun is done.
    var isDone: Bool { result.withLock { $0 != nil } }

    /// Resets `done`, so that it becomes readable only at the next commit.
    func clear() {
        var count: UInt64 = 0
        read(done, &count, 8)
    }

    /// Takes the result of a commit that is done.
    ///
    /// - Returns: the account row of each entry, as `Store.commit` does.
    /// - Throws: the fault of the commit.
    /// - Precondition: `isDone`.
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
