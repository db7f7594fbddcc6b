import CgroupFormat
import Glibc
import SystemPackage
import Units

/// What a walk looks for.
public struct WalkPlan: Sendable {
    /// Whether a cgroup of this name is one container together with all below it.
    public var isWhole: @Sendable (String) -> Bool
    /// The paths of tenant roots.
    public var tenantRoots: Set<String>

    public init(isWhole: @escaping @Sendable (String) -> Bool, tenantRoots: Set<String>) {
        (self.isWhole, self.tenantRoots) = (isWhole, tenantRoots)
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
    /// Whether processes live in it; `nil` where no file says so.
    public let isPopulated: Bool?
}

/// What a walk saw and what it could not.
public struct WalkCounts: Hashable, Sendable {
    /// The ids of all directories entered, accounts or not.
    public var seen: Set<Int64> = []
    /// Directories that went away under the walk: expected, no fault.
    public var vanished = 0
    /// Directories that could not be entered, by path.
    public var failed: [String: Errno] = [:]
}

extension CgroupRoot {
    /// The deepest level that is looked at.
    ///
    /// The kernel sets no bound, so this one is ours.
    public static var maximumDepth: Int { 128 }

    /// Visits every leaf cgroup, whole container and tenant root, parents after their children.
    ///
    /// A tenant root comes after all below it, so its counters are never behind theirs.
    public func walk(
        _ plan: WalkPlan, visit: (FoundCgroup, borrowing CgroupDirectory) -> Void
    ) -> WalkCounts {
        var counts = WalkCounts()
        descend(directory, "", 0, plan, &counts, visit)
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
        _ parent: borrowing CgroupDirectory, _ path: String, _ depth: Int, _ plan: WalkPlan,
        _ counts: inout WalkCounts, _ visit: (FoundCgroup, borrowing CgroupDirectory) -> Void
    ) {
        let names: [CgroupName]
        do {
            names = try parent.children()
        } catch {
            counts.note(error, at: path)
            return
        }
        for name in names {
            let path = "\(path)/\(name.text)"
            do throws(Errno) {
                let child = try parent.child(name)
                let id = try child.id()
                counts.seen.insert(id)
                let isWhole = plan.isWhole(name.text)
                let isLeaf = isWhole ? true : try child.children().isEmpty
                if !isLeaf, depth < Self.maximumDepth {
                    descend(child, path, depth + 1, plan, &counts, visit)
                }
                let role: FoundCgroup.Role? =
                    isLeaf ? .container : plan.tenantRoots.contains(path) ? .tenantRoot : nil
                guard let role else { continue }
                visit(
                    FoundCgroup(path: path, id: id, role: role, isPopulated: child.isPopulated),
                    child)
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
        if let length = try? read("cgroup.events", into: &buffer),
            let events = try? CgroupEvents(parsing: buffer.span.extracting(0..<length))
        {
            return events.populated
        }
        return (try? read("cgroup.procs", into: &buffer)).map { $0 > 0 }
    }
}
