import CgroupFormat
import Glibc
import SystemPackage
import Units

/// The top of a cgroup tree: a cgroup2 mount, or a plain folder with the same files.
///
/// In a plain folder nothing is kept open between readings, because its files may be replaced.
public struct CgroupRoot: ~Copyable {
    /// The path without symbolic links.
    public let path: String
    /// The open directory at `path`.
    public let directory: CgroupDirectory
    /// Whether the tree is a cgroup2 file system.
    public let isKernel: Bool
    /// The device number of the file system.
    let device: UInt64

    /// Opens a cgroup tree.
    ///
    /// - Parameter path: a cgroup2 mount, a cgroup below it, or a plain folder; `nil` for the first
    ///   cgroup2 mount of this host.
    /// - Throws: `wrongUse` for an empty path, `unavailable` if there is no such directory,
    ///   `notPermitted` if this user may not read it.
    public init(opening path: String?) throws(Fault) {
        let named = if let path { path } else { try CgroupMount.find() }
        guard !named.isEmpty else {
            throw Fault(
                .wrongUse, at: "--root", problem: "the path is empty",
                suggestion:
                    "Give a cgroup2 mount, or a folder with the same files; or leave --root out")
        }
        // The store identifies a tree by its path, so every spelling must give the same one.
        let path = resolved(named)
        let directory = try CgroupRoot.opened(path)
        let isKernel = directory.isKernel
        do throws(Errno) {
            device = try directory.device()
        } catch {
            throw CgroupRoot.fault(path, error)
        }
        self.path = path
        self.directory = directory
        self.isKernel = isKernel
    }

    private static func opened(_ path: String) throws(Fault) -> CgroupDirectory {
        do throws(Errno) {
            let directory = try CgroupDirectory(path: path)
            _ = try directory.children()
            return directory
        } catch {
            throw fault(path, error)
        }
    }

    private static func fault(_ path: String, _ error: Errno) -> Fault {
        switch error {
        case .permissionDenied, .notPermitted:
            Fault(
                .notPermitted, at: path, problem: "this user may not read it (\(error))",
                suggestion: "Run Octroi as a user that may, or give --root a tree this user owns")
        default:
            Fault(
                .unavailable, at: path, problem: "it cannot be opened as a directory (\(error))",
                suggestion:
                    "Give --root the path of a cgroup2 mount; \"findmnt -t cgroup2\" lists them")
        }
    }

    /// Opens a cgroup by its path below the root, such as `/tenants/acme`.
    public func open(_ path: String) throws(Errno) -> CgroupDirectory {
        var names = path.split(separator: "/").map { CgroupName($0) }[...]
        guard let first = names.popFirst() else { throw .noSuchFileOrDirectory }
        var found = try directory.child(first)
        for name in names { found = try found.child(name) }
        return found
    }

    /// Opens a cgroup by its printed path, in which unprintable bytes are written `\xHH`.
    ///
    /// See `CgroupName.text`.
    public func open(kernelPath path: String) throws(Errno) -> CgroupDirectory {
        var names = path.split(separator: "/").map { CgroupName(printed: $0) }[...]
        guard let first = names.popFirst() else { throw .noSuchFileOrDirectory }
        var found = try directory.child(first)
        for name in names { found = try found.child(name) }
        return found
    }

    /// The path of this root below the host's first cgroup2 mount.
    ///
    /// It is empty if the root is the mount itself, and `nil` if it lies outside the mount.
    public var pathBelowMount: String? {
        guard let mount = try? CgroupMount.find() else { return nil }
        let place = mount == "/" ? "" : mount
        if path == mount { return "" }
        return path.hasPrefix(place + "/") ? String(path.dropFirst(place.utf8.count)) : nil
    }

    /// Visits every cgroup below the root, parents before children, down to `maximumDepth`.
    public func paths(_ visit: (_ path: String, _ id: Int64) -> Void) {
        func descend(_ parent: borrowing CgroupDirectory, _ path: String, _ depth: Int) {
            for name in (try? parent.children()) ?? [] {
                guard let child = try? parent.child(name), let id = try? child.id() else {
                    continue
                }
                visit("\(path)/\(name.text)", id)
                if depth < CgroupTree.maximumDepth {
                    descend(child, "\(path)/\(name.text)", depth + 1)
                }
            }
        }
        descend(directory, "", 0)
    }
}

/// The path without symbolic links, `.` and doubled slashes; unchanged if it does not exist.
private func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
}

/// Finds where cgroup2 is mounted.
public enum CgroupMount {
    /// The mount point of the first cgroup2 in `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    public static func find() throws(Fault) -> String {
        let place = "/proc/self/mountinfo"
        var buffer: [UInt8] = []
        var length = 0
        do {
            length = try CgroupDirectory(path: "/proc/self").read("mountinfo", into: &buffer)
        } catch {
            throw Fault(
                .unavailable, at: place, problem: "it cannot be read (\(error))",
                suggestion: "Mount /proc, or say where the cgroup tree is with --root")
        }
        let text = String(decoding: buffer[..<length], as: UTF8.self)
        guard let mount = Mount.all(in: text).first(where: { $0.type == "cgroup2" }) else {
            throw Fault(
                .unavailable, at: place, problem: "no cgroup2 file system is mounted",
                suggestion:
                    "Mount one (mount -t cgroup2 none /sys/fs/cgroup), or say where the tree is "
                    + "with --root")
        }
        return mount.point
    }
}
