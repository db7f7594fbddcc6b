import CgroupFormat
import Limits
import Runtimes
import Store
import Units

/// Restores the values before a change that failed, or whose process died.
extension LimitChanger {
    /// What happened when values were restored.
    struct Return {
        /// Values that could not be restored; this is tried again.
        var lost: [String] = []
        /// Values that are left, because restoring them might kill a process.
        var left: [String] = []
    }

    /// Restores what a failed change wrote, and records the failure.
    ///
    /// - Parameters:
    ///   - writes: what was attempted, in the order in which it was written.
    ///   - pending: the row in `limit_pending`; it stays if something could not be restored.
    ///   - fault: why the change failed.
    /// - Returns: the fault to throw: the reason, and what could not be restored.
    func rollBack(
        _ request: LimitRequest, _ writes: [PlannedWrite], _ pending: Int64?, because fault: Fault
    ) -> Fault {
        let back = putBack(writes, lasting: request.lasting)
        // Something could not be restored, so the change is not over yet.
        guard back.lost.isEmpty else {
            // Keep the pending row, so that the next run tries again.
            return Fault(
                fault.kind, at: fault.location,
                problem: "\(fault.problem). Besides, it could not be taken back: "
                    + (back.lost + back.left).joined(separator: "; "),
                suggestion:
                    "\(fault.suggestion). The next run of octroi limit tries to take it back")
        }
        let found = ([fault.problem] + back.left).joined(separator: ". Besides, ")
        var set = changeSet(
            request, .failed,
            reason: [request.reason, "\(fault.location): \(found)"]
                .compactMap(\.self).joined(separator: ". "))
        set.changes = changes(of: writes)
        // The values are restored even if the failure cannot be recorded.
        var unwritten: [String] = []
        do throws(Fault) {
            Journal.tell(try store.finishLimitChange(set, pending: pending))
        } catch {
            unwritten = ["it could not be written down: \(error)"]
        }
        return Fault(
            fault.kind, at: fault.location,
            problem: ([found] + unwritten).joined(separator: ". Besides, "),
            suggestion: fault.suggestion)
    }

    /// Writes the old values, in reverse order, where the kernel or the owner has the new ones.
    func putBack(_ writes: [PlannedWrite], lasting: Bool) -> Return {
        var result = Return()
        // `batches` raises values from the top down, then lowers others from the bottom up.
        for batch in writes.map(\.reversed).batches {
            for write in batch {
                do throws(Fault) {
                    try putBack(write, lasting: lasting, &result)
                } catch {
                    result.lost.append("\(error)")
                }
            }
        }
        return result
    }

    /// Restores one value.
    private func putBack(
        _ write: PlannedWrite, lasting: Bool, _ result: inout Return
    ) throws(Fault) {
        // A cgroup that no longer exists needs nothing.
        guard let cgroup = try tree.find(write.path), cgroup.id == write.cgroupID else { return }
        let value = try tree.readBack(write)
        let isThere = try tree.values(write).allSatisfy {
            $0.isSame(as: write.wanted, for: write.key)
        }
        // The kernel has the old value, and no owner would bring the new one back.
        if isThere, !mayKeep(write.reversed) { return }
        // Lowering memory here might kill a process, so leave the value and say so.
        if let why = cgroup.killing(write, now: value) {
            result.left.append(why)
            return
        }
        do throws(Fault) {
            try tree.write([write], lasting: lasting)
        } catch {
            // If this user may not tell the owner now, the change could not tell it either.
            if isThere, error.kind == .notPermitted { return }
            throw error
        }
    }

    /// Whether the owner stores the written value, or may: then it would apply it again later.
    private func mayKeep(_ write: PlannedWrite) -> Bool {
        guard write.owner != .file, write.key != .freeze else { return false }
        // An owner that does not tell is assumed to store the value.
        return tree.owners.kept(write.key, by: write.owner)?
            .isSame(as: write.wanted, for: write.key) ?? true
    }

    /// A record of what rolled back writes came to.
    private func changes(of writes: [PlannedWrite]) -> [LimitChange] {
        writes.compactMap { write in
            guard let after = try? tree.readBack(write) else { return nil }
            return LimitChange(
                write, after: after, isVerified: after.isSame(as: write.before, for: write.key),
                hitCount: nil)
        }
    }

    /// Rolls back unfinished changes of processes that died.
    ///
    /// - Returns: the reasons why some could not be rolled back; the next run tries again.
    func recover() throws(Fault) -> [Fault] {
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

    /// Rolls back one unfinished change and records it.
    private func recover(_ id: Int64, _ document: String, isOfThisBoot: Bool) throws(Fault) {
        // A row that cannot be read stays until somebody looks at it.
        guard let change = PendingChange(document) else {
            throw Fault(
                .badData, at: "\(store.path), limit_pending \(id)",
                problem: "a change that cannot be read",
                suggestion: "Compare octroi limit show with what it should be, then delete the row")
        }
        let writes = try change.plannedWrites(in: tree, isOfThisBoot: isOfThisBoot)
        let back = putBack(writes, lasting: change.lasting)
        if let first = back.lost.first {
            throw Fault(
                .failed,
                at: "change of \(escapingControlCharacters(change.target)) that was cut short",
                problem: first, suggestion: "Run it again as root")
        }
        let why = ["the process that changed it died before it was done"] + back.left
        var set = LimitChangeSet(
            at: now(), uid: requester.uid, user: requester.user, boot: boot, target: change.target,
            tenant: change.tenant, action: .recover, outcome: .done,
            reason: why.joined(separator: "; "))
        set.changes = changes(of: writes).map { entry in
            var entry = entry
            // From the view of the recovery, the new value was there before and the old one was
            // wanted.
            (entry.before, entry.wanted) = (entry.wanted, entry.before)
            return entry
        }
        Journal.tell(try store.finishLimitChange(set, pending: id))
    }
}

extension LimitedCgroup {
    /// Why restoring a lower memory limit is left out; `nil` if it is harmless.
    ///
    /// Below the memory in use, the kernel would kill a process (memory.max) or stall them all
    /// (memory.high).
    func killing(_ write: PlannedWrite, now value: LimitValue) -> String? {
        guard write.key == .memoryMax || write.key == .memoryHigh,
            case .number(.at(let bytes)) = write.wanted, write.wanted.isTighter(than: value)
        else { return nil }
        let now = circumstances()
        if let trouble = now.trouble(lowering: write.key) {
            return "\(path) \(write.key) stays at \(value), as memory.current \(trouble)"
        }
        // memory.max kills above its value. memory.high stalls if it is below what cannot be
        // reclaimed.
        let held = write.key == .memoryMax ? now.memory : now.memoryFloor
        guard let held, held > bytes else { return nil }
        return "\(path) \(write.key) stays at \(value), as \(held) bytes are in use where it was "
            + "\(bytes)"
    }
}
