import App
import ArgumentParser
import Units

/// `octroi limit unset`: gives limits the value of a new cgroup (`App.unsetLimits`).
///
/// It takes names without values; `io.max=/dev/vda` names the limits of one device.
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

    @OptionGroup var tree: TreeOptions
    @OptionGroup var setting: SettingOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    @Argument(help: "Limits by name, one or more; io.max alone means every device.")
    var limits: [String] = []

    func run() throws {
        let options = try setting.options(tree)
        if setting.plan {
            return try show(
                tree.app.planUnsetting(of: target, limits, options).sheet, output.format)
        }
        try show(tree.app.unsetLimits(of: target, limits, options).sheet, output.format)
    }
}
