import Enforcing
import Limits
import Store
import Units

/// A change of limits that was carried out, with the plan that it followed.
public struct LimitChangeAnswer {
    public var set: LimitChangeSet
    public var plan: LimitPlan?
}

extension App {
    /// Shows what setting limits would do; nothing is written.
    ///
    /// - Parameters:
    ///   - target: a tenant's id, or a container by its path, the end of it, or its name.
    ///   - words: limits as `NAME=VALUE`.
    ///   - isBoost: whether it is for a time; what is set for good has no effect while a boost is in force, and is
    ///     refused.
    public func planLimits(
        of target: String, _ words: [String], isBoost: Bool = false, _ options: LimitOptions
    ) throws(Fault) -> LimitPlanAnswer {
        let specs = try limitSpecs(words)
        let tools = try limitTools(.read, options)
        let plan = try tools.plan(specs, for: tools.targets().find(target), isShown: true)
        if !isBoost { try tools.changer.refuseHidden(plan, tools.targets()) }
        return try answer(plan, tools)
    }

    /// Sets limits, all or none, and reads them back from the kernel.
    ///
    /// - Throws: `wrongUse` for an unknown limit or value, `unavailable` for an unknown target, `failed` if one of
    ///   the values does not hold; then all are as before.
    public func setLimits(
        of target: String, _ words: [String], _ options: LimitOptions
    ) throws(Fault) -> LimitChangeAnswer {
        let specs = try limitSpecs(words)
        let tools = try limitTools(.write, options)
        let plan = try tools.plan(specs, for: tools.targets().find(target))
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            // Planned again, now that nobody else changes limits.
            try tools.changer.set(
                tools.plan(specs, for: tools.targets().find(target)), .set, tools.targets(),
                reason: options.reason, isForced: options.isForced)
        }
        notifyUnrecovered(tools)
        return LimitChangeAnswer(set: set, plan: plan)
    }

    /// Sets limits for a time; a timer of systemd, or the daemon, ends it.
    ///
    /// - Parameter milliseconds: for how long.
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

    /// Shows what removing limits would do; nothing is written.
    public func planUnsetting(
        of target: String, _ words: [String], _ options: LimitOptions
    ) throws(Fault) -> LimitPlanAnswer {
        try refuseUnknown(words)
        let tools = try limitTools(.read, options)
        let plan = try unsetting(target, words, tools, isShown: true)
        try tools.changer.refuseHidden(plan, tools.targets())
        return try answer(plan, tools)
    }

    /// Removes limits by name, those too that an engine's own interface cannot remove.
    ///
    /// - Parameter words: names of limits; `io.max` alone means every device.
    /// - Throws: `failed` if nothing is left to remove.
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
    /// - Parameter change: a change's number, or a tenant or container, for its last change.
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
    /// - Returns: what was ended; `fault` is the first that could not be.
    public func expireBoosts(
        _ options: LimitOptions
    ) throws(Fault) -> (ended: [LimitChangeAnswer], fault: Fault?) {
        var options = options
        // It is tried again: what does not shrink is not to be held low for long.
        options.deadlineMilliseconds = 3000
        let tools = try limitTools(.write, options)
        let result = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.endOverdueBoosts(tools.targets())
        }
        for (_, fault) in result.failed { notify("\(fault)") }
        return (result.ended.map { LimitChangeAnswer(set: $0) }, result.failed.first?.fault)
    }

    private func change(
        _ word: String, _ tools: LimitTools, _ targets: LimitTargets
    ) throws(Fault) -> LimitChangeSet {
        guard let number = Int64(word) else {
            return try tools.changer.lastChange(of: targets.find(word))
        }
        if let found = try tools.store.limitChangeSet(number) { return found }
        throw Fault(
            .wrongUse, at: "change \(number)", problem: "there is none of that number",
            suggestion: "octroi limit history lists them")
    }

    private func refuseUnknown(_ words: [String]) throws(Fault) {
        guard !words.isEmpty else {
            throw Fault(
                .wrongUse, at: "limit unset", problem: "no limit was given",
                suggestion: "Name one or more, such as cpu or memory.max")
        }
        for word in words { _ = try LimitSpec.unsetting(word) }
    }

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
                problem: "no device is limited, and none is wanted to be",
                suggestion: "Nothing is left to unset")
        }
        return try tools.plan(specs, for: found, isShown: isShown)
    }

    private func answer(_ plan: LimitPlan, _ tools: LimitTools) throws(Fault) -> LimitPlanAnswer {
        LimitPlanAnswer(
            plan: plan, prices: try HourlyCost(tools.store, plan.target.tenant, in: tools.zone))
    }
}
