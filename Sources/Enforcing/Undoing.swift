import Limits
import Metering
import Runtimes
import Store
import Units

extension LimitChanger {
    /// The latest change of a target that can be undone.
    ///
    /// Changes that undo, that were undone, or that are over do not count.
    public func lastChange(of target: LimitTarget) throws(Fault) -> LimitChangeSet {
        if let last = try store.lastUndoable(of: target.subject.name, in: tree.path) {
            return last
        }
        throw Fault(
            .failed, at: escapingControlCharacters(target.subject.name),
            problem: "no change is left to undo",
            suggestion: "octroi limit history shows what was changed")
    }

    /// Restores the values before a change; call it while holding the limits lock.
    ///
    /// - Parameters:
    ///   - change: an operator's change that is still in force.
    ///   - isForced: whether memory may be set below what is in use, and whether a boost is ended
    ///     even if somebody else changed its values since. Those values stay.
    /// - Throws: if somebody changed a value since, naming all three values; or if the change is
    ///   not an operator's, or is over.
    public func undo(
        _ change: LimitChangeSet, _ targets: LimitTargets, reason: String?, isForced: Bool = false
    ) throws(Fault) -> LimitChangeSet {
        let overlays = try state().overlays.filter { $0.change == change.id }
        try refuseUndone(change, isStanding: !overlays.isEmpty)
        // Undoing a boost means to end its overlays, which restores the values before it.
        let lifted = try lay(
            [], ending: overlays, targets, .undo, reason: reason ?? "undoes change \(change.id)",
            undoes: change.id, isForced: isForced, refusing: !isForced)
        if let lifted { return lifted }
        // Anything else is undone by writing the values before it. A boost or budget must not hide
        // them.
        let values = change.changes.compactMap { entry -> (LimitPlace, LimitValue)? in
            guard let key = LimitKey(entry.key), let value = LimitValue(entry.before, for: key)
            else { return nil }
            return (LimitPlace(entry.path, key), value)
        }
        try refuseHidden(values, of: change.target, targets)
        let isTenant = try store.tenants().contains { $0.id == change.target }
        let subject = LimitSubject(isTenant ? .tenant : .container, change.target)
        let writes = try reversals(of: change, isForced: isForced)
        let effects = specs(before: change, of: subject)
        var request = LimitRequest(
            .undo, of: subject, tenant: change.tenant, reason: reason, writes: writes)
        // The cgroups do not exist any more, but what is desired can still be restored.
        if writes.isEmpty {
            try refuseNothing(change, effects, of: subject)
            request.reason = [
                reason, "its cgroups no longer exist: only what is wanted is as before",
            ]
            .compactMap(\.self).joined(separator: "; ")
        }
        request.undoes = change.id
        request.isForced = isForced
        // The earlier value may come from a budget, and owners must not keep it beyond the budget.
        let desired = DesiredCgroups(try state().desires, targets)
        request.lasting = !writes.contains {
            desired[$0.path]?.limits.budget[$0.key] != nil
        }
        request.effects = effects
        return try perform(request)
    }

    /// The effects that restore the desired values before a change.
    ///
    /// Where nothing was desired before, nothing is desired afterwards. The limit then belongs to
    /// its owner again, so a later `docker update` is left alone.
    private func specs(
        before change: LimitChangeSet, of subject: LimitSubject
    ) -> [LimitEffect] {
        change.changes.compactMap { entry in
            guard let key = LimitKey(entry.key) else { return nil }
            return want(entry.wantedBefore.flatMap { LimitValue($0, for: key) }, key, subject)
        }
    }

    /// Refuses to undo a change that left neither a cgroup nor a desired value to restore.
    private func refuseNothing(
        _ change: LimitChangeSet, _ effects: [LimitEffect], of subject: LimitSubject
    ) throws(Fault) {
        let wanted = try store.wantedLimits(of: subject)
        // Whether any desired value differs from the one before the change.
        let changesAny = effects.contains { effect in
            switch effect {
            case .want(let item): wanted[item.key] != item.value
            case .unwant(_, let key): wanted[key] != nil
            case .lay, .end, .hold, .release: false
            }
        }
        guard !changesAny else { return }
        throw Fault(
            .unavailable, at: "change \(change.id)", problem: "its cgroups no longer exist",
            suggestion: "Nothing is left to restore")
    }

