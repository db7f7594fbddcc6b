import CgroupFormat
import Units

/// A customer: who pays for which containers, by which prices.
public struct Tenant: Hashable, Sendable {
    /// The id: `[a-z0-9-]`, 1 to 63 characters, starting with a letter.
    ///
    /// It never changes.
    public var id: String
    /// The name on invoices.
    public var name: String
    /// The id of the price book that the tenant is billed by.
    ///
    /// `nil` if none was chosen yet: usage is kept, but nothing can be invoiced.
    public var priceBook: String?
    /// Where invoices are sent.
    public var invoiceTo: InvoiceAddress
    /// The rules that say which containers belong to the tenant; one that matches is enough.
    public var match: [Rule]
    /// The first hour for which fees are due; a whole UTC hour.
    ///
    /// `nil`: fees are due whenever something is used.
    public var since: Instant?
    /// The end of the time for which fees are due; a whole UTC hour.
    ///
    /// `nil`: no end.
    public var until: Instant?

    public init(
        id: String, name: String, priceBook: String?, invoiceTo: InvoiceAddress, match: [Rule],
        since: Instant? = nil, until: Instant? = nil
    ) {
        (self.id, self.name, self.priceBook) = (id, name, priceBook)
        (self.invoiceTo, self.match) = (invoiceTo, match)
        (self.since, self.until) = (since, until)
    }

    /// The slices that the tenant's rules name.
    public var slices: [String] {
        match.compactMap { rule -> String? in
            if case .slice(let name) = rule { name } else { nil }
        }
    }

    /// Stands for the tenant in usage that belongs to nobody.
    ///
    /// No tenant may have this id.
    public static let unattributed = "unattributed"
}

/// The recipient of a tenant's invoices.
public struct InvoiceAddress: Hashable, Sendable, Codable {
    /// The postal address, possibly of several lines.
    public var address: String?
    /// The country of the address.
    public var country: String?
    /// The recipient's VAT identification number.
    public var vatID: String?
    /// The e-mail address for invoices.
    public var email: String?

    public init(
        address: String? = nil, country: String? = nil, vatID: String? = nil, email: String? = nil
    ) {
        (self.address, self.country, self.vatID, self.email) = (address, country, vatID, email)
    }
}

/// What a rule can look at to decide whether it matches a container.
public struct ContainerFacts: Hashable, Sendable {
    /// The path below the cgroup2 mount, such as `/system.slice/web.service`.
    public var path: String
    /// Labels of the runtime; empty until they are known.
    public var labels: [String: String]
    /// The Kubernetes namespace of the container's pod, if it has one.
    public var namespace: String?
    /// Whether the cgroup and all below it are one container (docs/shapes.md).
    public var isWhole: Bool

    public init(
        path: String, labels: [String: String] = [:], namespace: String? = nil,
        isWhole: Bool = false
    ) {
        (self.path, self.labels, self.namespace) = (path, labels, namespace)
        self.isWhole = isWhole
    }
}

/// One way to say which containers, or which folders, belong to a tenant.
///
/// The associated text is the pattern from tenants.yaml. Runtimes add keys of their own, which are
/// read as labels: `pool: acme` of Proxmox VE is a rule `label`.
public enum Rule: Hashable, Sendable {
    /// A tenant root, named by its systemd slice: `tenant-acme.slice`.
    case slice(String)
    /// A tenant root, named by its path below the cgroup2 mount: `/tenants/acme`.
    case root(String)
    /// A label of Docker, Podman or the CRI: `key=value`, or `key` for any value.
    case label(String)
    /// A Kubernetes namespace.
    case namespace(String)
    /// A glob for the name of the systemd unit: `acme-*.service`.
    case unit(String)
    /// A glob for the path: `*` within one name, `**` across any number of names.
    ///
    /// For a container that includes all below it, a pattern for what lies directly in it matches
    /// the container itself: `/lxc/101/**` matches `/lxc/101`.
    case cgroup(String)
    /// A folder whose space is billed, by its path on the host: `/srv/acme`.
    ///
    /// It matches the account of that folder alone, and no container.
    case storage(String)

