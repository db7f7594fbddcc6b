/// Rules that never decide whose a container is, as a rule of an earlier tenant fits all they fit.
public struct RuleCover {
    private let index: TenantIndex
    private let tenants: [Tenant]

    /// - Parameter tenants: all, in the order in which their rules are tried.
    public init(_ tenants: [Tenant]) {
        index = TenantIndex(tenants)
        self.tenants = tenants
    }

    /// The earlier tenant, and its rule that hides one of a tenant's; `nil` where none certainly does.
    ///
    /// A rule that hides another fits every container of that one, so only tenants that one such container fits are
    /// looked at.
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
    /// Whether it certainly fits every container that another rule fits.
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
            // What ends so fits whatever follows a text that it fits.
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
        case .namespace: return false
        }
    }

    /// A container that it fits, if it fits any.
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
        }
    }

    private var isRoot: Bool { !rootPaths.isEmpty }

    /// What the paths of all containers that it fits begin with, one of these.
    private var beginnings: [String] {
        switch self {
        case .slice, .root: rootPaths
        case .cgroup(let glob): [literalStart(of: glob)]
        case .label, .namespace, .unit: ["/"]
        }
    }

    /// All containers that a path without wildcards fits: the one there, and the one in which it lies if
    /// what lies right in it is the container as well.
    private func containers(at path: String) -> [ContainerFacts] {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        let outer = ContainerFacts(path: "/" + parent, isWhole: true)
        return [ContainerFacts(path: path), ContainerFacts(path: path, isWhole: true)]
            + (matches(outer) ? [outer] : [])
    }
}

private func isGlob(_ pattern: String) -> Bool { pattern.contains { $0 == "*" || $0 == "?" } }

/// What every text begins with that the pattern fits.
func literalStart(of glob: String) -> String {
    String(kernelText(glob).prefix { $0 != "*" && $0 != "?" })
}

/// A text that the pattern fits.
private func filled(_ glob: String) -> String {
    kernelText(glob).filter { $0 != "*" }.replacing("?", with: "x")
}
