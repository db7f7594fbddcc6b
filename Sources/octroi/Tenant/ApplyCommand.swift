import ArgumentParser
import CgroupFS
import CgroupFormat
import Daemon
import Limits
import Reporting
import Settings
import Store
import Units

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Load tenants, prices, limits and budgets from YAML: all or nothing.",
        discussion: """
            Prints what changes; applying the same files again changes nothing. Tenants that no \
            file names stay as they are. Limits take hold within one tick of the daemon.

            EXAMPLES
              octroi apply                         the config folder's files
              octroi apply --plan prices.yaml      only say what would change
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Say what would change and change nothing.")
    var plan = false

    @Argument(
        help:
            "Files with tenants:, books:, limits:, budgets: or ladders:. Default: those of the config folder."
    )
    var files: [String] = []

    func run() throws {
        let paths = files.isEmpty ? try ContractFiles.files(in: place.configFolder) : files
        let read = try ContractFiles(reading: paths)
        var contract = Contract(tenants: read.tenants, books: read.books)
        contract.limits = try grantedLimits(read.limits)
        (contract.ladders, contract.budgets) = (read.ladders, read.budgets)
        let changes = try place.store(.write).apply(contract, isPlan: plan, at: Host.wallTime())
        try show(changes: changes, output.format)
        if plan { complain("octroi: this was a plan; nothing was written") }
    }
}

/// Prints what changed, a line each.
func show(changes: [String], _ format: Format) throws {
    if format == .table {
        try output((changes.isEmpty ? ["no change"] : changes).map { "\($0)\n" }.joined())
    } else {
        try show(Sheet(columns: ["change"], rows: changes.map { [.text($0)] }), format)
    }
}

/// Contracts' limits with the numbers of this host's devices.
private func grantedLimits(_ limits: [TenantLimits]) throws(Fault) -> [GrantedLimits] {
    var granted: [GrantedLimits] = []
    for item in limits {
        var settings: [LimitKey: LimitValue] = [:]
        for wish in item.settings {
            switch wish.goal {
            case .value(let key, let value): settings[key] = value
            case .device(let name, let fields):
                var io = IOMax()
                for (field, limit) in fields { io[field] = limit }
                let key = LimitKey.ioMax(try BlockDevices.resolve(name))
                guard settings.updateValue(.io(io), forKey: key) == nil else {
                    throw Fault(
                        .badData, at: "limits of tenant \(item.tenant), io.max, \(harmless(name))",
                        found: "\(key) is named twice: a partition's limits are its disk's",
                        cure: "Name each disk once")
                }
            }
        }
        granted.append(GrantedLimits(tenant: item.tenant, settings: settings, drift: item.drift))
    }
    return granted
}
