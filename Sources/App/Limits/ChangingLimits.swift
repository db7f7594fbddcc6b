import Enforcing
import Limits
import Store
import Units

/// A change of limits that was carried out.
public struct LimitChangeAnswer {
    /// The change as it was recorded.
    public var set: LimitChangeSet
    /// The plan behind it, with its predictions; `nil` for changes that have none.
    public var plan: LimitPlan?
}

extension App {
    /// Shows what setting limits would do.
    ///
    /// Nothing is written.
    ///
    /// - Parameters:
    ///   - target: a tenant's id; or a container's path, the end of it, its name, or its id in
    ///     Docker or Podman.
    ///   - words: limits as `NAME=VALUE`, such as `cpu=1.5` or `memory.max=512M`.
    ///   - isBoost: whether the limits are to be set for a time. Lasting limits that a boost or
    ///     budget overrides would have no effect now, so they are refused.
    /// - Throws: as `setLimits` does.
    public func planLimits(
        of target: String, _ words: [String], isBoost: Bool = false, _ options: LimitOptions
    ) throws(Fault) -> LimitPlanAnswer {
        let specs = try limitSpecs(words)
        let tools = try limitTools(.read, options)
        let plan = try tools.plan(specs, for: tools.targets().find(target), isShown: true)
        if !isBoost { try tools.changer.refuseHidden(plan, tools.targets()) }
        return try answer(plan, tools)
    }

