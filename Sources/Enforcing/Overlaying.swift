import Limits
import Store
import Units

/// Limits that stand for a time, above what is wanted: boosts and steps of a budget.
extension LimitChanger {
    /// Lays limits over a subject's until they are lifted; only within `alone`.
    ///
    /// What was there is kept, and owners are told nothing that outlives a reboot.
    @discardableResult
    public func lay(
        _ overlays: [LimitOverlay], writes: [PlannedWrite], ending: [LimitOverlay] = [],
        _ action: LimitChangeSet.Action, reason: String?
    ) throws(Fault) -> LimitChangeSet? {
        guard let first = overlays.first ?? ending.first else { return nil }
        var request = LimitRequest(
            action, of: first.subject, tenant: first.tenant, reason: reason, writes: writes)
        request.lasting = false
        request.holds = true
        request.expires = overlays.compactMap(\.until).max()
        request.effects = ending.map { .end(overlay: $0.id) } + overlays.map { .lay($0) }
        return try perform(request)
    }

    /// Lifts overlays of one subject, and puts back what is wanted, or was there before them.
    ///
    /// A value that somebody else changed meanwhile is left as it is, and said.
    @discardableResult
    public func lift(
        _ overlays: [LimitOverlay], _ targets: LimitTargets, _ action: LimitChangeSet.Action,
        reason: String?, undoes: Int64? = nil
    ) throws(Fault) -> LimitChangeSet? {
        guard let first = overlays.first else { return nil }
        var state = try store.limitState()
        let ending = Set(overlays.map(\.id))
        state.overlays.removeAll { ending.contains($0.id) }
        let remaining = state.desired(first.subject)
        var (writes, effects, notes): ([PlannedWrite], [LimitEffect], [String]) = ([], [], [])
        for key in Set(overlays.map(\.key)) {
            for held in state.held where held.key == key && held.boot == boot {
                guard let cgroup = targets.cgroup(held, of: first.subject, key) else { continue }
                let value = remaining.all[key] ?? held.before
                if !remaining.passing.contains(key) {
                    effects.append(.release(boot: boot, cgroupID: held.cgroupID, key))
                }
                for write in try tree.plan(cgroup, [LimitSetting(key, value)])
                where !write.isInForce {
                    let isOurs = held.written.isSame(as: write.before, for: key)
                    if isOurs || write.path != held.path {
                        writes.append(write)
                    } else {
                        notes.append(
                            "\(write.path) \(key) is \(write.before), set by another: kept")
                    }
                }
            }
        }
        let said = ([reason] + notes).compactMap(\.self).joined(separator: "; ")
        var request = LimitRequest(
            action, of: first.subject, tenant: first.tenant, reason: said.isEmpty ? nil : said,
            writes: writes)
        request.lasting = false
        request.undoes = undoes
        request.effects = overlays.map { .end(overlay: $0.id) } + effects
        return try perform(request)
    }

    /// Ends every boost whose time is over; only within `alone`.
    ///
    /// - Returns: the change-sets, and what could not be ended, in words.
    public func endOverdueBoosts(
        _ targets: LimitTargets
    ) throws(Fault) -> (ended: [LimitChangeSet], failed: [Fault]) {
        let overdue = try store.limitState().overlays.filter { overlay in
            overlay.root == tree.path && overlay.until.map { $0 <= now() } ?? false
        }
        var (ended, failed): ([LimitChangeSet], [Fault]) = ([], [])
        for change in Set(overdue.map(\.change)).sorted() {
            let overlays = overdue.filter { $0.change == change }
            do throws(Fault) {
                let set = try lift(
                    overlays, targets, .expire, reason: "the boost of change \(change) is over")
                if let set { ended.append(set) }
            } catch {
                failed.append(error)
            }
        }
        return (ended, failed)
    }
}

extension LimitTargets {
    /// The cgroup of what is held, if it is one of the subject's and lives still.
    func cgroup(_ held: HeldLimit, of subject: LimitSubject, _ key: LimitKey) -> LimitedCgroup? {
        guard let cgroup = tree.cgroup(held.path), cgroup.id == held.cgroupID else { return nil }
        let own =
            key == .freeze && subject.kind == .tenant
            ? containers(of: subject.name) : cgroups(of: subject)
        return own.contains { $0.path == held.path } ? cgroup : nil
    }
}
