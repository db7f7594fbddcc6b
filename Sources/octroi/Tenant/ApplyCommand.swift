import ArgumentParser
import CgroupFS
import CgroupFormat
import Daemon
import Enforcing
import Limits
import Metering
import Reporting
import Runtimes
import Settings
import Store
import Units

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Load tenants, prices, limits and budgets from YAML: all or nothing.",
        discussion: """
            Prints what changes. Applying the same files again changes nothing. Tenants that no \
            file names stay as they are. The daemon sets the limits within one tick. Standard \
            error names rules that can never match, and rules that an earlier tenant's rule \
            hides.

            EXAMPLES
              octroi apply                         the config folder's files
              octroi apply --plan prices.yaml      only say what would change
              octroi apply --reason "order 4711"   noted in octroi limit history
              octroi apply --accounting            let systemd account io of tenants' slices
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Show what would change. Nothing is written.")
    var plan = false

    @Option(help: "Why, for the record: octroi limit history shows it.")
    var reason: String?

    @Flag(help: "Let systemd account io and memory of tenants' slices where it does not.")
    var accounting = false

    @Flag(help: "Allow slices of the host itself or of its logins as well.")
    var force = false

    @Argument(
        help:
            "Files with tenants:, books:, limits:, budgets: or ladders:. Default: those of the config folder."
    )
    var files: [String] = []

    func run() throws {
        // A bad octroi.yaml is to be found now, not by the daemon or by the first invoice.
        let zone = try place.settings().zone
        let paths = files.isEmpty ? try ContractFiles.files(in: place.configFolder) : files
        let read = try ContractFiles(reading: paths, in: zone)
        var contract = Contract(tenants: read.tenants, books: read.books)
        contract.limits = try grantedLimits(read.limits)
        for limits in contract.limits { warnOfVain(limits) }
        (contract.ladders, contract.budgets) = (read.ladders, read.budgets)
        let store = try place.store(.write)
        try warnOfOtherZone(than: zone, in: store)
        if accounting, !plan { try store.requireOwn() }
        if !force { try refuseHosts(read.tenants ?? [], store) }
        let requester = Requester()
        let changes = try store.apply(
            contract, isPlan: plan, at: Host.wallTime(),
            by: ChangeAuthor(uid: requester.uid, user: requester.user, reason: reason))
        try show(changes: changes, output.format)
        try account(read.tenants ?? [])
        for line in booksToCome(read.books ?? [], at: Host.wallTime()) {
            printError("octroi: \(line)")
        }
        if let tenants = read.tenants {
            let all = try plan ? known(store.tenants(), with: tenants) : store.tenants()
            for line in unreachableRules(of: all, changed: tenants) {
                printError("octroi: \(line)")
            }
        }
        if plan { printError("octroi: this was a plan; nothing was written") }
    }
}

extension ApplyCommand {
    /// Refuses slices of the host; one that the store has for the tenant already was meant.
    private func refuseHosts(_ tenants: [Tenant], _ store: Store) throws(Fault) {
        let known = try store.tenants()
        for tenant in tenants {
            let old = known.first { $0.id == tenant.id }?.match ?? []
            for rule in tenant.match where !old.contains(rule) {
                try octroi.refuseHosts(rule, at: "tenant \(tenant.id), \(rule.kind)")
            }
        }
    }

    /// Says which tenants' slices systemd does not account, or has it do so: what is not accounted is
    /// not metered for as long as the slice lives.
    private func account(_ tenants: [Tenant]) throws(Fault) {
        for (slice, meters) in SliceAccounting.gaps(of: tenants.flatMap(\.slices)) {
            let words = meters.joined(separator: " and ")
            if accounting, !plan {
                try SliceAccounting.turnOn(for: slice)
                printError("octroi: \(slice): its \(words) is accounted from now on")
            } else {
                printError(
                    "octroi: \(slice): systemd does not account its \(words), so it is not metered; "
                        + "octroi apply --accounting turns it on")
            }
        }
    }
}

/// The tenants as they will be once some are written: those that are known keep the places they have
/// together, in the order of the file, and new ones come last.
private func known(_ known: [Tenant], with written: [Tenant]) -> [Tenant] {
    let (ids, names) = (Set(known.map(\.id)), Set(written.map(\.id)))
    var kept = written.filter { ids.contains($0.id) }[...]
    let old = known.map { names.contains($0.id) ? kept.popFirst() ?? $0 : $0 }
    return old + written.filter { !ids.contains($0.id) }
}

/// Prints what changed, a line each.
func show(changes: [String], _ format: Format) throws {
    if format == .table {
        try output((changes.isEmpty ? ["no change"] : changes).map { "\($0)\n" }.joined())
    } else {
        try show(Sheet(columns: ["change"], rows: changes.map { [.text($0)] }), format)
    }
}

/// Says which of a contract's limits can take no hold on this host, and why.
private func warnOfVain(_ limits: GrantedLimits) {
    let host = HostSize.live
    var notes: [String] = []
    for (key, value) in limits.settings.sorted(by: { $0.key.description < $1.key.description }) {
        if let vain = LimitSetting(key, value).vain(on: host) { notes.append("\(key): \(vain)") }
        if let device = key.device, BlockDevices.node(device) == nil {
            notes.append("\(key): this host has no such device now")
        }
    }
    if let idle = idleHigh(limits.settings[.memoryHigh], below: limits.settings[.memoryMax]) {
        notes.append(idle)
    }
    for note in notes { printError("octroi: limits of tenant \(limits.tenant): \(note)") }
}

/// Contracts' limits with the numbers of this host's devices.
private func grantedLimits(_ limits: [TenantLimits]) throws(Fault) -> [GrantedLimits] {
    var granted: [GrantedLimits] = []
    for item in limits {
        var settings: [LimitKey: LimitValue] = [:]
        for setting in item.settings {
            switch setting.spec.goal {
            case .value(let key, let value): settings[key] = value
            case .device(let name, let fields):
                var io = IOMax()
                for (field, limit) in fields { io[field] = limit }
                let key = LimitKey.ioMax(try device(name, at: setting.place))
                guard settings.updateValue(.io(io), forKey: key) == nil else {
                    throw Fault(
                        .badData, at: setting.place,
                        problem: "\(key) is named twice: a partition's limits are its disk's",
                        suggestion: "Name each disk once")
                }
            }
        }
        granted.append(GrantedLimits(tenant: item.tenant, settings: settings, drift: item.drift))
    }
    return granted
}

/// A device that a file names.
private func device(_ name: String, at place: String) throws(Fault) -> DeviceNumber {
    do throws(Fault) {
        return try BlockDevices.resolve(name)
    } catch {
        throw Fault(.badData, at: place, problem: error.problem, suggestion: error.suggestion)
    }
}
