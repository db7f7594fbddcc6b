import CgroupFormat
import Units

/// Who pays.
public struct Tenant: Hashable, Sendable {
    /// `[a-z0-9-]`, 1–63 characters, starts with a letter.
    public var id: String
    public var name: String
    /// The id of the price book the tenant is billed by; without one nothing can be invoiced.
    public var priceBook: String?
    public var invoiceTo: InvoiceAddress
    /// The first rule that fits a container wins.
    public var match: [Rule]
    /// Whole UTC hours: from when until when fees are due; `nil` is whenever something is used.
    public var since: Instant?
    public var until: Instant?

    public init(
        id: String, name: String, priceBook: String?, invoiceTo: InvoiceAddress, match: [Rule],
        since: Instant? = nil, until: Instant? = nil
    ) {
        (self.id, self.name, self.priceBook) = (id, name, priceBook)
        (self.invoiceTo, self.match) = (invoiceTo, match)
        (self.since, self.until) = (since, until)
    }

    /// The slices that its rules name.
    public var slices: [String] {
        match.compactMap { rule -> String? in
            if case .slice(let name) = rule { name } else { nil }
        }
    }

    /// The word for usage that belongs to no tenant; no tenant may bear it.
    public static let unattributed = "unattributed"
}

/// Where a tenant's invoices go.
public struct InvoiceAddress: Hashable, Sendable, Codable {
    public var address: String?
    public var country: String?
    public var vatID: String?
    public var email: String?

    public init(
        address: String? = nil, country: String? = nil, vatID: String? = nil, email: String? = nil
    ) {
        (self.address, self.country, self.vatID, self.email) = (address, country, vatID, email)
    }
}

/// What is known of a container when a rule looks at it.
public struct ContainerFacts: Hashable, Sendable {
    /// The path under the cgroup2 mount, `/system.slice/web.service`.
    public var path: String
    public var labels: [String: String]
    /// The Kubernetes namespace.
    public var namespace: String?
    /// Whether it is one container with all below it.
    public var isWhole: Bool

    public init(
        path: String, labels: [String: String] = [:], namespace: String? = nil,
        isWhole: Bool = false
    ) {
        (self.path, self.labels, self.namespace) = (path, labels, namespace)
        self.isWhole = isWhole
    }
}

/// One way to say which containers are a tenant's.
public enum Rule: Hashable, Sendable {
    /// A tenant root by its systemd slice.
    case slice(String)
    /// A tenant root by its path under the cgroup2 mount.
    case root(String)
    /// A label of Docker, Podman or the CRI: `key=value`, or `key` for any value.
    case label(String)
    case namespace(String)
    /// A glob over the systemd unit's name.
    case unit(String)
    /// A glob over the path: `*` within one name, `**` over any depth. What lies right in a container
    /// that is one with all below it is the container: `/lxc/101/**` is `/lxc/101` as well.
    case cgroup(String)

    /// The key in tenants.yaml.
    public var kind: String {
        switch self {
        case .slice: "slice"
        case .root: "root"
        case .label: "label"
        case .namespace: "namespace"
        case .unit: "unit"
        case .cgroup: "cgroup"
        }
    }

    public var pattern: String {
        switch self {
        case .slice(let text), .root(let text), .label(let text), .namespace(let text),
            .unit(let text), .cgroup(let text):
            text
        }
    }

    public init?(kind: String, pattern: String) {
        switch kind {
        case "slice": self = .slice(pattern)
        case "root": self = .root(pattern)
        case "label": self = .label(pattern)
        case "namespace": self = .namespace(pattern)
        case "unit": self = .unit(pattern)
        case "cgroup": self = .cgroup(pattern)
        default: return nil
        }
    }

    /// The paths of the cgroups that this rule makes tenant roots.
    ///
    /// systemd nests `a-b.slice` in `a.slice`; without systemd the slice lies at the top. A slice
    /// of that name anywhere deeper was made by a workload and is nobody's root.
    public var rootPaths: [String] {
        switch self {
        case .slice(let name):
            let slice = kernelText(name)
            let nested = "/" + sliceAncestry(slice).joined(separator: "/")
            return nested == "/\(slice)" ? [nested] : [nested, "/\(slice)"]
        case .root(let path):
            return [kernelText(path)]
        case .label, .namespace, .unit, .cgroup:
            return []
        }
    }

    public func matches(_ container: ContainerFacts) -> Bool {
        switch self {
        case .slice, .root:
            return rootPaths.contains { container.path == $0 || container.path.hasPrefix($0 + "/") }
        case .label(let label):
            let pair = label.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = container.labels[String(pair[0])] else { return false }
            return pair.count == 1 || value == pair[1]
        case .namespace(let namespace):
            return container.namespace == namespace
        case .unit(let glob):
            return systemdUnit(of: container.path).map { Glob(kernelText(glob)).matches($0) }
                ?? false
        case .cgroup(let glob):
            let pattern = Glob(kernelText(glob))
            guard container.isWhole else { return pattern.matches(container.path) }
            // Proxmox keeps a guest's processes one level down.
            let inner = container.path.hasPrefix("/lxc/") ? "ns" : nil
            return pattern.matches(container: container.path, inner: inner)
        }
    }
}

/// The id of the tenant whose rule fits first, tenants in their order; `nil` if none fits.
///
/// It tries every rule. `TenantIndex` says the same of many containers in less time.
public func attribute(_ container: ContainerFacts, among tenants: [Tenant]) -> String? {
    tenants.first { tenant in tenant.match.contains { $0.matches(container) } }?.id
}

/// The systemd unit a path belongs to: its first name that is no slice, if that is a unit.
///
/// Names further down may be made by the workload itself, so they decide nothing.
public func systemdUnit(of path: String) -> String? {
    let name = path.split(separator: "/").first { !$0.hasSuffix(".slice") }
    guard let name, name.hasSuffix(".service") || name.hasSuffix(".scope") else { return nil }
    return String(name)
}

/// The text as the paths of cgroups are written: every byte that is not printable ASCII as `\xHH`.
func kernelText(_ text: String) -> String { text.utf8.map(printable).joined() }

/// `a-b-c.slice` lies in `a-b.slice`, which lies in `a.slice` (systemd.slice(5)).
private func sliceAncestry(_ slice: String) -> [String] {
    guard slice.hasSuffix(".slice") else { return [slice] }
    let parts = slice.dropLast(6).split(separator: "-")
    return parts.indices.map { parts[...$0].joined(separator: "-") + ".slice" }
}
