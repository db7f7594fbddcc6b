import CgroupFormat
import Glibc
import SystemPackage
import Units

/// How a cgroup stands to those below it.
public enum Nesting: Sendable {
    /// One container together with all below it.
    case one
    /// Those below it are containers of their own.
    case many
    /// One container if it holds processes of its own when it is born, or as a leaf; else many.
    case byProcesses
}

/// What a walk looks for.
public struct WalkPlan: Sendable {
    /// By the name of a cgroup.
    public var nesting: @Sendable (String) -> Nesting
    /// The paths of tenant roots.
    public var tenantRoots: Set<String>
    /// Ids of cgroups that have held processes of their own: one container each, whatever they
    /// have grown below them since, so that no workload can slip away by making a child.
    public var whole: Set<Int64>
    /// Ids that were seen before; `nil` if all may have been, as in a first scan.
    public var known: Set<Int64>?

    public init(
        nesting: @escaping @Sendable (String) -> Nesting, tenantRoots: Set<String> = [],
        whole: Set<Int64> = [], known: Set<Int64>? = []
    ) {
        (self.nesting, self.tenantRoots) = (nesting, tenantRoots)
        (self.whole, self.known) = (whole, known)
    }

    /// Whether a tenant root lies below a path.
    func hasRoot(below path: String) -> Bool {
        tenantRoots.contains { $0.hasPrefix(path + "/") }
    }
}

/// A cgroup that a walk came to and that keeps an account.
public struct FoundCgroup: Hashable, Sendable {
    public enum Role: Hashable, Sendable {
        /// A leaf, or a whole container.
        case container
        case tenantRoot
    }

    /// The path under the root, `/system.slice/web.service`.
    public let path: String
    /// The inode.
    public let id: Int64
    public let role: Role
    /// The id of the tenant root it lies below.
    public let root: Int64?
    /// Whether processes live in it; `nil` where no file says so.
    public let isPopulated: Bool?
    /// Whether nothing below it keeps an account.
    public let isLeaf: Bool
    /// Whether it stays one container when it grows children.
    public let isWhole: Bool
}

/// A tenant root that a walk is about to look below.
public struct RootAhead: Hashable, Sendable {
    public let path: String
    public let id: Int64
}

/// What a walk saw and what it could not.
public struct WalkCounts: Hashable, Sendable {
    /// The ids of all directories that were read, accounts or not.
    public var seen: Set<Int64> = []
    /// Directories that went away under the walk: expected, no fault.
    public var vanished = 0
    /// Directories that could not be read, by path; what lies below them was not seen.
    public var failed: [String: Errno] = [:]
    /// Inner cgroups outside tenant roots that hold processes of their own, which no account
    /// counts.
    public var unaccounted: [String] = []
}

extension CgroupRoot {
    /// The deepest level that is looked at.
    ///
    /// The kernel sets no bound, so this one is ours.
    public static var maximumDepth: Int { 128 }

    /// Visits every leaf cgroup, whole container and tenant root, parents after their children.
    ///
    /// A tenant root comes after all below it, so its counters are never behind theirs.
    ///
    /// - Parameters:
    ///   - enter: called with a tenant root before all below it.
    public func walk(
        _ plan: WalkPlan, keeping kept: inout KeptDirectories,
        enter: (RootAhead, borrowing CgroupDirectory) -> Void = { _, _ in },
        visit: (FoundCgroup, borrowing CgroupDirectory) -> Void
    ) -> WalkCounts {
        var counts = WalkCounts()
        descend(directory, "", 0, nil, plan, &kept, &counts, enter, visit)
        kept.release(butNot: counts.seen)
        return counts
    }

    /// Visits every cgroup below the root, whatever it holds.
    public func paths(_ visit: (_ path: String, _ id: Int64) -> Void) {
        func descend(_ parent: borrowing CgroupDirectory, _ path: String, _ depth: Int) {
            for name in (try? parent.children()) ?? [] {
                guard let child = try? parent.child(name), let id = try? child.id() else {
                    continue
                }
                visit("\(path)/\(name.text)", id)
                if depth < Self.maximumDepth { descend(child, "\(path)/\(name.text)", depth + 1) }
            }
        }
        descend(directory, "", 0)
    }

