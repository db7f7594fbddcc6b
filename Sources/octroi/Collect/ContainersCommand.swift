import App
import ArgumentParser
import Reporting
import Units

/// `octroi containers`: lists containers once (`App.containers`, `App.isolation`).
///
/// `octroi top` shows only those that run, and repeats.
struct ContainersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers",
        abstract:
            "List running containers with their tenant, current usage and what cannot be measured.",
        discussion: """
            Rates are computed from the collector's last two readings. They are empty while no \
            collector runs. The row of a tenant is its total, including containers that ended in \
            this hour. The row of a tenant root holds usage that belongs to no container below \
            it. octroi top --help explains the cost.

            With --filter there are no totals. --isolation looks at the running processes, and \
            shows which namespaces and which root directory a container shares with nobody.

            EXAMPLES
              octroi containers
              octroi containers --tenant acme --sort memory
              octroi containers --isolation
              octroi containers --all --format json
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var which: LiveOptions

    @Flag(help: "Include containers that have ended.")
    var all = false

    @Flag(help: "Show which namespaces and root directory a container shares with nobody.")
    var isolation = false

    @Option(help: "The column to sort by: tenant, cpu, memory, io, net or cost.")
    var sort: LiveOrder = .tenant

    func run() throws {
        let query = which.query(by: sort)
        if isolation {
            return try show(place.app.isolation(query, hasEnded: all), output.format)
        }
        let answer = try place.app.containers(query, hasEnded: all)
        tellSilence(answer.silence, beside: output.format)
        try show(answer.sheet, output.format)
    }
}
