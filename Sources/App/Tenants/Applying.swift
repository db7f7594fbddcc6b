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

/// How YAML files are applied.
public struct ApplyRequest: Sendable {
    /// None means those of the config folder.
    public var files: [String] = []
    /// Whether nothing is written.
    public var isPlan = false
    /// Why, for the record.
    public var reason: String?
    /// Whether systemd shall account io and memory of tenants' slices where it does not.
    public var turnsAccountingOn = false
    /// Whether slices of the host itself or of its logins are allowed.
    public var isForced = false

    public init() {}
}

extension App {
    /// Loads tenants, prices, limits and budgets from YAML files: all or nothing.
    ///
    /// Notices name limits that can take no hold on this host, slices that systemd does not account, and rules
    /// that can never match.
    ///
    /// - Throws: with file, line and key, for the first mistake.
    public func apply(_ request: ApplyRequest) throws(Fault) -> Changes {
        // A bad octroi.yaml is to be found now, not by the daemon or by the first invoice.
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
        if request.turnsAccountingOn, !request.isPlan { try store.requireOwn() }
        if !request.isForced { try refuseHosts(read.tenants ?? [], store) }
        let changes = try store.apply(
            contract, isPlan: request.isPlan, at: Host.wallTime(),
            by: ChangeAuthor(uid: requester.uid, user: requester.user, reason: request.reason))
        try account(
            read.tenants ?? [], turnOn: request.turnsAccountingOn && !request.isPlan)
        for line in lateStarts(of: read.books ?? [], at: Host.wallTime()) { notify(line) }
        if let tenants = read.tenants {
            let all = try request.isPlan ? merged(store.tenants(), tenants) : store.tenants()
            for line in unreachableRules(of: all, changed: tenants) { notify(line) }
        }
        if request.isPlan { notify(Self.planned) }
        return Changes(lines: changes)
    }

    /// Refuses slices of the host; one that the store has for the tenant already was meant.
    private func refuseHosts(_ tenants: [Tenant], _ store: Store) throws(Fault) {
        let known = try store.tenants()
        for tenant in tenants {
            let old = known.first { $0.id == tenant.id }?.match ?? []
            for rule in tenant.match where !old.contains(rule) {
                try refuseHostRule(rule, at: "tenant \(tenant.id), \(rule.kind)")
            }
        }
    }

    /// Says which tenants' slices systemd does not account, or has it do so.
    ///
    /// What is not accounted is not metered for as long as the slice lives.
    private func account(_ tenants: [Tenant], turnOn: Bool) throws(Fault) {
        for (slice, meters) in SliceAccounting.gaps(of: tenants.flatMap(\.slices)) {
            let words = meters.joined(separator: " and ")
            if turnOn {
                try SliceAccounting.turnOn(for: slice)
                notify("\(slice): its \(words) is accounted from now on")
            } else {
                notify(
                    "\(slice): systemd does not account its \(words), so it is not metered; "
                        + "octroi apply --accounting turns it on")
            }
        }
    }

    /// Says which of a contract's limits can take no hold on this host, and why.
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

/// The tenants as they will be once some are written.
///
/// Those that are known keep the places they have together, in the order of the file, and new ones come last.
private func merged(_ known: [Tenant], _ written: [Tenant]) -> [Tenant] {
    let (ids, names) = (Set(known.map(\.id)), Set(written.map(\.id)))
    var kept = written.filter { ids.contains($0.id) }[...]
    let old = known.map { names.contains($0.id) ? kept.popFirst() ?? $0 : $0 }
    return old + written.filter { !ids.contains($0.id) }
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
private func device(_ name: String, at location: String) throws(Fault) -> DeviceNumber {
    do throws(Fault) {
        return try BlockDevices.resolve(name)
    } catch {
        throw Fault(.badData, at: location, problem: error.problem, suggestion: error.suggestion)
    }
}
