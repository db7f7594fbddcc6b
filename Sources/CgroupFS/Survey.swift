import Metering
import SystemPackage
import Units

/// How a cgroup stands to those below it.
public enum Nesting: Sendable {
    /// One container together with all below it.
    case one
    /// Those below it are containers of their own.
    case many
    /// What it holds decides: see `CgroupTree.isOneByContent`.
    case byProcesses
    /// One container, unless containers that are known by their paths lie right below it.
    case oneUnlessKnown
}

/// What a survey looks for.
public struct SurveyPlan: Sendable {
    /// By the path of a cgroup.
    public var nesting: @Sendable (String) -> Nesting
    /// The paths of tenant roots.
    public let tenantRoots: Set<String>
    /// The paths of all cgroups above tenant roots: whatever they are, others lie below them.
    let holders: Set<String>
    /// Ids of cgroups that have held processes of their own.
    ///
    /// They are one container each, whatever they have grown below them since, so that no workload
    /// can slip away by making a child. Where the path says what a cgroup is, that counts.
    public var whole: Set<Int64>

    public init(
        nesting: @escaping @Sendable (String) -> Nesting, tenantRoots: Set<String> = [],
        whole: Set<Int64> = []
    ) {
        (self.nesting, self.tenantRoots, self.whole) = (nesting, tenantRoots, whole)
        holders = Self.holders(of: tenantRoots)
    }

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

/// What there is to read, in order, and what could not be looked at.
public struct Survey: Sendable, Codable {
    /// One reading to take: an index of `cgroups`.
    public enum Step: Hashable, Sendable, Codable {
        /// A cgroup that keeps no account, before all below it.
        case above(Int)
        /// A tenant root, before all below it.
        case ahead(Int)
        /// A cgroup, after all below it.
        case account(Int)
    }

    /// Changes whenever anything but `isPopulated` does.
    public var revision = 0
    public var cgroups: [FoundCgroup] = []
    public var steps: [Step] = []
    /// The ids of all cgroups there are, accounts or not.
    public var seen: Set<Int64> = []
    /// Cgroups that were made and gone before they could be opened, by tenant root (0: none).
    public var unseenEnds: [Int64: Int] = [:]
    /// Directories that could not be read, by path; what lies below them was not seen.
    public var failed: [String: Errno] = [:]
    /// Inner cgroups outside tenant roots that hold processes of their own, which no account
    /// counts.
    public var unaccounted: [String] = []
    /// Paths that lead to a cgroup that was found at another; `nil` in a recording of before 0.2.
    public var twins: [String]?

    public init() {}

    /// Whether its steps hold together, as those of a recording by another hand need not.
    ///
    /// Every step names a cgroup of it, each tenant root stands ahead of its own reading, and no
    /// cgroup is read twice.
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

    public var births: Int { cgroups.reduce(0) { $0 + ($1.birth == nil ? 0 : 1) } }
}
