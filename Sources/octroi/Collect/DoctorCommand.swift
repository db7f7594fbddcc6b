import ArgumentParser
import CgroupFS
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check what this host can meter and limit, and how to fix the rest.",
        discussion: """
            It also names rules of tenants that can never match, and rules that an earlier \
            tenant's rule hides.

            EXAMPLE
              octroi doctor
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "A cgroup2 mount. Default: the host's.")
    var root: String?

    func run() throws {
        let root = try CgroupRoot(opening: self.root ?? place.settings().cgroupRoot)
        let offered = words(try? root.directory.text(of: "cgroup.controllers"))
        let enabled = words(try? root.directory.text(of: "cgroup.subtree_control"))
        let checks: [(what: String, controller: String?)] = [
            ("meter cpu", nil), ("meter memory", "memory"), ("meter io", "io"),
            ("count processes", "pids"), ("limit cpu", "cpu"), ("limit memory", "memory"),
            ("limit processes", "pids"),
        ]
        var rows: [[Cell]] = []
        for check in checks {
            guard let name = check.controller else {
                rows.append([
                    .text(check.what), .flag(true),
                    .text("cpu.stat is there without a controller"), .none,
                ])
                continue
            }
            let (works, why, fix) = verdict(name, offered, enabled)
            rows.append([.text(check.what), .flag(works), .text(why), .optional(fix)])
        }
        rows += slices(root.isKernel) + rulesThatMatchNothing()
        try show(
            Sheet(
                columns: ["what", "works", "why", "fix"],
                rows: rows,
                title: "\(root.path): "
                    + (root.isKernel ? "a cgroup2 mount" : "a plain folder, not the kernel's")
                    + (ServiceManager.isSystemd ? ", systemd runs this host" : ", no systemd here")),
            output.format)
    }

    /// A row for each tenant's slice whose io or memory systemd does not account.
    private func slices(_ isKernel: Bool) -> [[Cell]] {
        // The store only says which slices there are to look into.
        guard isKernel, let tenants = (try? place.store(.read)).flatMap({ try? $0.tenants() })
        else { return [] }
        return SliceAccounting.gaps(of: tenants.flatMap(\.slices)).flatMap { slice, meters in
            meters.map { meter -> [Cell] in
                [
                    .text("meter \(meter) of \(escapingControlCharacters(slice))"), .flag(false),
                    .text("systemd does not account it"),
                    .text(SliceAccounting.command(for: slice)),
                ]
            }
        }
    }

    /// A row for each rule in the store that can match nothing, if there is a store.
    private func rulesThatMatchNothing() -> [[Cell]] {
        guard let store = try? place.store(.read), let tenants = try? store.tenants() else {
            return []
        }
        return idleRules(of: tenants).map { item in
            [
                .text(item.place), .flag(false), .text("it can never match: \(item.why.found)"),
                .text(item.why.suggestion),
            ]
        }
    }

    private func words(_ text: String?) -> Set<Substring> {
        Set((text ?? "").split(whereSeparator: \.isWhitespace))
    }

    private func verdict(
        _ name: String, _ offered: Set<Substring>, _ enabled: Set<Substring>
    ) -> (Bool, String, String?) {
        if enabled.contains(Substring(name)) {
            return (true, "the \(name) controller is on below the root", nil)
        }
        if offered.contains(Substring(name)) {
            return (
                false, "the \(name) controller is here but off below the root",
                "echo +\(name) > cgroup.subtree_control"
            )
        }
        return (
            false, "the \(name) controller is not on cgroup v2 (this host keeps it on v1, or off)",
            "boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=all"
        )
    }
}
