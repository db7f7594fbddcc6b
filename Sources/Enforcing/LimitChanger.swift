import Foundation
import Glibc
import Limits
import Store
import Units

/// Carries out change-sets: all of their writes, verified and written down, or none.
public final class LimitChanger {
    public let tree: LimitedTree
    let store: Store
    let boot: String
    let now: () -> Instant
    private let asker = Asker()
    /// How long memory may take to shrink, in ms.
    public var deadline: Int64 = 30_000
    /// Change-sets of writers that died and that could not be taken back when it last ran alone.
    public private(set) var unrecovered: [Fault] = []
    /// Called while memory shrinks, with what is in use and what is wanted, in bytes.
    public var onShrink: (Int64, Int64) -> Void = { _, _ in }

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
    public func alone<Value>(
        waitMilliseconds: Int64 = 60_000, _ body: () throws(Fault) -> Value
    ) throws(Fault) -> Value? {
        let lock = try ProcessLock(
            "limits", of: store.path, waitMilliseconds: waitMilliseconds)
        guard lock.isHeld else { return nil }
        unrecovered = try recover()
        let value = try body()
        _ = consume lock
        return value
    }

    /// The same where another at it is an error.
    public func aloneOrFail<Value>(_ body: () throws(Fault) -> Value) throws(Fault) -> Value {
        if let value = try alone(body) { return value }
        throw Fault(
            .failed, at: store.path, found: "another octroi has been changing limits for a minute",
            cure: "Wait for it, or end it: what it wrote is then taken back")
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
        var bites: [PlannedWrite: Int64] = [:]
        for write in request.writes {
            bites[write] = tree.cgroup(write.path)?.bites(of: write.key)
        }
        let wanted = try store.wantedLimits(of: request.subject)
        do throws(Fault) {
            try carryOut(due, shrinks, lasting: request.lasting)
            var set = changeSet(request, .done)
            for write in request.writes {
                let after = try tree.readBack(write)
                var change = LimitChange(
                    write, after: after,
                    isVerified: after.isSame(as: write.wanted, for: write.key), bites: bites[write])
                change.wantedBefore = wanted[write.key]?.description
                set.changes.append(change)
            }
            if let lost = zip(request.writes, set.changes).first(where: { !$1.isVerified }) {
                throw unverified(lost.0, lost.1)
            }
            set = try store.finishLimitChange(set, pending: pending, request.effects)
            Journal.tell(set)
            return set
        } catch {
            try takeBack(request, due, shrinks, pending, because: error)
            throw error
        }
    }

    private func changeSet(
        _ request: LimitRequest, _ outcome: LimitChangeSet.Outcome, reason: String? = nil
    ) -> LimitChangeSet {
        LimitChangeSet(
            at: now(), uid: asker.uid, user: asker.user, target: request.subject.name,
            tenant: request.tenant, action: request.action, outcome: outcome,
            reason: reason ?? request.reason, undoes: request.undoes, expires: request.expires)
    }

    /// Writes everything, batch by batch, each read back before the next.
    private func carryOut(
        _ due: [PlannedWrite], _ shrinks: [Shrink], lasting: Bool
    ) throws(Fault) {
        for batch in due.batches {
            for shrink in shrinks where batch.contains(shrink.max) { try wait(shrink) }
            try tree.write(batch, lasting: lasting)
            for write in batch {
                let after = try tree.readBack(write)
                guard after.isSame(as: write.wanted, for: write.key) else {
                    throw unverified(
                        write, LimitChange(write, after: after, isVerified: false, bites: nil))
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
            .failed, at: "\(tree.path)\(harmless(write.path))/\(write.key)",
            found: "\(who), but the kernel has \"\(change.after)\" where \"\(write.wanted)\" was "
                + "wanted",
            cure: "journalctl may have the kernel's refusal; look also for who else writes it")
    }

    /// Puts back what was written, in reverse, and writes the failure down.
    private func takeBack(
        _ request: LimitRequest, _ due: [PlannedWrite], _ shrinks: [Shrink], _ pending: Int64?,
        because fault: Fault
    ) throws(Fault) {
        let writes = due + shrinks.map(\.high)
        let lost = putBack(writes, lasting: request.lasting)
        guard lost.isEmpty else {
            // What is pending stays: the next run tries again.
            throw Fault(
                .failed, at: fault.place,
                found: "\(fault.found). Besides, it could not be taken back: "
                    + lost.joined(separator: "; "),
                cure: "\(fault.cure). The next run of octroi limit tries to take it back")
        }
        var set = changeSet(
            request, .failed,
            reason: [request.reason, "\(fault.place): \(fault.found)"]
                .compactMap(\.self).joined(separator: ". "))
        for write in due {
            guard let after = try? tree.readBack(write) else { continue }
            set.changes.append(
                LimitChange(
                    write, after: after,
                    isVerified: after.isSame(as: write.before, for: write.key), bites: nil))
        }
        _ = try? store.finishLimitChange(set, pending: pending)
    }

    /// Writes what was there before, where it is not there now.
    ///
    /// - Returns: what could not be put back, in words.
    func putBack(_ writes: [PlannedWrite], lasting: Bool) -> [String] {
        var lost: [String] = []
        for batch in writes.map(\.reversed).batches {
            for write in batch {
                // A cgroup that has ended needs nothing put back.
                guard let cgroup = tree.cgroup(write.path), cgroup.id == write.cgroupID,
                    let value = try? tree.readBack(write),
                    !value.isSame(as: write.wanted, for: write.key)
                else { continue }
                do throws(Fault) {
                    try tree.write([write], lasting: lasting)
                } catch {
                    lost.append("\(error)")
                }
            }
        }
        return lost
    }

    /// Takes back what writers that died had begun.
    ///
    /// - Returns: why some of it could not be: it stays, for the next run.
    private func recover() throws(Fault) -> [Fault] {
        var faults: [Fault] = []
        for pending in try store.pendingLimitChanges(in: tree.path) {
            do throws(Fault) {
                try recover(pending.id, pending.change, isOfThisBoot: pending.boot == boot)
            } catch {
                faults.append(error)
            }
        }
        return faults
    }

    private func recover(_ id: Int64, _ document: String, isOfThisBoot: Bool) throws(Fault) {
        guard let change = PendingChange(document) else {
            throw Fault(
                .badData, at: "\(store.path), limit_pending \(id)",
                found: "a change that cannot be read",
                cure: "Compare octroi limit show with what it should be, then delete the row")
        }
        var set = LimitChangeSet(
            at: now(), uid: asker.uid, user: asker.user, target: change.target,
            tenant: change.tenant, action: .recover, outcome: .done,
            reason: "the process that changed it died before it was done")
        // After a reboot the cgroups are others.
        let writes = isOfThisBoot ? change.plannedWrites(in: tree) : []
        if let first = putBack(writes, lasting: change.lasting).first {
            throw Fault(
                .failed, at: "change of \(harmless(change.target)) that was cut short",
                found: first, cure: "Run it again as root")
        }
        for write in writes {
            guard let after = try? tree.readBack(write) else { continue }
            set.changes.append(
                LimitChange(
                    write.reversed, after: after,
                    isVerified: after.isSame(as: write.before, for: write.key), bites: nil))
        }
        try store.finishLimitChange(set, pending: id)
    }
}
