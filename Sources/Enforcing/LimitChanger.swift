import Foundation
import Glibc
import Limits
import Store
import Units

/// Carries out change-sets: all of their writes, verified and written down, or none.
public final class LimitChanger {
    public let tree: LimitedTree
    let store: Store
    public let boot: String
    let now: () -> Instant
    let requester = Requester()
    /// How long memory may take to shrink, in ms.
    public var deadline: Int64 = 30_000
    /// Change-sets of writers that died and that could not be taken back when it last ran alone.
    public private(set) var unrecovered: [Fault] = []
    /// Called while memory shrinks, with what is in use and what is wanted, in bytes.
    public var onShrink: (Int64, Int64) -> Void = { _, _ in }
    /// Whether to give up while memory shrinks, and take all back.
    public var isInterrupted: () -> Bool = { false }

    /// - Parameters:
    ///   - boot: which boot of the host it is: cgroup ids mean something only within one.
    ///   - now: the wall clock.
    public init(tree: LimitedTree, store: Store, boot: String, now: @escaping () -> Instant) {
        (self.tree, self.store, self.boot, self.now) = (tree, store, boot, now)
    }

    /// Runs alone among all that change limits of this store, once what a dead writer left is undone.
    ///
    /// - Parameter waitMilliseconds: how long to wait for another.
    /// - Returns: `nil` if another is at it all the time.
    /// - Throws: also if the store is a copy or another host's, or was taken away: it writes to no kernel.
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

    /// The same where another at it is an error.
    public func withExclusiveLock<Value>(_ body: () throws(Fault) -> Value) throws(Fault) -> Value {
        if let value = try withExclusiveLockIfFree(body) { return value }
        throw Fault(
            .failed, at: store.path,
            problem: "timed out after 60 s waiting for another octroi that changes limits",
            suggestion: "Wait for it, or end it: its unfinished changes are then rolled back")
    }

    /// Carries out a change-set; only within `alone`.
    ///
    /// - Returns: it, as it is written down.
    /// - Throws: once everything is as it was before, or with what could not be put back.
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

    func changeSet(
        _ request: LimitRequest, _ outcome: LimitChangeSet.Outcome, reason: String? = nil
    ) -> LimitChangeSet {
        LimitChangeSet(
            at: now(), uid: requester.uid, user: requester.user, boot: boot,
            target: request.subject.name,
            tenant: request.tenant, action: request.action, outcome: outcome,
            reason: reason ?? request.reason, undoes: request.undoes, expires: request.expires)
    }

    /// Writes everything, batch by batch, each read back before the next.
    ///
    /// - Parameter asked: takes what owners were asked for, whether they did it or not.
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
