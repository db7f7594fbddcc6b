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

    public var writes: [PlannedWrite] { items.map(\.write) }

    /// The limits and their values, each once.
    var values: [LimitKey: LimitValue] {
        Dictionary(items.map { ($0.write.key, $0.write.wanted) }) { first, _ in first }
    }
}

extension LimitChanger {
    /// Plans what words ask for, and refuses what the kernel would refuse or punish.
    ///
    /// - Parameters:
    ///   - isForced: whether memory may be taken below what cannot be reclaimed.
    ///   - watching: how long to look at CPU time for the prediction, in ms.
    public func plan(
        _ wishes: [LimitWish], for target: LimitTarget, _ targets: LimitTargets,
        isForced: Bool = false, watchingMilliseconds watching: UInt32 = 0
    ) throws(Fault) -> LimitPlan {
        let freezes = wishes.filter(\.isFreeze)
        let others = wishes.filter { !$0.isFreeze }
        var items: [LimitPlan.Item] = []
        for cgroup in target.cgroups where !others.isEmpty {
            let settings = try tree.settings(others, at: cgroup)
            items += try plan(cgroup, settings, isForced, watching)
        }
        if !freezes.isEmpty {
            let leaves =
                target.subject.kind == .tenant
                ? targets.containers(of: target.subject.name) : target.cgroups
            for cgroup in leaves {
                let settings = try tree.settings(freezes, at: cgroup)
                items += try plan(cgroup, settings, isForced, 0)
            }
            try refuseUnowned(target, items)
        }
        return LimitPlan(target: target, items: items)
    }

    /// The same for given values.
    public func plan(
        _ cgroup: LimitedCgroup, _ settings: [LimitSetting], _ isForced: Bool, _ watching: UInt32
    ) throws(Fault) -> [LimitPlan.Item] {
        let now = cgroup.circumstances(watchingMilliseconds: watching)
        var items: [LimitPlan.Item] = []
        for write in try tree.plan(cgroup, settings) {
            if !isForced { try write.refuseKill(now, at: tree.path + harmless(write.path)) }
            if write.key == .freeze, write.wanted == .frozen(true) {
                try tree.refuseFreezing(write, cgroup)
            }
            let prediction = write.prediction(now)
            items.append(
                LimitPlan.Item(
                    write: write,
                    notes: [prediction].compactMap(\.self) + tree.caveats(write, at: cgroup),
                    circumstances: now))
        }
        return items
    }

    /// A service or scope of the host itself is not to be frozen by mistake.
    private func refuseUnowned(_ target: LimitTarget, _ items: [LimitPlan.Item]) throws(Fault) {
        guard target.tenant == nil else { return }
        for item in items where item.write.wanted == .frozen(true) {
            guard case .systemd(let unit) = item.write.owner else { continue }
            throw Fault(
                .failed, at: tree.path + harmless(item.write.path),
                found: "\(unit) is a unit of the host, of no tenant",
                cure: "Give it to a tenant first: octroi tenant assign, or a unit: rule")
        }
    }

    /// Sets what was planned, and wants it from now on.
    ///
    /// - Parameter action: set or unset. What an engine cannot unset, it would bring back when the
    ///   container starts again: then the absence of a limit is wanted.
    public func set(
        _ plan: LimitPlan, _ action: LimitChangeSet.Action, reason: String?, isForced: Bool
    ) throws(Fault) -> LimitChangeSet {
        var request = LimitRequest(
            action, of: plan.target.subject, tenant: plan.target.tenant, reason: reason,
            writes: plan.writes)
        request.isForced = isForced
        let state = try store.limitState().desired(plan.target.subject)
        try refuseHidden(plan, state)
        for (key, value) in plan.values {
            let remembers = plan.writes.contains { $0.key == key && $0.owner.remembers }
            let isKept = action != .unset || remembers
            request.effects.append(want(isKept ? value : nil, key, plan.target.subject))
        }
        return try perform(request)
    }

    /// What is to be wanted of a limit from now on; `nil` is nothing.
    func want(_ value: LimitValue?, _ key: LimitKey, _ subject: LimitSubject) -> LimitEffect {
        guard let value else { return .unwant(subject, key) }
        return .want(WantedLimit(subject, key, value, source: .command, since: now()))
    }

    /// Refuses to set what a boost or a budget stands above: it would show only when that ends.
    private func refuseHidden(_ plan: LimitPlan, _ desired: DesiredLimits) throws(Fault) {
        for write in plan.writes {
            guard let over = desired.boost[write.key] ?? desired.budget[write.key] else { continue }
            let isBoost = desired.boost[write.key] != nil
            throw Fault(
                .failed, at: "\(plan.target.subject.name), \(write.key)",
                found: "a \(isBoost ? "boost" : "budget's step") holds it at \(over)",
                cure: isBoost
                    ? "End the boost first: octroi limit undo \(plan.target.subject.name)"
                    : "Raise the budget or exempt the tenant: octroi budget set")
        }
    }
}

extension LimitWish {
    /// Whether it is about the freezer, which takes containers, not slices.
    public var isFreeze: Bool {
        if case .value(.freeze, _) = goal { true } else { false }
    }
}
