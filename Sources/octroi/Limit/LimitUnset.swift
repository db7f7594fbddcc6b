import ArgumentParser
import Daemon
import Enforcing
import Limits
import Store
import Units

struct LimitUnset: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unset",
        abstract: "Remove limits, including those that Docker's own interface cannot remove.",
        discussion: """
            EXAMPLES
              octroi limit unset acme cpu memory.max
              octroi limit unset acme io.max=/dev/vda
              octroi limit unset acme freeze
            """)

    @OptionGroup var place: LimitOptions
    @OptionGroup var options: SettingOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    @Argument(help: "Limits by name, one or more; io.max alone means every device.")
    var limits: [String] = []

    func run() throws {
        guard !limits.isEmpty else {
            throw Fault(
                .wrongUse, at: "limit unset", problem: "no limit was given",
                suggestion: "Name one or more, such as cpu or memory.max")
        }
        for word in limits { _ = try LimitSpec.unsetting(word) }
        let tools = try place.tools(options.plan ? .read : .write)
        tools.changer.deadline = try milliseconds("--deadline", options.deadline)
        if options.plan {
            let plan = try plan(tools)
            try tools.changer.refuseHidden(plan, tools.targets())
            return try show(tools.sheet(of: plan), output.format)
        }
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.set(
                plan(tools), .unset, tools.targets(), reason: options.reason,
                isForced: options.force)
        }
        tools.tellUnrecovered()
        try show(sheet(set), output.format)
    }

    private func plan(_ tools: LimitTools) throws(Fault) -> LimitPlan {
        let targets = try tools.targets()
        let found = try targets.find(target)
        var specs: [LimitSpec] = []
        for word in limits {
            if let spec = try LimitSpec.unsetting(word) {
                specs.append(spec)
            } else {
                let wanted = try tools.store.wantedLimits(of: found.subject)
                let devices = Set(found.cgroups.flatMap(\.limitedDevices))
                    .union(wanted.keys.compactMap(\.device)).sorted()
                specs += devices.map { LimitSpec(.ioMax($0), LimitKey.ioMax($0).initial) }
            }
        }
        guard !specs.isEmpty else {
            throw Fault(
                .failed, at: escapingControlCharacters(target),
                problem: "no device is limited, and none is wanted to be",
                suggestion: "Nothing is left to unset")
        }
        return try tools.changer.plan(
            specs, for: found, targets, isForced: options.force,
            watchingMilliseconds: options.plan ? 300 : 0)
    }
}
