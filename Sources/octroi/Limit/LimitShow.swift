import App
import ArgumentParser
import Reporting
import Units

/// `octroi limit show`: limits as desired, as written, and as they take effect (`App.limits`).
///
/// csv and json have every limit. A table leaves out those that are not set, unless `--all` is
/// given.
struct LimitShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show limits: desired value, value in the file, effective value, and effect.",
        discussion: """
            The columns:

            wanted: the desired value, from a command, limits.yaml, a boost or a budget. \
            value: what the kernel's file says. effective: the tightest value of this cgroup and \
            those above it. bound_by: the cgroup that has this tightest value. biting: how often, \
            or how long, the limit took effect since it was last changed.

            EXAMPLES
              octroi limit show acme
              octroi limit show docker-4f0c…scope
              octroi limit show acme --all        also limits that are not set
            """)

    @OptionGroup var tree: TreeOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Also show limits that are not set. csv and json always have them.")
    var all = false

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    func run() throws {
        let found = try tree.app.limits(
            of: target, hasUnset: all || output.format != .table, tree.options())
        try show(limitSheet(found), output.format)
    }
}
