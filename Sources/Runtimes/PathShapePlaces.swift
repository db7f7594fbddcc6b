/// Where a name of a path stands: it decides what the name means.
enum Place {
    /// Right below the root.
    case top
    /// Below slices of the host's systemd only, the first of which is named.
    case slices(first: Substring)
    /// Right below the service manager of a login.
    case login
    /// Below slices of a login.
    case loginSlices
    /// Below the service of an engine.
    case engine
    /// Below cgroups that nobody known made.
    case plain
    /// Below `kubepods` of the kubelet's cgroupfs driver, and below a pod in there.
    case kubepods, pod
    /// Right below a directory whose name tells its owner.
    case docker, buildkit, podman, lxc, lxcMonitors, machine, slurm
}

/// What one more name of a path says.
struct Step {
    var role: PathShape.Role
    var runtime = "cgroup"
    var id: String?
    var next = Place.plain

    static func holder(_ next: Place, _ runtime: String = "cgroup") -> Step {
        Step(role: .holder, runtime: runtime, next: next)
    }

    static func container(_ runtime: String, _ id: String? = nil) -> Step {
        Step(role: .container, runtime: runtime, id: id)
    }

    static func monitor(_ runtime: String) -> Step { Step(role: .monitor, runtime: runtime) }
    static let unit = Step(role: .container, runtime: "systemd")
    static let unknown = Step(role: .unknown)
}

extension Place {
    /// What a name means here.
    func step(_ name: Substring) -> Step {
        switch self {
        case .top:
            anywhere(name) ?? topFolder(name) ?? unit(name, first: nil) ?? plainName(name)
        case .slices(let first): anywhere(name) ?? unit(name, first: first) ?? plainName(name)
        case .login, .loginSlices: anywhere(name) ?? loginUnit(name) ?? plainName(name)
        case .engine: anywhere(name) ?? engineFolder(name) ?? plainName(name)
        case .plain: anywhere(name) ?? plainUnit(name) ?? plainName(name)
        case .kubepods, .pod: podName(name)
        case .docker: dockerName(name)
        case .buildkit: .container("buildkit", String(name))
        case .podman: podmanName(name)
        case .lxc: .container("lxc", String(name))
        case .lxcMonitors: .monitor("lxc")
        case .machine: machineName(name)
        case .slurm: slurmName(name)
        }
    }

    /// Names that mean the same wherever root made them.
    private func anywhere(_ name: Substring) -> Step? {
        if name == "lxc.payload" { return .container("lxc") }
        if let guest = name.dropping(prefix: "lxc.payload.") {
            return .container("lxc", String(guest))
        }
        if name == "lxc.monitor" || name.hasPrefix("lxc.monitor.") {
            if case .top = self, name == "lxc.monitor" { return .holder(.lxcMonitors) }
            return .monitor("lxc")
        }
        for suffix in [".libvirt-qemu", ".libvirt-lxc"] where name.hasSuffix(suffix) {
            return .container("libvirt", String(name.dropLast(suffix.count)))
        }
        // What systemd should have made of it, for an engine that thinks its driver is systemd's and
        // a runtime that takes the text for a path.
        guard name.contains(":") else { return nil }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasSuffix(".slice"), !parts[2].isEmpty else { return nil }
        let runtime = engines["\(parts[1])-"] ?? "cgroup"
        return .container(runtime, isEngineID(parts[2]) ? String(parts[2]) : nil)
    }

    private func topFolder(_ name: Substring) -> Step? {
        switch name {
        case "docker": .holder(.docker)
        case "buildkit": .holder(.buildkit)
        case "libpod_parent": .holder(.podman)
        case "lxc": .holder(.lxc)
        case "machine": .holder(.machine)
        case "kubepods": .holder(.kubepods, "kubernetes")
        default: nil
        }
    }

    private func engineFolder(_ name: Substring) -> Step? {
        switch name {
        case "kubepods": .holder(.kubepods, "kubernetes")
        case "kubepods.slice": .holder(.slices(first: name))
        default: nil
        }
    }

    private func dockerName(_ name: Substring) -> Step {
        if name == "buildkit" { return .holder(.buildkit) }
        if isEngineID(name) { return .container("docker", String(name)) }
        return anywhere(name) ?? .unknown
    }

    private func machineName(_ name: Substring) -> Step {
        if name.hasSuffix(".partition") { return .holder(.machine) }
        return anywhere(name) ?? .unknown
    }

    private func plainName(_ name: Substring) -> Step {
        switch self {
        case .plain where name == "kubepods": return .holder(.kubepods, "kubernetes")
        case .slices where name == "libpod_parent": return .holder(.podman)
        case .loginSlices where name == "libpod_parent": return .holder(.podman)
        default: break
        }
        // Engines with another parent cgroup than usual: which of them it is, nobody says.
        return isEngineID(name) ? .container("cgroup", String(name)) : .unknown
    }

    private func podName(_ name: Substring) -> Step {
        if name.hasPrefix("crio-conmon-") { return .monitor("cri-o") }
        if let (runtime, rest) = engineName(name), isEngineID(rest) {
            return .container(runtime, String(rest))
        }
        if isEngineID(name) { return .container("kubernetes", String(name)) }
        if case .kubepods = self {
            if name.hasPrefix("pod") { return .holder(.pod, "kubernetes") }
            if name == "burstable" || name == "besteffort" {
                return .holder(.kubepods, "kubernetes")
            }
        }
        return Step(role: .unknown, runtime: "kubernetes")
    }

    private func podmanName(_ name: Substring) -> Step {
        if name == "conmon" || name.hasPrefix("libpod-conmon-") { return .monitor("podman") }
        if let id = name.dropping(prefix: "libpod-"), isEngineID(id) {
            return .container("podman", String(id))
        }
        return isEngineID(name) ? .holder(.podman) : .unknown
    }

    private func slurmName(_ name: Substring) -> Step {
        if let job = name.dropping(prefix: "job_") { return .container("slurm", String(job)) }
        // The process that keeps the scope alive.
        return name == "system" ? .monitor("slurm") : .unknown
    }
}

/// Prefixes of the names that engines give to scopes, and who they are.
let engines = [
    "docker-": "docker", "libpod-": "podman", "cri-containerd-": "containerd", "crio-": "cri-o",
    "nerdctl-": "containerd",
]

/// The engine that a name begins with, and what comes after.
func engineName(_ name: Substring) -> (runtime: String, rest: Substring)? {
    for (prefix, runtime) in engines {
        if let rest = name.dropping(prefix: prefix) { return (runtime, rest) }
    }
    return nil
}

extension Substring {
    /// What comes after a prefix; `nil` without it.
    func dropping(prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }

    /// What stands before a suffix; `nil` without it.
    func dropping(suffix: String) -> Substring? {
        hasSuffix(suffix) ? dropLast(suffix.count) : nil
    }
}
