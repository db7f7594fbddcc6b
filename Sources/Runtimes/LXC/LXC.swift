import Metering

/// LXC, LXD and Incus: containers are `lxc.payload.NAME`, their monitors `lxc.monitor.NAME`.
///
/// Before LXC 4, and on Proxmox VE, the containers lie in the folder `/lxc`.
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

    /// The name of the container.
    ///
    /// LXC uses the container's name as the cgroup's name. On Proxmox VE that is a number, and the
    /// name is in a configuration file.
    func details(of path: String) -> NameFinder.Answer {
        let answer = Proxmox().details(of: path)
        if answer != .unknown { return answer }
        // The user of a login can give cgroups any name, so only names made by the host count.
        let shape = PathShape(path)
        guard shape.isOfHost, let id = shape.id else { return .unknown }
        return .found(ContainerDetails(name: id, image: nil, labels: [:], namespace: nil))
    }
}
