import Limits
import Store

/// The desired limits of every cgroup, combined from all tenants and containers it belongs to.
///
/// Precedence: boost, then container limit, then tenant limit. A budget can only tighten.
struct DesiredCgroups {
    /// The desired limits of one cgroup.
    struct Entry {
        var cgroup: LimitedCgroup
        /// The container, if it has desired limits itself, otherwise its tenant.
        var subject: LimitSubject
        /// The combined values by their source: desired, budget, boost.
        var limits: DesiredLimits
        /// The values to hold, in a fixed order.
        var list: [DesiredLimit]
    }

    /// All cgroups with desired limits, in the order in which they were added.
    private(set) var all: [Entry] = []
    /// Indices of `all` by path.
    private var places: [String: Int] = [:]

    /// Combines desired limits.
    ///
    /// - Parameters:
    ///   - desires: tenants first, then containers.
    ///   - targets: finds the cgroups of each.
    init(_ desires: [Desire], _ targets: LimitTargets) {
        for desire in desires {
            for cgroup in targets.cgroups(of: desire.subject) where !desire.list.isEmpty {
                add(cgroup, desire.subject, desire.limits, desire.list)
            }
            guard !desire.listOfContainers.isEmpty else { continue }
            for cgroup in targets.containers(of: desire.subject.name) {
                add(cgroup, desire.subject, desire.ofContainers, desire.listOfContainers)
            }
        }
    }

    /// Adds the limits of one tenant or container to a cgroup.
    private mutating func add(
        _ cgroup: LimitedCgroup, _ subject: LimitSubject, _ limits: DesiredLimits,
        _ list: [DesiredLimit]
    ) {
        guard let index = places[cgroup.path] else {
            places[cgroup.path] = all.count
            all.append(Entry(cgroup: cgroup, subject: subject, limits: limits, list: list))
            return
        }
        // Tenants come first, so these are a container's own limits, which precede its tenant's.
        all[index].subject = subject
        all[index].limits = limits.over(all[index].limits)
        all[index].list = all[index].limits.list
    }

    /// The desired limits of a cgroup; `nil` if there are none.
    subscript(path: String) -> Entry? { places[path].map { all[$0] } }

    /// The desired value of one limit of a cgroup; `nil` if there is none.
    func limit(_ key: LimitKey, at path: String) -> DesiredLimit? {
        self[path]?.list.first { $0.key == key }
    }
}

/// The desired limits of one tenant or container.
struct Desire {
    var subject: LimitSubject
    var limits: DesiredLimits
    /// The limits of the tenant's or container's cgroups, in a fixed order.
    var list: [DesiredLimit]
    /// Limits that apply to each container of a tenant: the freezer, since slices are not frozen.
    var ofContainers: DesiredLimits
    var listOfContainers: [DesiredLimit]

    /// Splits the freezer of a tenant from its other limits.
    init(_ subject: LimitSubject, _ desired: DesiredLimits) {
        self.subject = subject
        let isSplit = subject.kind == .tenant
        limits = isSplit ? desired.filter { $0 != .freeze } : desired
        ofContainers = isSplit ? desired.filter { $0 == .freeze } : DesiredLimits()
        (list, listOfContainers) = (limits.list, ofContainers.list)
    }
}

extension LimitState {
    /// The desired limits of all tenants and containers that have any: tenants first, then by name.
    var desires: [Desire] {
        desired.map { Desire($0.key, $0.value) }.sorted {
            ($0.subject.kind == .tenant ? 0 : 1, $0.subject.name)
                < ($1.subject.kind == .tenant ? 0 : 1, $1.subject.name)
        }
    }
}

extension HeldLimit {
    /// The path of the cgroup whose desired limits apply to this one.
    ///
    /// crun keeps a copy of the limits in a cgroup below its scope. Those of the scope apply to the
    /// copy.
    var governingPath: String { Enforcing.governingPath(of: path) }
}

/// The path of the scope if this is the path of crun's copy below it; otherwise the path itself.
///
/// Example: `/a/libpod-ID.scope/container` gives `/a/libpod-ID.scope`.
func governingPath(of path: String) -> String {
    path.hasSuffix(".scope/container") ? String(path.dropLast("/container".count)) : path
}
