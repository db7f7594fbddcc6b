import Limits
import Metering
import Runtimes
import Store
import Units

/// A tenant or container whose limits are to change, with its present cgroups.
public struct LimitTarget {
    /// The tenant or container.
    public var subject: LimitSubject
    /// The tenant that it belongs to; `nil` if none.
    public var tenant: String?
    /// The cgroups that exist now.
    public var cgroups: [LimitedCgroup]
    /// Whether a tenant was named by its root's path; freezing then applies to the root itself.
    var isRoot = false
}

/// Finds the cgroups that a word of the command line, or a subject in the store, stands for.
public struct LimitTargets {
    let tree: LimitedTree
    private let tenants: [Tenant]
    /// The containers that the collector saw last.
    let living: [LivingContainer]
    /// Containers by the name that their engine gives them.
    private let byName: [String: [LivingContainer]]

    /// Reads tenants and containers from the store.
    public init(_ tree: LimitedTree, _ store: Store) throws(Fault) {
        self.tree = tree
        tenants = try store.tenants()
        living = try store.livingContainers()
        byName = Dictionary(grouping: living.filter { $0.engineName != nil }) {
            $0.engineName ?? ""
        }
    }

    /// Finds the target that a word stands for.
    ///
    /// A word is a tenant's id; or a container's path, the end of its path, its name, or its id in
    /// Docker or Podman.
    ///
    /// - Throws: `unavailable` if there is no such target, `wrongUse` if there are several.
    public func find(_ word: String) throws(Fault) -> LimitTarget {
        if let tenant = tenants.first(where: { $0.id == word }) {
            let cgroups = roots(of: tenant)
            if cgroups.isEmpty { throw noRoot(tenant) }
            return LimitTarget(
                subject: LimitSubject(.tenant, tenant.id), tenant: tenant.id, cgroups: cgroups)
        }
        return try container(word)
    }

    /// The present cgroups of a subject; for a tenant without a root, those of its containers.
    public func cgroups(of subject: LimitSubject) -> [LimitedCgroup] {
        switch subject.kind {
        case .tenant:
            guard let tenant = tenants.first(where: { $0.id == subject.name }) else { return [] }
            let roots = roots(of: tenant)
            return roots.isEmpty ? containers(of: tenant.id) : roots
        case .container:
            if subject.name.hasPrefix("/") { return [tree.cgroup(subject.name)].compactMap(\.self) }
            return (byName[subject.name] ?? []).compactMap { tree.cgroup($0.path) }
        }
    }

    /// The cgroups of a subject to which one of its limits applies.
    ///
    /// The freezer applies to a tenant's containers, every other limit to its roots.
    func cgroups(of subject: LimitSubject, _ key: LimitKey) -> [LimitedCgroup] {
        key == .freeze && subject.kind == .tenant
            ? containers(of: subject.name) : cgroups(of: subject)
    }

    /// The present containers of a tenant.
    ///
    /// Below its tenant roots these are all containers that exist, even if the collector has not
    /// seen them yet. A tenant root without cgroups below it, such as a service, is one itself.
    public func containers(of tenant: String) -> [LimitedCgroup] {
        let roots = tenants.first { $0.id == tenant }.map(roots) ?? []
        var found = roots.flatMap { root in
            tree.leaves(root.path).filter {
                !$0.path.hasSuffix(".slice") && self.tenant(of: $0.path) == tenant
                    && !PathShape.isMonitor($0.path)
            }
        }
        let known = Set(found.map(\.path))
        for container in living where container.tenant == tenant && !container.isTenantRoot {
            guard !known.contains(container.path), let cgroup = tree.cgroup(container.path) else {
                continue
            }
            found.append(cgroup)
        }
        return found
    }

    /// The tenant to which the cgroup at a path belongs; `nil` if none.
    ///
    /// The nearest tenant root decides, otherwise what the collector stored.
    public func tenant(of path: String) -> String? {
        var nearest: (tenant: String, length: Int)?
        for tenant in tenants {
            for root in tenant.match.flatMap(\.rootPaths)
            where path == root || path.hasPrefix(root + "/") {
                if root.utf8.count > nearest?.length ?? 0 {
                    nearest = (tenant.id, root.utf8.count)
                }
            }
        }
        return nearest?.tenant ?? living.first { $0.path == path }?.tenant
    }

