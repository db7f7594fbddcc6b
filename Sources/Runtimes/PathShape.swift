import CgroupFS

/// What a cgroup's name says about the workload in it.
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
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        for (prefix, runtime) in prefixes where name.hasPrefix(prefix) && name.hasSuffix(".scope") {
            return runtime
        }
        if name.hasPrefix("lxc.payload.") { return "lxc" }
        if path.hasPrefix("/docker/") { return "docker" }
        return name.hasSuffix(".service") || name.hasSuffix(".scope") ? "systemd" : "cgroup"
    }

    private static let prefixes = [
        ("docker-", "docker"), ("libpod-", "podman"), ("cri-containerd-", "containerd"),
        ("crio-", "cri-o"), ("nerdctl-", "containerd"), ("machine-", "machined"),
    ]
}
