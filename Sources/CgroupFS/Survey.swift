import Metering
import SystemPackage
import Units

/// What the path of a cgroup says about the cgroups below it.
public enum Nesting: Sendable {
    /// It is one container together with everything below it.
    case one
    /// The cgroups below it are containers of their own.
    case many
    /// Unknown by its path, so its processes decide; see `CgroupTree.isOneByContent`.
    case byProcesses
    /// It is one container, unless a child is a known container by its path.
    ///
    /// Example: the service of a container engine is one container, unless pods lie right below it.
    case oneUnlessKnown
}

/// What a survey needs to know about the host.
public struct SurveyPlan: Sendable {
    /// Says by the path of a cgroup what is below it.
    public var nesting: @Sendable (String) -> Nesting
    /// The paths of tenant roots.
    public let tenantRoots: Set<String>
    /// The paths of all cgroups above tenant roots.
    ///
    /// These are never one container, whatever their path says, because a tenant root lies below
    /// them.
    let holders: Set<String>
    /// The ids of cgroups that once held processes of their own.
    ///
    /// Each stays one container, even with children, so that a workload cannot leave its account by
    /// creating a cgroup below it. If the path says what a cgroup is, the path decides.
    public var whole: Set<Int64>

    /// Creates a plan and derives the paths above the tenant roots.
    public init(
        nesting: @escaping @Sendable (String) -> Nesting, tenantRoots: Set<String> = [],
        whole: Set<Int64> = []
    ) {
        (self.nesting, self.tenantRoots, self.whole) = (nesting, tenantRoots, whole)
        holders = Self.holders(of: tenantRoots)
    }

    /// All proper ancestors of the roots: for `/a/b/c` these are `/a/b` and `/a`.
    private static func holders(of roots: Set<String>) -> Set<String> {
        var found: Set<String> = []
        for root in roots {
            var rest = root[...]
            while let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
                rest = rest[..<slash]
                guard found.insert(String(rest)).inserted else { break }
            }
        }
        return found
    }
}

/// What to read in one tick, in order, and which directories could not be read.
public struct Survey: Sendable, Codable {
    /// One reading to take; the number is an index of `cgroups`.
    public enum Step: Hashable, Sendable, Codable {
        /// A cgroup without an account, read before everything below it.
        case above(Int)
        /// A tenant root, read before everything below it.
        case ahead(Int)
        /// An account, read after everything below it.
        case account(Int)
    }

    /// Increases whenever anything except `isPopulated` and `isWhole` changes.
    public var revision = 0
    /// Every cgroup that is read, including accounts that ended since the last committed tick.
    public var cgroups: [FoundCgroup] = []
    /// The readings in the order in which they are taken.
    public var steps: [Step] = []
    /// The ids of all living cgroups that were found, with or without an account.
    public var seen: Set<Int64> = []
    /// Cgroups that were gone before they could be opened, by tenant root id (0: no root).
    public var unseenEnds: [Int64: Int] = [:]
    /// Directories that could not be read, by path; cgroups below them were not seen.
    public var failed: [String: Errno] = [:]
    /// Inner cgroups outside tenant roots that hold processes of their own.
    ///
    /// Nothing meters these processes, so the collector reports the paths.
    public var unaccounted: [String] = []
    /// Paths of directories that are already known at another path.
    ///
    /// `nil` if there are none, and in recordings made before 0.2.
    public var twins: [String]?

    /// An empty survey.
    public init() {}

    /// Whether the steps are consistent, which a recording from a foreign source need not be.
    ///
    /// Every step names an existing cgroup of the right role, each tenant root is read before and
    /// after the accounts below it, and no cgroup is read twice.
    public var isSound: Bool {
        var ahead: [Int] = []
        var read: Set<Int> = []
        for step in steps {
            switch step {
            case .above(let index):
                guard cgroups.indices.contains(index), cgroups[index].role == .inner else {
                    return false
                }
            case .ahead(let index):
                guard cgroups.indices.contains(index), cgroups[index].role == .tenantRoot else {
                    return false
                }
                ahead.append(index)
            case .account(let index):
                guard cgroups.indices.contains(index), read.insert(index).inserted,
                    cgroups[index].role == .container || ahead.popLast() == index
                else { return false }
            }
        }
        return ahead.isEmpty && unseenEnds.values.allSatisfy { (0..<1 << 20).contains($0) }
    }

    /// The number of cgroups with a proven birth.
    public var births: Int { cgroups.reduce(0) { $0 + ($1.birth == nil ? 0 : 1) } }
}
