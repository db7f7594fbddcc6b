import App
import ArgumentParser
import Reporting

/// `octroi doctor`: what this host can meter and limit (`App.doctor`).
///
/// The exit code is 0 whatever it finds; the column `works` tells.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check what this host can meter and limit, and how to fix the rest.",
        discussion: """
            It also names tenants' rules that can never match. A rule is hidden if a rule of an \
            earlier tenant matches all of its containers first; such rules are named, too.

            EXAMPLE
              octroi doctor
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "A cgroup2 mount. Default: the host's.")
    var root: String?

    func run() throws {
        try show(place.app.doctor(root: root).sheet, output.format)
    }
}
