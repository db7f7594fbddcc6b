import Host
import Foundation
import Glibc
import Limits
import Store
import Units

/// Carries out changes of limits: all writes of a change, verified and recorded, or none.
///
/// A change goes this way: what is about to be written is stored (`limit_pending`), the values are
/// written batch by batch, every file is read back, and the change is recorded in the chain of
/// limit changes. If anything fails, the old values are restored. If the process dies, the next one
/// that takes the lock restores them.
public final class LimitChanger {
    public let tree: LimitedTree
    let store: Store
    /// Identifies the boot of the host; cgroup ids are unique only within one boot.
    public let boot: String
    /// The wall clock.
    let now: () -> Instant
    let requester = Requester()
    /// How long to wait for memory to shrink, in ms.
    public var deadline: Int64 = 30_000
    /// Unfinished changes of dead processes that the last attempt could not roll back.
    public private(set) var unrecovered: [Fault] = []
    /// Called while memory shrinks, with the memory in use and the new limit, in bytes.
    public var onShrink: (Int64, Int64) -> Void = { _, _ in }
    /// Checked while memory shrinks; true rolls the change back.
    public var isInterrupted: () -> Bool = { false }

    /// Sets up changes of one tree's limits.
    ///
    /// - Parameters:
    ///   - boot: identifies the boot of the host.
    ///   - now: the wall clock.
    public init(tree: LimitedTree, store: Store, boot: String, now: @escaping () -> Instant) {
        (self.tree, self.store, self.boot, self.now) = (tree, store, boot, now)
    }

    /// Runs `body` while holding the limits lock of the store.
    ///
    /// Before that, unfinished changes of processes that died are rolled back.
    ///
    /// - Parameter waitMilliseconds: how long to wait for another holder of the lock.
    /// - Returns: `nil` if another process held the lock the whole time.
    /// - Throws: also if the store was taken away, or is a copy or another host's. Such a store
    ///   must not write to this kernel.
    public func withExclusiveLockIfFree<Value>(
        waitMilliseconds: Int64 = 60_000, _ body: () throws(Fault) -> Value
    ) throws(Fault) -> Value? {
        let lock = try ProcessLock(
            "limits", of: store.path, waitMilliseconds: waitMilliseconds)
        guard lock.isHeld else { return nil }
        try store.requireFile()
        try store.requireOwn()
        unrecovered = try recover()
        let value = try body()
        _ = consume lock
        return value
    }

    /// Runs `body` while holding the limits lock, and fails if the lock is not free within 60 s.
    public func withExclusiveLock<Value>(_ body: () throws(Fault) -> Value) throws(Fault) -> Value {
        if let value = try withExclusiveLockIfFree(body) { return value }
        throw Fault(
            .failed, at: store.path,
            problem: "timed out after 60 s waiting for another octroi that changes limits",
            suggestion: "Wait for it, or end it: its unfinished changes are then rolled back")
    }

    /// Carries out a change; call it only while holding the limits lock.
    ///
    /// - Returns: the change as it was recorded.
    /// - Throws: after a failure, once the old values are restored. If some could not be restored,
    ///   the fault names them and the next run tries again.
    @discardableResult
    public func perform(_ request: LimitRequest) throws(Fault) -> LimitChangeSet {
        let due = request.writes.filter { !$0.isInForce }
        let shrinks = request.isForced ? [] : try shrinks(due)
        let document = PendingChange(
            request, writes: due + shrinks.map(\.high)
        ).document
        let pending =
            due.isEmpty
            ? nil
            : try store.beginLimitChange(
                document, pid: getpid(), boot: boot, root: tree.path, at: now())
        var hitCount: [PlannedWrite: Int64] = [:]
        for write in request.writes {
            hitCount[write] = tree.cgroup(write.path)?.hitCount(of: write.key)
        }
        let wanted = try store.wantedLimits(of: request.subject)
        var asked = Set(shrinks.map(\.high))
        do throws(Fault) {
            try carryOut(due, shrinks, lasting: request.lasting, &asked)
            var set = changeSet(request, .done)
            for write in request.writes {
                let after = try tree.readBack(write)
                var change = LimitChange(
                    write, after: after,
                    isVerified: after.isSame(as: write.wanted, for: write.key),
                    hitCount: hitCount[write])
                change.wantedBefore = wanted[write.key]?.description
                set.changes.append(change)
            }
            if let lost = zip(request.writes, set.changes).first(where: { !$1.isVerified }) {
                throw unverified(lost.0, lost.1)
            }
            set = try store.finishLimitChange(set, pending: pending, request.effects)
            Journal.tell(set)
            keepPassing(request.effects)
            return set
        } catch {
            let written = (due + shrinks.map(\.high)).filter(asked.contains)
            throw rollBack(request, written, pending, because: error)
        }
    }

    /// A record of the request, still without its values.
    func changeSet(
        _ request: LimitRequest, _ outcome: LimitChangeSet.Outcome, reason: String? = nil
    ) -> LimitChangeSet {
        LimitChangeSet(
            at: now(), uid: requester.uid, user: requester.user, boot: boot,
            target: request.subject.name,
            tenant: request.tenant, action: request.action, outcome: outcome,
            reason: reason ?? request.reason, undoes: request.undoes, expires: request.expires)
    }

    /// Writes all values, batch by batch, and reads each batch back before the next.
    ///
    /// - Parameters:
    ///   - shrinks: memory limits that first wait for memory to shrink.
    ///   - asked: receives the writes that were attempted, whether they succeeded or not.
    private func carryOut(
        _ due: [PlannedWrite], _ shrinks: [Shrink], lasting: Bool, _ asked: inout Set<PlannedWrite>
    ) throws(Fault) {
        for batch in due.batches {
            for shrink in shrinks where batch.contains(shrink.max) { try wait(shrink) }
            asked.formUnion(batch)
            try tree.write(batch, lasting: lasting)
            for write in batch {
                let after = try tree.readBack(write)
                guard after.isSame(as: write.wanted, for: write.key) else {
                    throw unverified(
                        write, LimitChange(write, after: after, isVerified: false, hitCount: nil))
                }
            }
            for shrink in shrinks where batch.contains(shrink.max) {
                try tree.write([shrink.end], lasting: false)
            }
        }
    }

    /// The fault for a value that the kernel does not have after it was written.
    private func unverified(_ write: PlannedWrite, _ change: LimitChange) -> Fault {
        let who =
            switch write.owner {
            case .systemd(let unit): "systemd accepted it for \(unit)"
            case .docker: "Docker accepted it"
            case .podman: "Podman accepted it"
            case .file: "the file took it"
            }
        return Fault(
            .failed, at: "\(tree.path)\(escapingControlCharacters(write.path))/\(write.key)",
            problem: "\(who), but the kernel has \"\(change.after)\" where \"\(write.wanted)\" was "
                + "wanted",
            suggestion: "journalctl may have the kernel's refusal; look also for who else writes it"
        )
    }
}