    /// Sets limits, all of them or none, and reads them back from the kernel.
    ///
    /// - Parameters:
    ///   - target: as for `planLimits`.
    ///   - words: limits as `NAME=VALUE`.
    /// - Throws: `wrongUse` for an unknown limit or value, or an ambiguous target; `unavailable`
    ///   for an unknown target; `failed` if a value does not hold, or if it needs force. All limits
    ///   are as before then.
    public func setLimits(
        of target: String, _ words: [String], _ options: LimitOptions
    ) throws(Fault) -> LimitChangeAnswer {
        let specs = try limitSpecs(words)
        let tools = try limitTools(.write, options)
        let plan = try tools.plan(specs, for: tools.targets().find(target))
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            // Another process may have changed limits before the lock was free, so plan again.
            try tools.changer.set(
                tools.plan(specs, for: tools.targets().find(target)), .set, tools.targets(),
                reason: options.reason, isForced: options.isForced)
        }
        notifyUnrecovered(tools)
        return LimitChangeAnswer(set: set, plan: plan)
    }

    /// Sets limits for a time; a timer of systemd ends them, or else the daemon.
    ///
    /// A notice says when the boost ends and who ends it.
    ///
    /// - Parameters:
    ///   - target: as for `planLimits`.
    ///   - words: limits as `NAME=VALUE`.
    ///   - milliseconds: how long; at least 1000.
    /// - Throws: as `setLimits` does.
    public func boostLimits(
        of target: String, _ words: [String], forMilliseconds milliseconds: Int64,
        _ options: LimitOptions
    ) throws(Fault) -> LimitChangeAnswer {
        let specs = try limitSpecs(words)
        let tools = try limitTools(.write, options)
        let plan = try tools.plan(specs, for: tools.targets().find(target))
        let boost = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.boost(
                tools.plan(specs, for: tools.targets().find(target)), tools.targets(),
                forMilliseconds: milliseconds, reason: options.reason,
                isForced: options.isForced)
        }
        notifyUnrecovered(tools)
        notify(boost.ending)
        return LimitChangeAnswer(set: boost.set, plan: plan)
    }

    /// Shows what removing limits would do.
    ///
    /// Nothing is written. Parameters and faults are those of `unsetLimits`, and limits that a
    /// boost or budget overrides are refused.
    public func planUnsetting(
        of target: String, _ words: [String], _ options: LimitOptions
    ) throws(Fault) -> LimitPlanAnswer {
        try refuseUnknown(words)
        let tools = try limitTools(.read, options)
        let plan = try unsetting(target, words, tools, isShown: true)
        try tools.changer.refuseHidden(plan, tools.targets())
        return try answer(plan, tools)
    }

    /// Removes limits, all of them or none.
    ///
    /// Limits are removed even where the interface of a container engine offers no way to do it.
    ///
    /// - Parameters:
    ///   - target: as for `planLimits`.
    ///   - words: names of limits, such as `cpu`. `io.max` means all devices, `io.max=/dev/vda`
    ///     one.
    /// - Throws: `wrongUse` for an unknown limit; `failed` if nothing is left to remove; as
    ///   `setLimits` does.
    public func unsetLimits(
        of target: String, _ words: [String], _ options: LimitOptions
    ) throws(Fault) -> LimitChangeAnswer {
        try refuseUnknown(words)
        let tools = try limitTools(.write, options)
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.set(
                unsetting(target, words, tools), .unset, tools.targets(),
                reason: options.reason, isForced: options.isForced)
        }
        notifyUnrecovered(tools)
        return LimitChangeAnswer(set: set)
    }

    /// Restores the values before a change, unless somebody changed them since.
    ///
    /// - Parameter change: the number of a change; or a tenant or container, for its last change.
    /// - Throws: `failed` if a value was changed since, or if the change cannot be undone;
    ///   `wrongUse` for an unknown number.
    public func undoLimits(
        _ change: String, _ options: LimitOptions
    ) throws(Fault) -> LimitChangeAnswer {
        let tools = try limitTools(.write, options)
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            let targets = try tools.targets()
            return try tools.changer.undo(
                self.change(change, tools, targets), targets, reason: options.reason,
                isForced: options.isForced)
        }
        notifyUnrecovered(tools)
        if set.changes.isEmpty, let reason = set.reason {
            notify(escapingControlCharacters(reason))
        }
        return LimitChangeAnswer(set: set)
    }

    /// Ends the boosts whose time is over.
    ///
    /// - Returns: the changes that ended boosts, and the first fault of a boost that could not be
    ///   ended.
    public func expireBoosts(
        _ options: LimitOptions
    ) throws(Fault) -> (ended: [LimitChangeAnswer], fault: Fault?) {
        var options = options
        // A boost that cannot be ended now is tried again later. So do not hold memory down for
        // long.
        options.deadlineMilliseconds = 3000
        let tools = try limitTools(.write, options, keepsBoosts: true)
        let result = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.endOverdueBoosts(tools.targets())
        }
        for (_, fault) in result.failed { notify("\(fault)") }
        return (result.ended.map { LimitChangeAnswer(set: $0) }, result.failed.first?.fault)
    }

    /// The change that a word means.
    ///
    /// - Parameter word: a number, or a tenant or container.
    /// - Throws: `wrongUse` if no change has the number, `failed` if the target has no change to
    ///   undo.
    private func change(
        _ word: String, _ tools: LimitTools, _ targets: LimitTargets
    ) throws(Fault) -> LimitChangeSet {
        guard let number = Int64(word) else {
            return try tools.changer.lastChange(of: targets.find(word))
        }
        if let found = try tools.store.limitChangeSet(number) { return found }
        throw Fault(
            .wrongUse, at: "change \(number)", problem: "there is no such change",
            suggestion: "octroi limit history lists them")
    }

    /// Refuses words that are not names of limits, before anything is opened.
    private func refuseUnknown(_ words: [String]) throws(Fault) {
        guard !words.isEmpty else {
            throw Fault(
                .wrongUse, at: "limit unset", problem: "no limit was given",
                suggestion: "Name one or more, such as cpu or memory.max")
        }
        for word in words { _ = try LimitSpec.unsetting(word) }
    }

    /// The plan that gives limits the values of a new cgroup.
    ///
    /// `io.max` stands for each device that has a limit or for which one is desired.
    ///
    /// - Throws: `failed` if no device is limited.
    private func unsetting(
        _ target: String, _ words: [String], _ tools: LimitTools, isShown: Bool = false
    ) throws(Fault) -> LimitPlan {
        let found = try tools.targets().find(target)
        var specs: [LimitSpec] = []
        for word in words {
            if let spec = try LimitSpec.unsetting(word) {
                specs.append(spec)
                continue
            }
            let wanted = try tools.store.wantedLimits(of: found.subject)
            let devices = Set(found.cgroups.flatMap(\.limitedDevices))
                .union(wanted.keys.compactMap(\.device)).sorted()
            specs += devices.map { LimitSpec(.ioMax($0), LimitKey.ioMax($0).initial) }
        }
        guard !specs.isEmpty else {
            throw Fault(
                .failed, at: escapingControlCharacters(target),
                problem: "no device is limited, and no limit is desired",
                suggestion: "Nothing is left to unset")
        }
        return try tools.plan(specs, for: found, isShown: isShown)
    }

    /// A plan with the prices of its tenant.
    private func answer(_ plan: LimitPlan, _ tools: LimitTools) throws(Fault) -> LimitPlanAnswer {
        LimitPlanAnswer(
            plan: plan, prices: try HourlyCost(tools.store, plan.target.tenant, in: tools.zone))
    }
}
