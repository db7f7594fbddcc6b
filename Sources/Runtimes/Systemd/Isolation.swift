import CgroupFS
import Glibc
import SystemPackage

/// What a container has of its own, as its first process shows it (namespaces(7)).
public struct Isolation: Hashable, Sendable {
    /// By name, in `names`' order; `nil` where this user may not look.
    public var isOwn: [Bool?]

    /// The namespaces, and the root directory.
    public static let names = ["mount", "pid", "net", "user", "uts", "ipc", "cgroup", "root"]
    private static let files = ["mnt", "pid", "net", "user", "uts", "ipc", "cgroup"]

    /// Looks at the process with the lowest id of a cgroup and all below it.
    ///
    /// - Returns: `nil` if no process lives there.
    public init?(of directory: CgroupDirectory) {
        guard let pid = Self.process(directory, depth: 0) else { return nil }
        isOwn = Self.files.map { Self.differs("ns/\($0)", pid) } + [Self.differs("root", pid)]
    }

    /// Whether what a link of a process leads to is another thing than for the host's first process.
    private static func differs(_ link: String, _ pid: Int32) -> Bool? {
        guard let own = identity("/proc/\(pid)/\(link)"), let host = identity("/proc/1/\(link)")
        else { return nil }
        return own != host
    }

    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

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
