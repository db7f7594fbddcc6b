import App
import ArgumentParser
import Reporting

/// `octroi limit doctor`: what this host needs to enforce each limit (`App.limitFindings`).
///
/// It works without a store; with one, it looks into the tenant roots as well.
struct LimitDoctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say which limits this host can enforce, which not, why, and the fix.",
        discussion: """
            EXAMPLE
              octroi limit doctor
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "The cgroup tree. Default: the host's.")
    var root: String?

    func run() throws {
        try show(findingSheet(place.app.limitFindings(root: root)), output.format)
    }
}
