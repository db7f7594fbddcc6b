import App
import ArgumentParser

/// `octroi limit boost`: raises or lowers limits for some time (`App.boostLimits`).
///
/// `octroi limit set --for` does the same.
struct LimitBoost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boost",
        abstract: "Set limits for a limited time.",
        discussion: """
            A systemd timer ends the boost, even if Octroi is not running. Without systemd, the \
            daemon ends it, or the next octroi limit command that changes a limit. A reboot \
            removes the values; if the boost is not over, the daemon sets them again. octroi \
            usage shows the boosted time.

            EXAMPLES
              octroi limit boost acme cpu=4 --for 2h --reason "release day"
              octroi limit boost web memory.max=2G --for 30m
            """)

    @OptionGroup var tree: TreeOptions
    @OptionGroup var setting: SettingOptions
    @OptionGroup var output: FormatOptions

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long, such as 30m or 2h.", valueName: "time"))
    var duration: String

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    @Argument(help: "NAME=VALUE, one or more.")
    var settings: [String] = []

    func run() throws {
        let length = try milliseconds("--for", duration)
        try boost(tree.app, target, settings, length, setting.options(tree), setting, output)
    }
}
