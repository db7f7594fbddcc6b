import ArgumentParser
import Daemon
import Enforcing
import Limits
import Reporting
import Store
import Units

struct LimitSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set limits, read them back from the kernel, and record the change.",
        discussion: """
            cpu takes cores (1.5), percent of a core (50%) or max. memory.max, memory.high, \
            memory.swap.max, memory.low and memory.min take bytes with K, M, G or T, or max. \
            io.max takes a device and its rbps, wbps, riops and wiops. cpu.weight and io.weight \
            take 1 to 10000. cpuset.cpus takes numbers of CPUs (0-3,7) or all. pids.max takes a \
            number or max. freeze takes on or off.

            Several limits are one change: all are set, or none.

            EXAMPLES
              octroi limit set acme cpu=1.5 memory.max=512M
              octroi limit set acme cpu=50% --plan
              octroi limit set acme io.max=/dev/vda:wbps=10M,riops=200
              octroi limit set web.service pids.max=200 --reason "fork bomb of Monday"
              octroi limit set acme cpu=4 --for 2h
            """)

    @OptionGroup var place: LimitOptions
    @OptionGroup var options: SettingOptions
    @OptionGroup var output: FormatOptions

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("Only for this time, as octroi limit boost does.", valueName: "time"))
    var duration: String?

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    @Argument(help: "NAME=VALUE, one or more.")
    var settings: [String] = []

    func run() throws {
        if let duration {
            try boost(target, settings, duration, place, options, output)
            return
        }
        let specs = try specs(settings)
        let tools = try place.tools(options.plan ? .read : .write)
        tools.changer.deadline = try milliseconds("--deadline", options.deadline)
        let plan = try tools.plan(specs, target, options)
        if options.plan {
            try tools.changer.refuseHidden(plan, tools.targets())
            return try show(tools.sheet(of: plan), output.format)
        }
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            // Planned again, now that nobody else changes limits.
            try tools.changer.set(
                tools.plan(specs, target, options), .set, tools.targets(),
                reason: options.reason, isForced: options.force)
        }
        tools.tellUnrecovered()
        try show(sheet(set, plan), output.format)
    }
}

/// Sets limits for a time.
func boost(
    _ target: String, _ settings: [String], _ duration: String, _ place: LimitOptions,
    _ options: SettingOptions, _ output: FormatOptions
) throws {
    let specs = try specs(settings)
    let length = try milliseconds("--for", duration)
    let tools = try place.tools(options.plan ? .read : .write)
    tools.changer.deadline = try milliseconds("--deadline", options.deadline)
    let plan = try tools.plan(specs, target, options)
    if options.plan { return try show(tools.sheet(of: plan), output.format) }
    let boost = try tools.changer.withExclusiveLock { () throws(Fault) in
        try tools.changer.boost(
            tools.plan(specs, target, options), tools.targets(), forMilliseconds: length,
            reason: options.reason, isForced: options.force)
    }
    tools.tellUnrecovered()
    try show(sheet(boost.set, plan), output.format)
    printError("octroi: \(boost.ending)")
}

extension LimitTools {
    func plan(
        _ specs: [LimitSpec], _ target: String, _ options: SettingOptions
    ) throws(Fault) -> LimitPlan {
        let targets = try targets()
        return try changer.plan(
            specs, for: targets.find(target), targets, isForced: options.force,
            watchingMilliseconds: options.plan ? 300 : 0)
    }

    /// What a plan would do.
    func sheet(of plan: LimitPlan) throws(Fault) -> Sheet {
        let prices = try HourlyCost(store, plan.target.tenant, in: zone)
        var sheet = Sheet(
            columns: [
                "cgroup", "limit", "before", "wanted", "after", "verified", "owner", "effect",
                "cost_per_hour",
            ] + LimitFields.columns,
            rows: plan.writes.ordered.map { write in
                let item = plan.items.first { $0.write == write }
                let cells: [Cell] = [
                    .text(write.path), .text("\(write.key)"), .text("\(write.before)"),
                    .text("\(write.wanted)"), .none, .none, .text("\(write.owner)"),
                    .optional(
                        item.flatMap { $0.notes.isEmpty ? nil : $0.notes.joined(separator: "; ") }),
                    .optional(item.flatMap { prices.words($0) }),
                ]
                return cells + LimitFields.cells(item, prices)
            }, notInTable: Set(["after", "verified"] + LimitFields.columns))
        (sheet.above, sheet.below) = (["cgroup", "owner"], (["effect"], "limit"))
        return sheet
    }
}

/// A change that was carried out.
func sheet(_ set: LimitChangeSet, _ plan: LimitPlan? = nil) -> Sheet {
    var sheet = Sheet(
        columns: [
            "cgroup", "limit", "before", "wanted", "after", "verified", "owner", "effect", "change",
        ] + LimitFields.columns,
        rows: set.changes.map { change in
            let item = plan?.items.first {
                $0.write.path == change.path && "\($0.write.key)" == change.key
            }
            let notes = item?.notes ?? []
            let cells: [Cell] = [
                .text(change.path), .text(change.key), .text(change.before), .text(change.wanted),
                .text(change.after), .flag(change.isVerified), .optional(change.owner),
                notes.isEmpty ? .none : .text(notes.joined(separator: "; ")),
                .integer(Int128(set.id)),
            ]
            return cells + LimitFields.cells(item)
        }, notInTable: Set(LimitFields.columns))
    // What is verified is as wanted.
    if set.changes.allSatisfy(\.isVerified) { sheet.notInTable.insert("after") }
    (sheet.above, sheet.below) = (["change", "cgroup", "owner"], (["effect"], "limit"))
    return sheet
}
