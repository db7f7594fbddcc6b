import Limits
import Store

/// What every cgroup of a tree shall have, from all tenants and containers that have a say in it.
struct DesiredCgroups {
    /// One cgroup and its limits.
    struct Entry {
        var cgroup: LimitedCgroup
        /// The container, if it has a say of its own, else its tenant.
        var subject: LimitSubject
        var limits: DesiredLimits
        var list: [DesiredLimit]
    }

    private(set) var all: [Entry] = []
    private var places: [String: Int] = [:]

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

    private mutating func add(
        _ cgroup: LimitedCgroup, _ subject: LimitSubject, _ limits: DesiredLimits,
        _ list: [DesiredLimit]
    ) {
        guard let index = places[cgroup.path] else {
            places[cgroup.path] = all.count
            all.append(Entry(cgroup: cgroup, subject: subject, limits: limits, list: list))
            return
        }
        // Containers come after their tenants.
        all[index].subject = subject
        all[index].limits = limits.over(all[index].limits)
        all[index].list = all[index].limits.list
    }

    /// What a cgroup shall have; `nil` if nobody has a say in it.
    subscript(path: String) -> Entry? { places[path].map { all[$0] } }

    /// What a cgroup shall have of one limit.
    func limit(_ key: LimitKey, at path: String) -> DesiredLimit? {
        self[path]?.list.first { $0.key == key }
    }
}

/// What one tenant or container shall have, in a fixed order.
struct Desire {
    var subject: LimitSubject
    var limits: DesiredLimits
    var list: [DesiredLimit]
    /// What a tenant's containers shall have one by one: they are frozen, not the slice.
    var ofContainers: DesiredLimits
    var listOfContainers: [DesiredLimit]

    init(_ subject: LimitSubject, _ desired: DesiredLimits) {
        self.subject = subject
        let isSplit = subject.kind == .tenant
        limits = isSplit ? desired.filter { $0 != .freeze } : desired
        ofContainers = isSplit ? desired.filter { $0 == .freeze } : DesiredLimits()
        (list, listOfContainers) = (limits.list, ofContainers.list)
    }
}

extension LimitState {
    /// What everybody shall have that has limits at all: tenants first, by name.
    var desires: [Desire] {
        desired.map { Desire($0.key, $0.value) }.sorted {
            ($0.subject.kind == .tenant ? 0 : 1, $0.subject.name)
                < ($1.subject.kind == .tenant ? 0 : 1, $1.subject.name)
        }
    }
}

extension HeldLimit {
    /// The cgroup whose limits it follows: its own, or the scope of which crun's copy this is.
    var governingPath: String { Enforcing.governingPath(of: path) }
}

/// The path of the scope of which crun's copy this is; any other path as it is.
func governingPath(of path: String) -> String {
    path.hasSuffix(".scope/container") ? String(path.dropLast("/container".count)) : path
}
