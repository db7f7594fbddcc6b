import Limits
import Metering
import Runtimes
import Store
import Units

extension LimitChanger {
    /// The newest change of a target that can be undone: none that undoes, or is undone.
    public func lastChange(of target: LimitTarget) throws(Fault) -> LimitChangeSet {
        let history = try store.limitHistory()
        let undone = Set(history.compactMap(\.undoes))
        let last = history.last {
            $0.outcome == .done && !undone.contains($0.id) && !$0.changes.isEmpty
                && $0.target == target.subject.name && [.set, .unset, .boost].contains($0.action)
        }
        if let last { return last }
        throw Fault(
            .failed, at: harmless(target.subject.name), found: "no change of it is left to undo",
            cure: "octroi limit history shows what was changed")
    }

    /// Restores the values before a change; only within `alone`.
    ///
    /// - Throws: if somebody changed one of them since, with all three values.
    public func undo(
        _ change: LimitChangeSet, _ targets: LimitTargets, reason: String?
    ) throws(Fault) -> LimitChangeSet {
        try refuseUndone(change)
        let state = try store.limitState()
        let overlays = state.overlays.filter { $0.change == change.id }
        let (writes, subject) = try reversals(of: change)
        if !overlays.isEmpty {
            let said = reason ?? "undoes change \(change.id)"
            guard
                let set = try lift(
                    overlays, targets, .undo, reason: said, undoes: change.id)
            else { preconditionFailure("a boost of nothing") }
            return set
        }
        var request = LimitRequest(
            .undo, of: subject, tenant: change.tenant, reason: reason, writes: writes)
        request.undoes = change.id
        for entry in change.changes {
            guard let key = LimitKey(entry.key) else { continue }
            let value = entry.wantedBefore.flatMap { LimitValue($0, for: key) }
            // What an engine would bring back is kept away by wanting what was there.
            let kept = writes.first { $0.key == key && $0.owner.remembers }?.wanted
            request.effects.append(want(value ?? kept, key, subject))
        }
        return try perform(request)
    }

    private func refuseUndone(_ change: LimitChangeSet) throws(Fault) {
        let place = "change \(change.id)"
        guard change.outcome == .done, !change.changes.isEmpty else {
            throw Fault(
                .failed, at: place, found: "it changed nothing", cure: "Name another change")
        }
        if let other = try store.limitHistory().first(where: { $0.undoes == change.id }) {
            throw Fault(
                .failed, at: place, found: "change \(other.id) has undone it already",
                cure: "octroi limit undo \(other.id) would do it again")
        }
    }

    /// The writes that restore what was before a change, if nobody changed it since.
    private func reversals(
        of change: LimitChangeSet
    ) throws(Fault) -> ([PlannedWrite], LimitSubject) {
        let isTenant = try store.tenants().contains { $0.id == change.target }
        let subject = LimitSubject(isTenant ? .tenant : .container, change.target)
        var writes: [PlannedWrite] = []
        for entry in change.changes {
            let place = "\(tree.path)\(harmless(entry.path))/\(entry.key)"
            guard let key = LimitKey(entry.key), let before = LimitValue(entry.before, for: key),
                let after = LimitValue(entry.after, for: key)
            else {
                throw Fault(
                    .badData, at: "change \(change.id)", found: "a limit that cannot be read",
                    cure: "Use the octroi that wrote it")
            }
            guard let cgroup = tree.cgroup(entry.path) else { continue }
            guard cgroup.id == entry.cgroupID else {
                throw Fault(
                    .failed, at: place, found: "the cgroup is another now: it was made anew since",
                    cure: "Set the value you want: octroi limit set")
            }
            let now = try tree.value(of: key, at: cgroup)
            guard now.isSame(as: after, for: key) || now.isSame(as: before, for: key) else {
                throw Fault(
                    .failed, at: place,
                    found:
                        "somebody changed it since: before the change it was \(before), after it "
                        + "\(after), now it is \(now)",
                    cure: "octroi limit history says who, if Octroi knows; octroi limit set sets it"
                )
            }
            writes.append(
                PlannedWrite(
                    path: entry.path, cgroupID: entry.cgroupID,
                    owner: try tree.owners.owner(of: entry.path), key: key, before: now,
                    wanted: before))
        }
        guard !writes.isEmpty else {
            throw Fault(
                .unavailable, at: "change \(change.id)", found: "its cgroups have ended",
                cure: "Nothing is left to restore")
        }
        return (writes, subject)
    }
}
