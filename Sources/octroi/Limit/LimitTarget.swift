import ArgumentParser
import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Metering
import Reporting
import Settings
import Store
import SystemPackage
import Units

/// Which cgroup tree and which part of it a limit is for.
struct TargetOptions: ParsableArguments {
    @OptionGroup var place: StoreOptions

    @Option(help: "The cgroup tree. Default: the one that was collected last.")
    var root: String?

    @Argument(help: "A tenant's id, or a container by its path or the end of it.")
    var target: String

    /// Opens the tree.
    func openRoot(_ store: Store) throws(Fault) -> CgroupRoot {
        if let root { return try CgroupRoot(opening: root) }
        if let path = try place.settings().cgroupRoot { return try CgroupRoot(opening: path) }
        return try CgroupRoot(opening: try store.lastRoot())
    }

    /// The cgroups that the target means: a tenant's roots, or one container.
    func targets(
        in root: borrowing CgroupRoot, _ store: Store
    ) throws(Fault) -> [LimitTarget] {
        if let tenant = try store.tenants().first(where: { $0.id == target }) {
            return try roots(of: tenant, root)
        }
        return [try container(root)]
    }

    private func roots(
        of tenant: Tenant, _ root: borrowing CgroupRoot
    ) throws(Fault) -> [LimitTarget] {
        let paths = tenant.match.flatMap(\.rootPaths)
        guard !paths.isEmpty else {
            throw Fault(
                .badData, at: "tenant \(tenant.id)", found: "it has no tenant root to limit",
                cure: "Give it a slice: or root: rule, or limit its containers one by one")
        }
        let found = paths.compactMap { path in
            (try? root.open(path).id()).map { LimitTarget(path: path, id: $0) }
        }
        guard !found.isEmpty else {
            throw Fault(
                .unavailable, at: "tenant \(tenant.id)",
                found: "its tenant root does not exist now (\(paths.joined(separator: " or ")) "
                    + "below \(root.path))",
                cure: "Start something in it first; systemd removes an empty slice")
        }
        return found
    }

    /// The one cgroup whose path is the target, or ends in it.
    private func container(_ root: borrowing CgroupRoot) throws(Fault) -> LimitTarget {
        if target.hasPrefix("/"), let id = try? root.open(target).id() {
            return LimitTarget(path: target, id: id)
        }
        var found: [LimitTarget] = []
        root.paths { path, id in
            guard path == target || path.hasSuffix("/\(target)") else { return }
            found.append(LimitTarget(path: path, id: id))
        }
        guard let only = found.first else {
            throw Fault(
                .unavailable, at: "\(root.path), \"\(harmless(target))\"",
                found: "no tenant and no cgroup of that name",
                cure: "octroi tenant list and octroi containers show what there is")
        }
        guard found.count == 1 else {
            throw Fault(
                .wrongUse, at: "\"\(harmless(target))\"",
                found: "\(found.count) cgroups of that name",
                cure: "Give a longer path: "
                    + found.prefix(4).map { harmless($0.path) }.joined(separator: ", "))
        }
        return only
    }
}

/// A cgroup that is to be limited.
struct LimitTarget {
    var path: String
    var id: Int64
}

/// Turns an error on a limit's file into where, what and the cure.
func limitFault(
    _ error: Errno, _ key: LimitKey, _ path: String, _ directory: borrowing CgroupDirectory
) -> Fault {
    let place = "\(path)/\(key)"
    switch error {
    case .noSuchFileOrDirectory:
        let offered = (try? directory.text(of: "cgroup.controllers")) ?? ""
        let list = offered.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return Fault(
            .unavailable, at: place,
            found: "the \(key.controller) controller is not on here (on are: "
                + "\(list.isEmpty ? "none" : list))",
            cure: "Write \"+\(key.controller)\" to cgroup.subtree_control of the parent cgroup; "
                + "octroi doctor says whether this host has it on cgroup v2")
    case .permissionDenied, .notPermitted, .readOnlyFileSystem:
        return Fault(
            .notPermitted, at: place, found: "this user may not touch it (\(error))",
            cure: "Run it as root, or have the cgroup delegated to this user")
    case Errno(rawValue: ENODEV):
        return Fault(
            .failed, at: place, found: "the cgroup has ended meanwhile",
            cure: "Look at octroi containers for what runs now")
    default:
        return Fault(
            .failed, at: place, found: "the kernel refused (\(error))",
            cure: "Check the value against cgroup-v2.rst of this kernel")
    }
}
