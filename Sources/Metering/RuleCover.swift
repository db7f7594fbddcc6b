/// Finds rules that can never decide anything.
///
/// A rule is useless if a rule of an earlier tenant matches all containers that it matches.
public struct RuleCover {
    private let index: TenantIndex
    private let tenants: [Tenant]

    /// Prepares the search.
    ///
    /// - Parameter tenants: all tenants, in the order in which their rules are tried.
    public init(_ tenants: [Tenant]) {
        index = TenantIndex(tenants)
        self.tenants = tenants
    }

    /// The earlier tenant and its rule that hide a rule; `nil` if none does for certain.
    ///
    /// A rule that hides another matches every container of that one. So it is enough to construct
    /// one such container and to look at the tenants that it could go to.
    public func hiding(_ rule: Rule, of tenant: String) -> (tenant: String, rule: Rule)? {
        let example = rule.example
        guard rule.matches(example) else { return nil }
        var place = index.place(of: example)
        while let here = place, tenants[here].id != tenant {
            if let earlier = tenants[here].match.first(where: { $0.covers(rule) }) {
                return (tenants[here].id, earlier)
            }
            place = index.place(of: example, after: here)
        }
        return nil
    }
}

extension Rule {
    /// Whether it certainly matches every container that another rule matches.
    ///
    /// False if that is not certain.
    func covers(_ other: Rule) -> Bool {
        if self == other { return true }
        if case .cgroup(let path) = other, !isGlob(path) {
            return other.containers(at: kernelText(path)).allSatisfy(matches)
        }
        switch self {
        case .slice, .root:
            return other.beginnings.allSatisfy { start in
                rootPaths.contains { (start + (other.isRoot ? "/" : "")).hasPrefix($0 + "/") }
            }
        case .cgroup(let glob):
            // A pattern that ends with `**` and matches a text also matches every longer text that
            // starts so.
            let pattern = Glob(kernelText(glob))
            return glob.hasSuffix("**") && other.beginnings.allSatisfy(pattern.matches)
        case .unit(let glob):
            guard case .unit(let name) = other, glob.hasSuffix("*") || !isGlob(name) else {
                return false
            }
            return Glob(kernelText(glob)).matches(literalStart(of: name))
        case .label(let key):
            guard case .label(let label) = other else { return false }
            return label.hasPrefix(key + "=") && !key.contains("=")
        case .namespace, .storage: return false
        }
    }

    /// A container that the rule matches, if it matches any.
    fileprivate var example: ContainerFacts {
        switch self {
        case .slice, .root: return ContainerFacts(path: rootPaths.first ?? "/")
        case .cgroup(let glob): return ContainerFacts(path: filled(glob))
        case .unit(let glob):
            let name = filled(glob)
            return ContainerFacts(
                path: "/" + name + (systemdUnit(of: name) == nil ? ".service" : ""))
        case .label(let text):
            let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count == 2 ? String(pair[1]) : ""
            return ContainerFacts(path: "/", labels: [String(pair[0]): value])
        case .namespace(let name): return ContainerFacts(path: "/", namespace: name)
        case .storage(let folder): return ContainerFacts(path: StorageReading.prefix + folder)
        }
    }

    /// Whether the rule names a tenant root.
    private var isRoot: Bool { !rootPaths.isEmpty }

    /// Texts of which the path of every matching container starts with one.
    private var beginnings: [String] {
        switch self {
        case .slice, .root: rootPaths
        case .cgroup(let glob): [literalStart(of: glob)]
        case .label, .namespace, .unit: ["/"]
        case .storage(let folder): [StorageReading.prefix + folder]
        }
    }

    /// All containers that a path without wildcards matches.
    ///
    /// It matches the container at the path. It also matches the container one level up, if that
    /// one includes all below it.
    private func containers(at path: String) -> [ContainerFacts] {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        let outer = ContainerFacts(path: "/" + parent, isWhole: true)
        return [ContainerFacts(path: path), ContainerFacts(path: path, isWhole: true)]
            + (matches(outer) ? [outer] : [])
    }
}

/// Whether the pattern contains wildcards.
private func isGlob(_ pattern: String) -> Bool { pattern.contains { $0 == "*" || $0 == "?" } }

/// The text that everything the pattern matches starts with: the part before the first wildcard.
func literalStart(of glob: String) -> String {
    String(kernelText(glob).prefix { $0 != "*" && $0 != "?" })
}

/// A text that the pattern matches: stars become nothing, and each `?` becomes an x.
private func filled(_ glob: String) -> String {
    kernelText(glob).filter { $0 != "*" }.replacing("?", with: "x")
}
