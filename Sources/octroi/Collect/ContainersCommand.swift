import ArgumentParser
import Reporting
import Store

struct ContainersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "containers",
        abstract: "List what is metered now, whose it is and what is missing.",
        discussion: """
            EXAMPLES
              octroi containers
              octroi containers --all --format json
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Also those that have ended.")
    var all = false

    func run() throws {
        let containers = try place.store(.read).containers(all: all)
        try show(
            Sheet(
                columns: [
                    "tenant", "container", "kind", "runtime", "cgroup_id", "first_seen",
                    "last_seen", "not_measured",
                ],
                rows: containers.map { container in
                    [
                        .text(container.tenant), .text(container.path),
                        .text(container.isTenantRoot ? "tenant root" : "container"),
                        .text(container.runtime), .integer(Int128(container.cgroupID)),
                        .time(container.firstSeen), .time(container.lastSeen),
                        container.absent.isEmpty
                            ? .none : .text(container.absent.joined(separator: ", ")),
                    ]
                }), output.format)
    }
}
