import Limits
import Metering
import Runtimes
import Store
import Units

/// A tenant or container that is to be limited, and its cgroups now.
public struct LimitTarget {
    public var subject: LimitSubject
    /// Whose it is; `nil` is nobody's.
    public var tenant: String?
    public var cgroups: [LimitedCgroup]
    /// Whether a tenant was named by its root's path: what is then asked is of the root.
    var isRoot = false
}

/// Finds what a word of the command line, or a subject in the store, means in a tree.
public struct LimitTargets {
    let tree: LimitedTree
    private let tenants: [Tenant]
    let living: [LivingContainer]
    private let byName: [String: [LivingContainer]]

    public init(_ tree: LimitedTree, _ store: Store) throws(Fault) {
        self.tree = tree
        tenants = try store.tenants()
        living = try store.livingContainers()
        byName = Dictionary(grouping: living.filter { $0.engineName != nil }) {
            $0.engineName ?? ""
        }
    }

    /// What a word means: a tenant's id, or a container by its path, the end of it, or its name.
    ///
    /// - Throws: if it means nothing or several things.
    public func find(_ word: String) throws(Fault) -> LimitTarget {
        if let tenant = tenants.first(where: { $0.id == word }) {
            let cgroups = roots(of: tenant)
            if cgroups.isEmpty { throw noRoot(tenant) }
            return LimitTarget(
                subject: LimitSubject(.tenant, tenant.id), tenant: tenant.id, cgroups: cgroups)
        }
        return try container(word)
    }

    /// The cgroups of a subject now; those of a tenant without a tenant root are its containers.
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

    /// The cgroups of a subject that take one of its limits: a tenant's containers are frozen, not
    /// its roots.
    func cgroups(of subject: LimitSubject, _ key: LimitKey) -> [LimitedCgroup] {
        key == .freeze && subject.kind == .tenant
            ? containers(of: subject.name) : cgroups(of: subject)
    }

    /// The containers of a tenant that live now; of its tenant roots those without a cgroup below, a
    /// service's for one.
    ///
    /// Below its tenant roots they are what lies there, whether the collector saw it yet or not.
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

    /// Whose the cgroup at a path is.
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

    public func hasRoot(_ tenant: String) -> Bool {
        tenants.first { $0.id == tenant }.map { !roots(of: $0).isEmpty } ?? false
    }

    private func roots(of tenant: Tenant) -> [LimitedCgroup] {
        tenant.match.flatMap(\.rootPaths).compactMap { tree.cgroup($0) }
    }

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

    private func container(_ given: String) throws(Fault) -> LimitTarget {
        // As the kernel writes paths: owners are asked for it literally.
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
        // The collector may not have met it yet; its engine knows it.
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

    /// A container keeps its limits by the name its engine gives it, if it has one: that stays when
    /// it is made anew.
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
    /// `docker/web@acme`; `nil` for what no engine named.
    ///
    /// With its tenant: another's container of the same name is another container.
    var engineName: String? {
        guard runtime == "docker" || runtime == "podman", let name, isEngineName(name) else {
            return nil
        }
        return "\(runtime)/\(name)\(tenant.map { "@\($0)" } ?? "")"
    }
}
