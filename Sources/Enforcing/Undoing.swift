import Limits
import Metering
import Runtimes
import Store
import Units

extension LimitChanger {
    /// The newest change of a target that can be undone: none that undoes, is undone or is over.
    public func lastChange(of target: LimitTarget) throws(Fault) -> LimitChangeSet {
        if let last = try store.lastUndoable(of: target.subject.name, in: tree.path) {
            return last
        }
        throw Fault(
            .failed, at: escapingControlCharacters(target.subject.name),
            problem: "no change is left to undo",
            suggestion: "octroi limit history shows what was changed")
    }

    /// Restores the values before a change; only within `alone`.
    ///
    /// - Parameter isForced: whether memory may be taken below what is in use at once, and a boost ended whose
    ///   values somebody changed since; these stay.
    /// - Throws: if somebody changed one of them since, with all three values, or if it is no
    ///   operator's change, or one that is over.
    public func undo(
        _ change: LimitChangeSet, _ targets: LimitTargets, reason: String?, isForced: Bool = false
    ) throws(Fault) -> LimitChangeSet {
        let overlays = try state().overlays.filter { $0.change == change.id }
        try refuseUndone(change, isStanding: !overlays.isEmpty)
        let lifted = try lay(
            [], ending: overlays, targets, .undo, reason: reason ?? "undoes change \(change.id)",
            undoes: change.id, isForced: isForced, refusing: !isForced)
        if let lifted { return lifted }
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
        if writes.isEmpty {
            try refuseNothing(change, effects, of: subject)
            request.reason = [
                reason, "its cgroups no longer exist: only what is wanted is as before",
            ]
            .compactMap(\.self).joined(separator: "; ")
        }
        request.undoes = change.id
        request.isForced = isForced
        // What was there before may be a budget's.
        let desired = DesiredCgroups(try state().desires, targets)
        request.lasting = !writes.contains {
            desired[$0.path]?.limits.budget[$0.key] != nil
        }
        request.effects = effects
        return try perform(request)
    }

    /// What was wanted before a change is wanted again; where nothing was, nothing is, so that a limit is
    /// whose it was: a later docker update stands.
    private func specs(
        before change: LimitChangeSet, of subject: LimitSubject
    ) -> [LimitEffect] {
        change.changes.compactMap { entry in
            guard let key = LimitKey(entry.key) else { return nil }
            return want(entry.wantedBefore.flatMap { LimitValue($0, for: key) }, key, subject)
        }
    }

    /// Refuses to undo what has neither a cgroup nor a wish left.
    private func refuseNothing(
        _ change: LimitChangeSet, _ effects: [LimitEffect], of subject: LimitSubject
    ) throws(Fault) {
        let wanted = try store.wantedLimits(of: subject)
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

    private func refuseUndone(_ change: LimitChangeSet, isStanding: Bool) throws(Fault) {
        func refuse(_ found: String, _ suggestion: String) -> Fault {
            Fault(.failed, at: "change \(change.id)", problem: found, suggestion: suggestion)
        }
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
            guard undone?.action == .boost else { return }
            throw refuse(
                "it ended a boost, whose time would have to begin anew", "octroi limit boost")
        case .expire, .reassert, .adopt, .alert, .budget, .recover:
            throw refuse(
                "\(change.action.rawValue) is the daemon's own: it would do it again",
                "Change what it follows: octroi limit set, octroi budget set")
        }
    }

    /// The writes that restore what was before a change, if nobody changed it since.
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

    /// The write that restores what was before another; `nil` if its cgroup has ended.
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
        let isRenewed = cgroup.id != entry.cgroupID
        if isRenewed, try !isSameToOwner(entry) {
            throw Fault(
                .failed, at: place, problem: "the cgroup was re-created since",
                suggestion: "Set the value you want: octroi limit set")
        }
        let now = try tree.value(of: key, at: cgroup)
        // What its owner does not keep, a cgroup that was made anew was born without.
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

    /// Whether the cgroup at a change's path is the same to its owner, though it was made anew: a
    /// container that was restarted, a unit that was.
    private func isSameToOwner(_ entry: LimitChange) throws(Fault) -> Bool {
        let scope = governingPath(of: entry.path)
        let owner = try tree.owners.owner(of: scope)
        // crun's copy belongs to no manager: the name of the scope above it says which container it is of.
        return owner != .file && (scope != entry.path || owner.description == entry.owner)
    }
}