    /// Whether a tenant root of a tenant exists now.
    public func hasRoot(_ tenant: String) -> Bool {
        tenants.first { $0.id == tenant }.map { !roots(of: $0).isEmpty } ?? false
    }

    /// The tenant roots of a tenant that exist now.
    private func roots(of tenant: Tenant) -> [LimitedCgroup] {
        tenant.match.flatMap(\.rootPaths).compactMap { tree.cgroup($0) }
    }

    /// Why a tenant has no root that could be limited.
    private func noRoot(_ tenant: Tenant) -> Fault {
        let paths = tenant.match.flatMap(\.rootPaths)
        if paths.isEmpty {
            return Fault(
                .badData, at: "tenant \(tenant.id)", problem: "it has no tenant root to limit",
                suggestion: "Give it a slice: or root: rule, or limit its containers one by one")
        }
        return Fault(
            .unavailable, at: "tenant \(tenant.id)",
            problem: "its tenant root does not exist now (\(paths.joined(separator: " or ")) "
                + "below \(tree.path))",
            suggestion: "Start something in it first; systemd removes an empty slice")
    }

    /// Finds the container that a word stands for.
    private func container(_ given: String) throws(Fault) -> LimitTarget {
        // Remove doubled slashes, because owners are asked for exactly this path.
        let isPath = given.contains("/")
        let word =
            isPath
            ? (given.hasPrefix("/") ? "/" : "") + given.split(separator: "/").joined(separator: "/")
            : given
        if word.hasPrefix("/"), let cgroup = tree.cgroup(word) { return target(cgroup) }
        let named = living.filter { $0.name == word || $0.engineName == word }
            .compactMap { tree.cgroup($0.path) }
        if named.count == 1, let only = named.first { return target(only) }
        var found: [String] = named.map(\.path)
        // The collector may not have seen it yet, but its engine knows it.
        let id = found.isEmpty ? tree.owners.container(word)?.id : nil
        tree.paths { path, _ in
            let isIt =
                path == word || path.hasSuffix("/\(word)")
                || id.map { PathShape.mayBe(path, container: $0) } ?? false
            if isIt, !found.contains(path) { found.append(path) }
        }
        guard let only = found.first, let cgroup = tree.cgroup(only) else {
            throw Fault(
                .unavailable, at: "\(tree.path), \(quoted(word))",
                problem: "no tenant and no cgroup of that name",
                suggestion: "octroi tenant list and octroi containers show what there is")
        }
        guard found.count == 1 else {
            throw Fault(
                .wrongUse, at: quoted(word),
                problem: "\(found.count) cgroups of that name",
                suggestion: "Give a longer path: "
                    + found.prefix(4).map { escapingControlCharacters($0) }.joined(separator: ", "))
        }
        return target(cgroup)
    }

    /// The target for one cgroup.
    ///
    /// A container is identified by the name that its engine gives it, if it has one. That name
    /// stays when the container is created anew, so its limits stay as well.
    func target(_ cgroup: LimitedCgroup) -> LimitTarget {
        let tenant = tenant(of: cgroup.path)
        if let owner = tenants.first(where: { $0.id == tenant }),
            roots(of: owner).map(\.path) == [cgroup.path]
        {
            return LimitTarget(
                subject: LimitSubject(.tenant, owner.id), tenant: tenant, cgroups: [cgroup],
                isRoot: true)
        }
        let known = living.first { $0.path == cgroup.path && $0.cgroupID == cgroup.id }
        var name = known?.engineName
        if name == nil, let id = PathShape.containerID(of: cgroup.path),
            let found = tree.owners.container(id)
        {
            name = "\(found.name)\(tenant.map { "@\($0)" } ?? "")"
        }
        return LimitTarget(
            subject: LimitSubject(.container, name ?? cgroup.path), tenant: tenant,
            cgroups: [cgroup])
    }
}

extension LivingContainer {
    /// The name by which limits identify a container, such as `docker/web@acme`.
    ///
    /// It includes the tenant, because the same name under another tenant is another container.
    /// `nil` if no engine named it.
    var engineName: String? {
        guard runtime == "docker" || runtime == "podman", let name, isEngineName(name) else {
            return nil
        }
        return "\(runtime)/\(name)\(tenant.map { "@\($0)" } ?? "")"
    }
}