    /// Refuses to undo a change that had no effect, was undone, is over, or is not an operator's.
    private func refuseUndone(_ change: LimitChangeSet, isStanding: Bool) throws(Fault) {
        func refuse(_ found: String, _ suggestion: String) -> Fault {
            Fault(.failed, at: "change \(change.id)", problem: found, suggestion: suggestion)
        }
        // A boost that set the values in force already has overlays, but no changes.
        guard change.outcome == .done, !change.changes.isEmpty || isStanding else {
            throw refuse("it changed nothing", "Name another change")
        }
        if let other = try store.limitChange(thatUndid: change.id) {
            throw refuse(
                "change \(other) has undone it already",
                "octroi limit undo \(other) would do it again")
        }
        switch change.action {
        case .set, .unset: return
        case .boost where isStanding: return
        case .boost: throw refuse("the boost is over", "Nothing is left to undo")
        case .undo:
            let undone = try change.undoes.flatMap { id throws(Fault) in
                try store.limitChangeSet(id)
            }
            // Undoing an undo does the change again. A boost cannot be repeated: its time is over.
            guard undone?.action == .boost else { return }
            throw refuse(
                "it ended a boost, whose time would have to begin anew", "octroi limit boost")
        case .expire, .reassert, .adopt, .alert, .budget, .recover:
            throw refuse(
                "\(change.action.rawValue) is the daemon's own: it would do it again",
                "Change what it follows: octroi limit set, octroi budget set")
        }
    }

    /// The writes that restore the values before a change.
    ///
    /// - Throws: if somebody changed one of them since.
    private func reversals(
        of change: LimitChangeSet, isForced: Bool
    ) throws(Fault) -> [PlannedWrite] {
        var writes: [PlannedWrite] = []
        for entry in change.changes {
            guard let write = try reversal(of: entry, change.id) else { continue }
            if !isForced, let cgroup = try tree.find(write.path) {
                try write.refuseKill(
                    cgroup.circumstances(), at: tree.path + escapingControlCharacters(write.path))
            }
            writes.append(write)
        }
        return writes
    }

    /// The write that restores one value; `nil` if its cgroup no longer exists.
    private func reversal(of entry: LimitChange, _ change: Int64) throws(Fault) -> PlannedWrite? {
        let place = "\(tree.path)\(escapingControlCharacters(entry.path))/\(entry.key)"
        guard let key = LimitKey(entry.key), let before = LimitValue(entry.before, for: key),
            let after = LimitValue(entry.after, for: key)
        else {
            throw Fault(
                .badData, at: "change \(change)", problem: "a limit that cannot be read",
                suggestion: "Use the octroi that wrote it")
        }
        guard let cgroup = try tree.find(entry.path) else { return nil }
        // The same path with another id: the cgroup was removed and created again.
        let isRenewed = cgroup.id != entry.cgroupID
        if isRenewed, try !isSameToOwner(entry) {
            throw Fault(
                .failed, at: place, problem: "the cgroup was re-created since",
                suggestion: "Set the value you want: octroi limit set")
        }
        // Accept the value after the change, or the one before it if somebody restored it already.
        let now = try tree.value(of: key, at: cgroup)
        // A new cgroup starts without values that its owner does not keep, so the initial value is
        // no sign of somebody else's change.
        let known = isRenewed ? [after, before, key.initial] : [after, before]
        guard known.contains(where: { now.isSame(as: $0, for: key) }) else {
            throw Fault(
                .failed, at: place,
                problem: "somebody changed it since: before the change it was \(before), after it "
                    + "\(after), now it is \(now)",
                suggestion:
                    "octroi limit history says who, if Octroi knows; octroi limit set sets it")
        }
        return PlannedWrite(
            path: entry.path, cgroupID: cgroup.id,
            owner: try tree.owners.owner(of: entry.path), key: key, before: now, wanted: before)
    }

    /// Whether a re-created cgroup is the same to its owner, such as a restarted container or unit.
    private func isSameToOwner(_ entry: LimitChange) throws(Fault) -> Bool {
        // For crun's copy, ask about the scope above it.
        let scope = governingPath(of: entry.path)
        let owner = try tree.owners.owner(of: scope)
        // crun's copy has no owner of its own. The scope above it identifies the container.
        return owner != .file && (scope != entry.path || owner.description == entry.owner)
    }
}
