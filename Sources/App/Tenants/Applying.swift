import CgroupFS
import CgroupFormat
import Enforcing
import Host
import Limits
import Metering
import Pricing
import Runtimes
import Settings
import Store
import Units

/// Which YAML files to apply, and how.
public struct ApplyRequest: Sendable {
    /// The paths of the files; empty for those of the config folder.
    public var files: [String] = []
    /// Whether to show the changes without making them.
    public var isPlan = false
    /// Why, for the record.
    public var reason: String?
    /// Whether systemd is to account io and memory of tenants' slices where it does not yet.
    public var turnsAccountingOn = false
    /// Whether to accept rules for slices of the host itself and of its logins.
    public var isForced = false

    /// A request for the files of the config folder.
    public init() {}
}

extension App {
    /// Loads tenants, prices, limits and budgets from YAML files into the store: all or nothing.
    ///
    /// Applying a file again changes nothing. Notices name limits that have no effect on this host,
    /// slices that systemd does not account, books that begin late, and rules that can never match.
    ///
    /// - Returns: what changed, or would change.
    /// - Throws: `badData` with file, line and key of the first mistake; `failed` for a slice of
    ///   the host. Nothing is changed then. If systemd refuses to account a slice, the files are
    ///   applied nevertheless.
    public func apply(_ request: ApplyRequest) throws(Fault) -> Changes {
        // This also finds a mistake in octroi.yaml now, and not only when the daemon or an invoice
        // needs it.
        let zone = try zone()
        let paths =
            request.files.isEmpty ? try ContractFiles.files(in: configFolder) : request.files
        let read = try ContractFiles(reading: paths, in: zone)
        var contract = Contract(tenants: read.tenants, books: read.books)
        contract.limits = try grantedLimits(read.limits)
        for limits in contract.limits { notifyVain(limits) }
        (contract.ladders, contract.budgets) = (read.ladders, read.budgets)
        let store = try store(.write)
        try warnOfOtherZone(than: zone, in: store)
        // Accounting changes this host, so the store must belong to it.
        if request.turnsAccountingOn, !request.isPlan { try store.requireOwn() }
        if !request.isForced { try refuseHosts(read.tenants ?? [], store) }
        let changes = try store.apply(
            contract, isPlan: request.isPlan, at: Host.wallTime(),
            by: ChangeAuthor(uid: requester.uid, user: requester.user, reason: request.reason))
        try account(
            read.tenants ?? [], turnOn: request.turnsAccountingOn && !request.isPlan)
        for line in lateStarts(of: read.books ?? [], at: Host.wallTime()) { notify(line) }
        if let tenants = read.tenants {
            // After a plan the store still has the old tenants, so the result is put together here.
            let all = try request.isPlan ? merged(store.tenants(), tenants) : store.tenants()
            for line in unreachableRules(of: all, changed: tenants) { notify(line) }
        }
        if request.isPlan { notify(Self.planned) }
        return Changes(lines: changes)
    }

    /// Refuses new rules that would make the host's own slices a tenant root.
    ///
    /// A rule that the store has already was accepted before.
    private func refuseHosts(_ tenants: [Tenant], _ store: Store) throws(Fault) {
        let known = try store.tenants()
        for tenant in tenants {
            let old = known.first { $0.id == tenant.id }?.match ?? []
            for rule in tenant.match where !old.contains(rule) {
                try refuseHostRule(rule, at: "tenant \(tenant.id), \(rule.kind)")
            }
        }
    }

    /// Gives notice of slices that systemd does not account, or turns accounting on.
    ///
    /// As long as io and memory of a slice are not accounted, they cannot be metered.
    private func account(_ tenants: [Tenant], turnOn: Bool) throws(Fault) {
        for (slice, meters) in SliceAccounting.gaps(of: tenants.flatMap(\.slices)) {
            let words = meters.joined(separator: " and ")
            if turnOn {
                try SliceAccounting.turnOn(for: slice)
                notify("\(slice): systemd now accounts its \(words)")
            } else {
                notify(
                    "\(slice): systemd does not account its \(words), so it is not metered; "
                        + "octroi apply --accounting turns it on")
            }
        }
    }

    /// Gives notice of limits that have no effect on this host, and why.
    private func notifyVain(_ limits: GrantedLimits) {
        let host = HostSize.live
        var notes: [String] = []
        for (key, value) in limits.settings.sorted(by: { $0.key.description < $1.key.description })
        {
            if let vain = LimitSetting(key, value).vain(on: host) {
                notes.append("\(key): \(vain)")
            }
            if let device = key.device, BlockDevices.node(device) == nil {
                notes.append("\(key): this host has no such device now")
            }
        }
        if let idle = idleHigh(limits.settings[.memoryHigh], below: limits.settings[.memoryMax]) {
            notes.append(idle)
        }
        for note in notes { notify("limits of tenant \(limits.tenant): \(note)") }
    }
}

/// The tenants as they will be once a plan is applied, in the order in which rules are tried.
///
/// Known tenants keep their places, in the order of the files. New ones come last.
///
/// - Parameters:
///   - known: the tenants of the store.
///   - written: the tenants of the files.
private func merged(_ known: [Tenant], _ written: [Tenant]) -> [Tenant] {
    let (ids, names) = (Set(known.map(\.id)), Set(written.map(\.id)))
    var kept = written.filter { ids.contains($0.id) }[...]
    let old = known.map { names.contains($0.id) ? kept.popFirst() ?? $0 : $0 }
    return old + written.filter { !ids.contains($0.id) }
}

/// The limits of contracts, with the names of devices resolved to the numbers on this host.
///
/// - Throws: `badData` if a device does not exist, or if two names mean the same disk.
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
                // The kernel limits whole disks only, so a partition stands for its disk.
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

/// The number of a device that a file names.
///
/// - Parameter location: the place in the file, for the fault.
private func device(_ name: String, at location: String) throws(Fault) -> DeviceNumber {
    do throws(Fault) {
        return try BlockDevices.resolve(name)
    } catch {
        throw Fault(.badData, at: location, problem: error.problem, suggestion: error.suggestion)
    }
}
