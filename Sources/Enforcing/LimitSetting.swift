import Limits
import Runtimes
import Store
import Units

/// A change of a target's limits, checked and ready to be carried out.
public struct LimitPlan {
    /// One write, with what is to be said of it.
    public struct Item {
        public var write: PlannedWrite
        public var notes: [String]
        public var circumstances: Circumstances
    }

    public var target: LimitTarget
    public var items: [Item]
    /// Why limiting a cgroup has to be meant, by its path.
    var risks: [String: String] = [:]

    public var writes: [PlannedWrite] { items.map(\.write) }

    /// The limits and their values, each once.
    var values: [LimitSetting] {
        var values: [LimitSetting] = []
        for write in writes where !values.contains(where: { $0.key == write.key }) {
            values.append(LimitSetting(write.key, write.wanted))
        }
        return values
    }
}

extension LimitChanger {
    /// Plans what words ask for, and refuses what the kernel would refuse or punish.
    ///
    /// - Parameters:
    ///   - isForced: whether memory may be taken below what cannot be reclaimed.
    ///   - watching: how long to look at CPU time for the prediction, in ms.
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
                problem: "no container lives in it now",
                suggestion: "Start one first: octroi containers")
        }
        try refuseUneven(plan)
        for cgroup in target.cgroups { plan.risks[cgroup.path] = targets.risk(cgroup) }
        plan.noteRisks(isForced: isForced)
        return plan
    }

    /// Refuses to name some fields of a device where its others differ from cgroup to cgroup: one value
    /// is wanted of a target, and would change them, too.
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

    /// The same for given values.
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
            // Of one file that cannot be read each would say the same.
            for note in tree.caveats(write, at: cgroup)
                + tree.vain(write, beside: settings, at: cgroup) where !notes.contains(note)
            {
                notes.append(note)
            }
            items.append(LimitPlan.Item(write: write, notes: notes, circumstances: now))
        }
        return items
    }

    /// A service or scope of the host itself is not to be frozen by mistake.
    private func refuseUnowned(_ target: LimitTarget, _ items: [LimitPlan.Item]) throws(Fault) {
        guard target.tenant == nil else { return }
        for item in items where item.write.wanted == .frozen(true) {
            guard case .systemd(let unit) = item.write.owner else { continue }
            throw Fault(
                .failed, at: tree.path + escapingControlCharacters(item.write.path),
                problem: "\(unit) is a unit of the host, of no tenant",
                suggestion: "Give it to a tenant first: octroi tenant assign, or a unit: rule")
        }
    }

    /// Sets what was planned, and wants it from now on.
    ///
    /// - Parameter action: set or unset. What an engine cannot be told to forget, it would bring back
    ///   when the container starts again: then the absence of a limit is wanted. Nothing else is, so
    ///   that a limit that is given by its engine later stands.
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
            if let budget = desired[write.path]?.limits.budget[write.key] {
                write.wanted = write.wanted.tightened(by: budget)
            }
            return write
        }
        // What a budget adds is not to outlive it with an owner.
        request.lasting = request.writes == plan.writes
        // Where a budget's step stands, it is written together with what is wanted.
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

    /// What containers were frozen or thawed for by themselves: what is said of their tenant later
    /// holds for them all.
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

    /// What is to be wanted of a limit from now on; `nil` is nothing.
    func want(_ value: LimitValue?, _ key: LimitKey, _ subject: LimitSubject) -> LimitEffect {
        guard let value else { return .unwant(subject, key) }
        return .want(WantedLimit(subject, key, value, source: .command, since: now()))
    }

    /// Refuses to set what a boost or a budget stands above: it would show only when that ends.
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
            // What is tighter than the budget's in anything holds at once.
            let isHidden =
                value.tightened(by: over) == over && !value.isSame(as: over, for: place.key)
            if limits.boost[place.key] == nil, !isHidden { continue }
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
    /// Whether it is about the freezer, which takes containers, not slices.
    public var isFreeze: Bool {
        if case .value(.freeze, _) = goal { true } else { false }
    }
}
