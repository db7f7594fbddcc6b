import CgroupFS

/// What a cgroup's path says about the workload in it.
public enum PathShape {
    /// How a cgroup of this name stands to those below it.
    ///
    /// A scope or a service of systemd is one container (`docker-….scope`, `web.service`), and so
    /// is an LXC payload; what they nest is their own matter. `user@….service` holds the services
    /// of a whole login, and slices hold units.
    public static func nesting(_ name: String) -> Nesting {
        if name.hasPrefix("user@") || name.hasSuffix(".slice") { return .many }
        let isOne =
            name.hasSuffix(".scope") || name.hasSuffix(".service")
            || name.hasPrefix("lxc.payload.")
        return isOne ? .one : .byProcesses
    }

    /// Who runs the container at a path, by the shape of its last whole name.
    public static func runtime(of path: String) -> String {
        let names = path.split(separator: "/")
        let name = names.last ?? ""
        // systemd makes these in slices. Anywhere else, a workload may have made one to pass for
        // another's.
        let isInSlices = names.dropLast().allSatisfy { $0.hasSuffix(".slice") }
        for (prefix, runtime) in prefixes
        where isInSlices && name.hasPrefix(prefix) && name.hasSuffix(".scope") {
            return runtime
        }
        if name.hasPrefix("lxc.payload.") { return "lxc" }
        if names.count == 2, names[0] == "docker" { return "docker" }
        if names.count > 1, names[0] == "kubepods" || names[0] == "kubepods.slice" {
            return "kubernetes"
        }
        return name.hasSuffix(".service") || name.hasSuffix(".scope") ? "systemd" : "cgroup"
    }

    /// Whether it is what watches over a container for Podman, not a container.
    public static func isMonitor(_ path: String) -> Bool {
        path.split(separator: "/").last?.hasPrefix("libpod-conmon-") ?? false
    }

    /// The id that the container's runtime knows it by, 64 hexadecimal digits.
    public static func containerID(of path: String) -> String? {
        guard var name = path.split(separator: "/").last else { return nil }
        if name.hasSuffix(".scope") { name = name.dropLast(6) }
        for (prefix, _) in prefixes where name.hasPrefix(prefix) {
            name = name.dropFirst(prefix.count)
        }
        let isID = name.utf8.count == 64 && name.utf8.allSatisfy(isHexadecimal)
        return isID ? String(name) : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static let prefixes = [
        ("docker-", "docker"), ("libpod-", "podman"), ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"), ("nerdctl-", "containerd"), ("machine-", "machined"),
    ]
}
