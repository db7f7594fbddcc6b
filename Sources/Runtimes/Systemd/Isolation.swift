import CgroupFS
import Glibc
import SystemPackage

/// Which namespaces a container has for itself, judged by one of its processes (namespaces(7)).
public struct Isolation: Hashable, Sendable {
    /// Whether each entry of `names` differs from the host's; `nil` if this user may not look.
    public var isOwn: [Bool?]

    /// The namespaces that are compared, and the root directory.
    public static let names = ["mount", "pid", "net", "user", "uts", "ipc", "cgroup", "root"]
    /// The names of the namespaces in /proc/PID/ns.
    private static let files = ["mnt", "pid", "net", "user", "uts", "ipc", "cgroup"]

    /// Looks at the process with the lowest id in a cgroup, or below it if it has none itself.
    ///
    /// - Returns: `nil` if no process lives there.
    public init?(of directory: CgroupDirectory) {
        guard let pid = Self.process(directory, depth: 0) else { return nil }
        isOwn = Self.files.map { Self.differs("ns/\($0)", pid) } + [Self.differs("root", pid)]
    }

    /// Whether a link of a process leads to something other than the same link of process 1.
    private static func differs(_ link: String, _ pid: Int32) -> Bool? {
        guard let own = identity("/proc/\(pid)/\(link)"), let host = identity("/proc/1/\(link)")
        else { return nil }
        return own != host
    }

    /// Device and inode number of what a path leads to.
    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    /// The lowest process id in a cgroup, or in one up to four levels below it.
    private static func process(_ directory: CgroupDirectory, depth: Int) -> Int32? {
        if let text = try? directory.text(of: "cgroup.procs"),
            let pid = text.split(separator: "\n").compactMap({ Int32($0) }).filter({ $0 > 0 }).min()
        {
            return pid
        }
        guard depth < 4 else { return nil }
        for name in (try? directory.children()) ?? [] {
            if let child = try? directory.child(name), let pid = process(child, depth: depth + 1) {
                return pid
            }
        }
        return nil
    }
}
