import App
import ArgumentParser
import Reporting
import Units

/// `octroi limit set`: sets limits, all or none (`App.setLimits`, `App.planLimits`).
///
/// With `--for` it is a boost. The sheet shows each value as it was, as it was wanted, and as it
/// was read back.
struct LimitSet: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set limits, read them back from the kernel, and record the change.",
        discussion: """
            cpu takes cores (1.5), percent of a core (50%) or max (no limit). memory.max, \
            memory.high, memory.swap.max, memory.low and memory.min take bytes with K, M, G or T \
            (powers of 1024), or max. io.max takes a device with rbps, wbps (bytes a second), \
            riops and wiops (operations a second). cpu.weight and io.weight take 1 to 10000. \
            cpuset.cpus takes numbers of CPUs (0-3,7) or all. pids.max takes a number or max. \
            freeze takes on or off. docs/limits.md explains each limit.

            Several limits are one change: all are set, or none.

            EXAMPLES
              octroi limit set acme cpu=1.5 memory.max=512M
              octroi limit set acme cpu=50% --plan
              octroi limit set acme io.max=/dev/vda:wbps=10M,riops=200
              octroi limit set web.service pids.max=200 --reason "fork bomb of Monday"
              octroi limit set acme cpu=4 --for 2h
            """)

    @OptionGroup var tree: TreeOptions
    @OptionGroup var setting: SettingOptions
    @OptionGroup var output: FormatOptions

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("End after this time, such as 2h: a boost.", valueName: "time"))
    var duration: String?

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    @Argument(help: "NAME=VALUE, one or more.")
    var settings: [String] = []

    func run() throws {
        let options = try setting.options(tree)
        if let duration {
            let length = try milliseconds("--for", duration)
            return try boost(tree.app, target, settings, length, options, setting, output)
        }
        if setting.plan {
            return try show(
                tree.app.planLimits(of: target, settings, options).sheet, output.format)
        }
        try show(tree.app.setLimits(of: target, settings, options).sheet, output.format)
    }
}

/// Sets limits for some time, or with `--plan` shows what that would do.
///
/// - Parameters:
///   - target: a tenant or a container.
///   - settings: limits as `NAME=VALUE`.
///   - length: how long the limits hold, in ms.
func boost(
    _ app: App, _ target: String, _ settings: [String], _ length: Int64,
    _ options: LimitOptions, _ setting: SettingOptions, _ output: FormatOptions
) throws {
    if setting.plan {
        return try show(
            app.planLimits(of: target, settings, isBoost: true, options).sheet, output.format)
    }
    let done = try app.boostLimits(of: target, settings, forMilliseconds: length, options)
    try show(done.sheet, output.format)
}
