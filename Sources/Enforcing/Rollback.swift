import CgroupFormat
import Limits
import Runtimes
import Store
import Units

/// Putting back what a change-set wrote that could not be carried out, or whose writer died.
extension LimitChanger {
    /// What came of putting values back, in words.
    struct Return {
        /// What could not be put back: it is tried again.
        var lost: [String] = []
        /// What is left as it is, as nothing may be killed for it.
        var left: [String] = []
    }

    /// Puts back what was written, in reverse, and writes the failure down.
    ///
    /// - Returns: what is to be thrown.
    func rollBack(
        _ request: LimitRequest, _ writes: [PlannedWrite], _ pending: Int64?, because fault: Fault
    ) -> Fault {
        let back = putBack(writes, lasting: request.lasting)
        guard back.lost.isEmpty else {
            // What is pending stays: the next run tries again.
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

    /// Writes what was there before, where the kernel has it not, or the owner may keep what was written.
    func putBack(_ writes: [PlannedWrite], lasting: Bool) -> Return {
        var result = Return()
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

    private func putBack(
        _ write: PlannedWrite, lasting: Bool, _ result: inout Return
    ) throws(Fault) {
        // A cgroup that has ended needs nothing put back.
        guard let cgroup = try tree.find(write.path), cgroup.id == write.cgroupID else { return }
        let value = try tree.readBack(write)
        let isThere = try tree.values(write).allSatisfy {
            $0.isSame(as: write.wanted, for: write.key)
        }
        if isThere, !mayKeep(write.reversed) { return }
        if let why = cgroup.killing(write, now: value) {
            result.left.append(why)
            return
        }
        do throws(Fault) {
            try tree.write([write], lasting: lasting)
        } catch {
            // Who may not tell the owner now could not tell it before.
            if isThere, error.kind == .notPermitted { return }
            throw error
        }
    }

    /// Whether an owner keeps what was written, or does not say: it would bring it back.
    private func mayKeep(_ write: PlannedWrite) -> Bool {
        guard write.owner != .file, write.key != .freeze else { return false }
        return tree.owners.kept(write.key, by: write.owner)?
            .isSame(as: write.wanted, for: write.key) ?? true
    }

    /// What writes that were taken back have come to.
    private func changes(of writes: [PlannedWrite]) -> [LimitChange] {
        writes.compactMap { write in
            guard let after = try? tree.readBack(write) else { return nil }
            return LimitChange(
                write, after: after, isVerified: after.isSame(as: write.before, for: write.key),
                hitCount: nil)
        }
    }

    /// Takes back what writers that died had begun.
    ///
    /// - Returns: why some of it could not be: it stays, for the next run.
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

    private func recover(_ id: Int64, _ document: String, isOfThisBoot: Bool) throws(Fault) {
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
            (entry.before, entry.wanted) = (entry.wanted, entry.before)
            return entry
        }
        Journal.tell(try store.finishLimitChange(set, pending: id))
    }
}

extension LimitedCgroup {
    /// Why a lower limit of memory is not to be written without asking: the kernel would kill for it, or
    /// stall all in it; `nil` if it would not.
    func killing(_ write: PlannedWrite, now value: LimitValue) -> String? {
        guard write.key == .memoryMax || write.key == .memoryHigh,
            case .number(.at(let bytes)) = write.wanted, write.wanted.isTighter(than: value)
        else { return nil }
        let now = circumstances()
        if let trouble = now.trouble(lowering: write.key) {
            return "\(path) \(write.key) stays at \(value), as memory.current \(trouble)"
        }
        let held = write.key == .memoryMax ? now.memory : now.memoryFloor
        guard let held, held > bytes else { return nil }
        return "\(path) \(write.key) stays at \(value), as \(held) bytes are in use where it was "
            + "\(bytes)"
    }
}
