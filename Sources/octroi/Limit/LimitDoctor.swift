import ArgumentParser
import CgroupFS
import Enforcing
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

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
        let root = try CgroupRoot(opening: self.root ?? place.settings().cgroupRoot)
        // The store only says which tenant roots there are to look into.
        let tenants = (try? place.store(.read)).flatMap { try? $0.tenants() } ?? []
        let engine = Engines.docker()
        let findings = limitFindings(
            root: root,
            host: .live(
                systemd: Engines.systemdVersion(),
                docker: engine.map { .init(cgroupDriver: $0.driver, apiVersion: $0.api) }),
            tenantRoots: tenants.flatMap(\.match).flatMap(\.rootPaths))
        var sheet = Sheet(
            columns: ["what", "state", "found", "fix"],
            rows: findings.map {
                [
                    .text($0.what), .text($0.state.rawValue), .text($0.found),
                    .optional($0.suggestion),
                ]
            })
        sheet.below = (["fix"], "what")
        try show(sheet, output.format)
    }
}
