import Limits
import Runtimes
import Store
import Units

/// A planned change of a target's limits that was checked and can be carried out.
public struct LimitPlan {
    /// One planned write and what the operator should know about it.
    public struct Item {
        /// The file, its present value and the new one.
        public var write: PlannedWrite
        /// Predictions and warnings, as sentences.
        public var notes: [String]
        /// What the cgroup uses at the moment.
        public var circumstances: Circumstances
    }

    /// Whose limits change.
    public var target: LimitTarget
    /// One item for each file, in the order of the cgroups and limits.
    public var items: [Item]
    /// Why limiting a cgroup needs --force, by the cgroup's path.
    var risks: [String: String] = [:]

    /// The planned writes alone.
    public var writes: [PlannedWrite] { items.map(\.write) }

    /// The planned limits with their values, each limit once.
    var values: [LimitSetting] {
        var values: [LimitSetting] = []
        for write in writes where !values.contains(where: { $0.key == write.key }) {
            values.append(LimitSetting(write.key, write.wanted))
        }
        return values
    }
}

extension LimitChanger {
    /// Plans a change and refuses what the kernel would refuse or answer with a kill.
    ///
    /// Everything except the freezer applies to the target's cgroups. The freezer applies to the
    /// containers of a tenant one by one, because freezing a slice can hang systemd.
    ///
    /// - Parameters:
    ///   - specs: the limits and values that were asked for.
    ///   - isForced: whether memory may be set below what cannot be reclaimed.
    ///   - watching: how long to measure CPU usage for the prediction, in ms.
    /// - Throws: `unavailable` if the target has no running container, or the fault of the first
    ///   value that cannot be set.
    public func plan(
        _ specs: [LimitSpec], for target: LimitTarget, _ targets: LimitTargets,
        isForced: Bool = false, watchingMilliseconds watching: UInt32 = 0
    ) throws(Fault) -> LimitPlan {
        let freezes = specs.filter(\.isFreeze)
        let others = specs.filter { !$0.isFreeze }
        var items: [LimitPlan.Item] = []
        let state = try state()
        let desired = DesiredCgroups(state.desires, targets)
        for cgroup in target.cgroups where !others.isEmpty {
            // Where a temporary value is in force, fields that are not named come from the lasting
            // one.
            let settings = try tree.settings(others, at: cgroup) { key in
                desired[cgroup.path]?.limits.wanted[key] ?? state.held(key, in: cgroup.id)?.before
            }
            items += try plan(cgroup, settings, isForced, watching)
        }
        if !freezes.isEmpty {
            let leaves =
                target.subject.kind == .tenant && !target.isRoot
                ? targets.containers(of: target.subject.name) : target.cgroups
            for cgroup in leaves {
                let settings = try tree.settings(freezes, at: cgroup)
                items += try plan(cgroup, settings, isForced, 0)
            }
            try refuseUnowned(target, items)
        }
        var plan = LimitPlan(target: target, items: items)
        guard !items.isEmpty else {
            throw Fault(
                .unavailable, at: escapingControlCharacters(target.subject.name),
                problem: "no container runs in it now",
                suggestion: "Start one first: octroi containers")
        }
        // One value per limit is stored for a target, so all cgroups must get the same one.
        try refuseUneven(plan)
        for cgroup in target.cgroups { plan.risks[cgroup.path] = targets.risk(cgroup) }
        plan.noteRisks(isForced: isForced)
        return plan
    }

    /// Refuses a partial change of `io.max` if other fields differ between the cgroups.
    ///
    /// A target has one desired value for each device, so the change would overwrite those fields,
    /// too.
    private func refuseUneven(_ plan: LimitPlan) throws(Fault) {
        for value in plan.values {
            let uneven = plan.writes.first { $0.key == value.key && $0.wanted != value.value }
            guard let uneven else { continue }
            throw Fault(
                .failed, at: escapingControlCharacters(plan.target.subject.name),
                problem: "its cgroups have different limits on \(value.key): \(value.value) and "
                    + "\(uneven.wanted)",
                suggestion: "Name all of rbps, wbps, riops and wiops")
        }
    }

    /// Plans given values for one cgroup.
    public func plan(
        _ cgroup: LimitedCgroup, _ settings: [LimitSetting], _ isForced: Bool, _ watching: UInt32
    ) throws(Fault) -> [LimitPlan.Item] {
        let now = cgroup.circumstances(watchingMilliseconds: watching)
        var items: [LimitPlan.Item] = []
        for write in try tree.plan(cgroup, settings) {
            if !isForced {
                try write.refuseKill(now, at: tree.path + escapingControlCharacters(write.path))
            }
            if write.key == .freeze, write.wanted == .frozen(true) {
                try tree.refuseFreezing(write, cgroup)
            }
            var notes = [write.prediction(now, isForced: isForced)].compactMap(\.self)
            // Several limits may depend on one unreadable file; report it once.
            for note in tree.caveats(write, at: cgroup)
                + tree.vain(write, beside: settings, at: cgroup) where !notes.contains(note)
            {
                notes.append(note)
            }
            items.append(LimitPlan.Item(write: write, notes: notes, circumstances: now))
        }
        return items
    }