    private func descend(
        _ parent: borrowing CgroupDirectory, _ path: String, _ depth: Int, _ root: Int64?,
        _ plan: WalkPlan, _ kept: inout KeptDirectories, _ counts: inout WalkCounts,
        _ enter: (RootAhead, borrowing CgroupDirectory) -> Void,
        _ visit: (FoundCgroup, borrowing CgroupDirectory) -> Void
    ) {
        let names: [(name: CgroupName, id: Int64)]
        do {
            names = try parent.entries()
        } catch {
            counts.note(error, at: path)
            return
        }
        for (name, listed) in names {
            let path = "\(path)/\(name.text)"
            do throws(Errno) {
                let known = kept[listed]
                let child = if let known { known } else { try parent.child(name) }
                let id = known == nil ? try child.id() : listed
                // In a plain folder another file system's inodes would mix with these, and a file
                // may be replaced under its descriptor: nothing of it is kept.
                if isKernel {
                    kept.keep(child, id)
                } else if try child.device() != device {
                    continue
                }
                let isRoot = plan.tenantRoots.contains(path)
                if isRoot { enter(RootAhead(path: path, id: id), child) }
                let byName = isRoot ? .many : plan.nesting(name.text)
                // At the deepest level all below is one, so that nothing is too deep to be metered.
                let isOne =
                    !isRoot
                    && (plan.whole.contains(id) || byName == .one || depth == Self.maximumDepth)
                let isLeaf = isOne ? true : try child.children().isEmpty
                let isNew = byName == .byProcesses && plan.known.map { !$0.contains(id) } ?? false
                let holds = isOne ? nil : child.holdsProcesses
                let isWhole =
                    isOne || (isLeaf && !isRoot)
                    || (isNew && holds == true && !plan.hasRoot(below: path))
                if !isWhole, !isLeaf {
                    descend(
                        child, path, depth + 1, isRoot ? id : root, plan, &kept, &counts, enter,
                        visit)
                    if holds == true, root == nil, !isRoot { counts.unaccounted.append(path) }
                }
                counts.seen.insert(id)
                guard isWhole || isRoot else { continue }
                let found = FoundCgroup(
                    path: path, id: id, role: isRoot ? .tenantRoot : .container, root: root,
                    isPopulated: child.isPopulated, isLeaf: isLeaf,
                    isWhole: isOne || (byName == .byProcesses && holds == true))
                visit(found, child)
            } catch {
                counts.note(error, at: path)
            }
        }
    }
}

extension WalkCounts {
    fileprivate mutating func note(_ error: Errno, at path: String) {
        if error.meansVanished { vanished += 1 } else { failed[path] = error }
    }
}

extension Errno {
    /// Whether the cgroup is gone: its directory (`ENOENT`), or it under a kept descriptor
    /// (`ENODEV`).
    var meansVanished: Bool { rawValue == Glibc.ENOENT || rawValue == Glibc.ENODEV }
}

extension CgroupDirectory {
    /// Whether processes live here or below, by `cgroup.events`, else by `cgroup.procs`.
    var isPopulated: Bool? {
        var buffer: [UInt8] = []
        if let length = try? read(.cgroupEvents, into: &buffer),
            let events = try? CgroupEvents(parsing: buffer.span.extracting(0..<length))
        {
            return events.populated
        }
        return holdsProcesses
    }

    /// Whether processes live right here, by `cgroup.procs`.
    ///
    /// The kernel refuses the read in a threaded cgroup: its processes count where it is rooted.
    var holdsProcesses: Bool? {
        var buffer: [UInt8] = []
        return (try? read("cgroup.procs", into: &buffer)).map { $0 > 0 }
    }
}
