import App
import ArgumentParser
import Reporting

/// `octroi limit doctor`: what this host needs to enforce each limit (`App.limitFindings`).
///
/// It works without a store; with one, it looks into the tenant roots as well.
struct LimitDoctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show which limits this host can enforce, and how to fix the others.",
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