    /// Refuses to freeze a systemd unit of the host that belongs to no tenant.
    private func refuseUnowned(_ target: LimitTarget, _ items: [LimitPlan.Item]) throws(Fault) {
        // A tenant's units may be frozen; that is what the step `freeze` of a budget does.
        guard target.tenant == nil else { return }
        for item in items where item.write.wanted == .frozen(true) {
            guard case .systemd(let unit) = item.write.owner else { continue }
            throw Fault(
                .failed, at: tree.path + escapingControlCharacters(item.write.path),
                problem: "\(unit) is a unit of the host, of no tenant",
                suggestion: "Give it to a tenant first: octroi tenant assign, or a unit: rule")
        }
    }

    /// Carries out a plan and stores its values as desired from now on.
    ///
    /// After `unset`, normally nothing is desired, so that a limit that the engine sets later is
    /// left alone. The exception is a limit that the engine cannot be told to remove: it would
    /// return when the container restarts, so the absence of the limit is stored as desired.
    ///
    /// - Parameter action: `.set` or `.unset`.
    public func set(
        _ plan: LimitPlan, _ action: LimitChangeSet.Action, _ targets: LimitTargets,
        reason: String?, isForced: Bool
    ) throws(Fault) -> LimitChangeSet {
        var request = LimitRequest(
            action, of: plan.target.subject, tenant: plan.target.tenant, reason: reason,
            writes: plan.writes)
        request.isForced = isForced
        try plan.refuseRisk(isForced: isForced, in: tree.path)
        try refuseHidden(plan, targets)
        let state = try state()
        let desired = DesiredCgroups(state.desires, targets)
        request.writes = plan.writes.map { write in
            var write = write
            // A budget in force still tightens the new value.
            if let budget = desired[write.path]?.limits.budget[write.key] {
                write.wanted = write.wanted.tightened(by: budget)
            }
            return write
        }
        // A budget's tightening is temporary, so owners must not keep it beyond the budget.
        request.lasting = request.writes == plan.writes
        // Where a budget step is in force, the record of what was there before must be updated.
        let held = request.writes.filter { state.held($0.key, in: $0.cgroupID) != nil }
        request.effects += holding(held, state)
        for setting in plan.values {
            let isKept =
                action != .unset
                || plan.writes.contains {
                    $0.key == setting.key && $0.owner.bringsBack(setting.key)
                }
            request.effects.append(
                want(isKept ? setting.value : nil, setting.key, plan.target.subject))
        }
        request.effects += try overruled(plan, targets)
        return try perform(request)
    }

    /// Removes freeze settings of single containers when their whole tenant is frozen or thawed.
    private func overruled(
        _ plan: LimitPlan, _ targets: LimitTargets
    ) throws(Fault) -> [LimitEffect] {
        guard plan.target.subject.kind == .tenant else { return [] }
        let frozen = Set(plan.writes.filter { $0.key == .freeze }.map(\.path))
        guard !frozen.isEmpty else { return [] }
        return try state().wanted.filter { item in
            item.subject.kind == .container && item.key == .freeze
                && targets.cgroups(of: item.subject).contains { frozen.contains($0.path) }
        }.map { .unwant($0.subject, .freeze) }
    }

    /// The effect that stores a desired value; `nil` removes it.
    func want(_ value: LimitValue?, _ key: LimitKey, _ subject: LimitSubject) -> LimitEffect {
        guard let value else { return .unwant(subject, key) }
        return .want(WantedLimit(subject, key, value, source: .command, since: now()))
    }

    /// Refuses a value that a boost or budget overrides, because it would have no effect now.
    public func refuseHidden(_ plan: LimitPlan, _ targets: LimitTargets) throws(Fault) {
        try refuseHidden(
            plan.writes.map { ($0.place, $0.wanted) }, of: plan.target.subject.name, targets)
    }

    func refuseHidden(
        _ specs: [(place: LimitPlace, value: LimitValue)], of name: String, _ targets: LimitTargets
    ) throws(Fault) {
        let state = try state()
        let desired = DesiredCgroups(state.desires, targets)
        for (place, value) in specs {
            guard let limits = desired[place.path]?.limits,
                let over = limits.boost[place.key] ?? limits.budget[place.key]
            else { continue }
            // A value that is tighter than the budget's in any respect takes effect now.
            let isHidden =
                value.tightened(by: over) == over && !value.isSame(as: over, for: place.key)
            if limits.boost[place.key] == nil, !isHidden { continue }
            // Find the boost, so that the message can say how to end it.
            let boost = state.overlays.first { overlay in
                overlay.source == .boost && overlay.key == place.key
                    && targets.cgroups(of: overlay.subject, place.key)
                        .contains { $0.path == place.path }
            }
            throw Fault(
                .failed, at: "\(escapingControlCharacters(name)), \(place.key)",
                problem: "a \(boost == nil ? "budget's step" : "boost") holds it at \(over)",
                suggestion: boost.map { "End the boost first: octroi limit undo \($0.change)" }
                    ?? "Raise the budget or exempt the tenant: octroi budget set")
        }
    }
}

extension LimitSpec {
    /// Whether this is about the freezer, which works on containers and not on slices.
    public var isFreeze: Bool {
        if case .value(.freeze, _) = goal { true } else { false }
    }
}
