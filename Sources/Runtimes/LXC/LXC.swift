import Metering

/// LXC, LXD and Incus: `lxc.payload.NAME`, and `lxc.monitor.NAME` for who watches over it.
///
/// Before LXC 4, and on Proxmox, the payloads lie in the folder `/lxc`.
struct LXC: ContainerRuntime {
    let name = "lxc"
    let isIsolated = true

    func step(_ name: Substring, at place: Place) -> Step? {
        switch place {
        case .folder("lxc"): return .container("lxc", name)
        case .folder("lxc.monitor"): return .monitor("lxc")
        case .folder("buildkit"), .folder("kubepods"), .folder("pod"), .folder("podman"),
            .folder("slurm"):
            return nil
        default: break
        }
        if place == .top, name == "lxc" { return .holder(.folder("lxc")) }
        if name == "lxc.payload" { return .container("lxc") }
        if let guest = name.dropping(prefix: "lxc.payload.") { return .container("lxc", guest) }
        if name == "lxc.monitor" || name.hasPrefix("lxc.monitor.") {
            let isFolder = place == .top && name == "lxc.monitor"
            return isFolder ? .holder(.folder("lxc.monitor")) : .monitor("lxc")
        }
        return nil
    }

    /// LXC names a container's cgroup by the container; Proxmox numbers it, and knows a name besides.
    func details(of path: String) -> NameFinder.Answer {
        let answer = Proxmox().details(of: path)
        if answer != .unknown { return answer }
        // A login may give its cgroups any name.
        let shape = PathShape(path)
        guard shape.isOfHost, let id = shape.id else { return .unknown }
        return .found(ContainerDetails(name: id, image: nil, labels: [:], namespace: nil))
    }
}