    /// The key of the rule in tenants.yaml.
    public var kind: String {
        switch self {
        case .slice: "slice"
        case .root: "root"
        case .label: "label"
        case .namespace: "namespace"
        case .unit: "unit"
        case .cgroup: "cgroup"
        case .storage: "storage"
        }
    }

    /// The text of the rule: a name, a path, a label or a glob.
    public var pattern: String {
        switch self {
        case .slice(let text), .root(let text), .label(let text), .namespace(let text),
            .unit(let text), .cgroup(let text), .storage(let text):
            text
        }
    }

    /// Makes a rule from its key and its pattern; `nil` if the key is unknown.
    public init?(kind: String, pattern: String) {
        switch kind {
        case "slice": self = .slice(pattern)
        case "root": self = .root(pattern)
        case "label": self = .label(pattern)
        case "namespace": self = .namespace(pattern)
        case "unit": self = .unit(pattern)
        case "cgroup": self = .cgroup(pattern)
        case "storage": self = .storage(pattern)
        default: return nil
        }
    }

    /// The paths of the cgroups that this rule makes tenant roots; empty for other rules.
    ///
    /// systemd nests `a-b.slice` in `a.slice`; without systemd the slice lies at the top. A slice
    /// of that name anywhere else was made by a workload and is nobody's root.
    public var rootPaths: [String] {
        switch self {
        case .slice(let name):
            let slice = kernelText(name)
            let nested = "/" + sliceAncestry(slice).joined(separator: "/")
            return nested == "/\(slice)" ? [nested] : [nested, "/\(slice)"]
        case .root(let path):
            return [kernelText(path)]
        case .label, .namespace, .unit, .cgroup, .storage:
            return []
        }
    }

    /// The folder whose space the rule bills; `nil` for other rules.
    public var folder: String? {
        if case .storage(let path) = self { path } else { nil }
    }

    /// Whether the rule applies to a container.
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
            // Proxmox VE keeps the processes of an LXC guest one level below its cgroup.
            let inner = container.path.hasPrefix("/lxc/") ? "ns" : nil
            return pattern.matches(container: container.path, inner: inner)
        case .storage(let folder):
            // Two names on disk may be equal as Unicode; only the same bytes are the same folder.
            return container.path.utf8.elementsEqual((StorageReading.prefix + folder).utf8)
        }
    }
}

/// The id of the first tenant with a rule that matches; `nil` if there is none.
///
/// It tries every rule. `TenantIndex` gives the same answer, and is fast with many tenants.
///
/// - Parameter tenants: in the order in which they are tried.
public func attribute(_ container: ContainerFacts, among tenants: [Tenant]) -> String? {
    tenants.first { tenant in tenant.match.contains { $0.matches(container) } }?.id
}

/// The systemd unit of a cgroup: the first name in its path that is not a slice, if it is a unit.
///
/// Names further down may have been chosen by the workload itself, so they must not decide
/// anything.
public func systemdUnit(of path: String) -> String? {
    let name = path.split(separator: "/").first { !$0.hasSuffix(".slice") }
    guard let name, name.hasSuffix(".service") || name.hasSuffix(".scope") else { return nil }
    return String(name)
}

/// The text as paths of cgroups are written: bytes that are not printable ASCII become `\xHH`.
func kernelText(_ text: String) -> String { text.utf8.map(printable).joined() }

/// A slice and the slices it lies in, from the top down.
///
/// `a-b-c.slice` lies in `a-b.slice`, which lies in `a.slice` (systemd.slice(5)).
private func sliceAncestry(_ slice: String) -> [String] {
    guard slice.hasSuffix(".slice") else { return [slice] }
    let parts = slice.dropLast(6).split(separator: "-")
    return parts.indices.map { parts[...$0].joined(separator: "-") + ".slice" }
}
