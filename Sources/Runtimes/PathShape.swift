/// What a cgroup's name says about the workload in it.
public enum PathShape {
    /// Whether a cgroup of this name is one container together with all below it.
    ///
    /// A scope or a service of systemd is (`docker-….scope`, `web.service`), and so is an LXC
    /// payload; what they nest is their own matter. `user@….service` is not: it holds the
    /// services of a whole login.
    public static func isWholeContainer(_ name: String) -> Bool {
        if name.hasSuffix(".scope") { return true }
        if name.hasSuffix(".service") { return !name.hasPrefix("user@") }
        return name.hasPrefix("lxc.payload.")
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
