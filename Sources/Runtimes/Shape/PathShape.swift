import CgroupFS

/// What the path of a cgroup says about the workload in it.
///
/// The path is read from the top down, as long as the names were given by the host's own managers:
/// systemd, container engines, LXC, libvirt. Names inside a container were chosen by its workload
/// and mean nothing.
///
/// Example: `/system.slice/docker-ID.scope` with 64 hexadecimal digits for ID is a container, its
/// runtime is `docker` and its id is ID. docs/shapes.md has a table of all shapes, which the tests
/// read.
public struct PathShape: Hashable, Sendable {
    /// What a cgroup is in relation to containers.
    public enum Role: String, Sendable {
        /// Containers, or further holders, lie below it.
        case holder
        /// The service of an engine: one container, unless the engine puts pods right below it.
        case engine
        /// One container together with everything below it.
        case container
        /// It holds a process that monitors a container for its runtime.
        ///
        /// It has an account, but it is no container.
        case monitor
        /// Created by an unknown program, so its content decides (`Nesting.byProcesses`).
        case unknown
        /// Part of a container above it.
        case inside
    }

    /// The role of the cgroup at the path.
    public private(set) var role = Role.holder
    /// The runtime, such as `docker` or `systemd`; `cgroup` if it is not known.
    public private(set) var runtime = "cgroup"
    /// The id or name that the runtime uses, if it is part of the path.
    public private(set) var id: String?
    /// Whether all names of the path were given by a manager of the host.
    ///
    /// If a login user or an unknown program gave one, the name may imitate another container's.
    public private(set) var isOfHost = true
    /// The path of the container or monitor that this cgroup is, or is inside of.
    public private(set) var container: String?

    /// Analyses a path.
    ///
    /// - Parameter path: relative to the cgroup2 mount, such as `/system.slice/web.service`.
    public init(_ path: String) {
        var place = Place.top
        var walked = ""
        for name in path.split(separator: "/") {
            if container != nil {
                (role, runtime, id) = (.inside, "cgroup", nil)
                return
            }
            switch place {
            case .login, .loginSlices, .plain: isOfHost = false
            default: break
            }
            walked += "/\(name)"
            let step = place.step(name)
            (role, runtime, id, place) = (step.role, step.runtime, step.id, step.next)
            if role == .container || role == .monitor { container = walked }
        }
    }

    /// What a path says about the cgroups below it.
    ///
    /// Below a container the tree is walked only to reach a tenant root there. Units on that way
    /// are then judged by their last name alone, which is safe because the operator named their
    /// tenant.
    public static func nesting(_ path: String) -> Nesting {
        switch PathShape(path).role {
        case .container, .monitor: .one
        case .holder: .many
        case .engine: .oneUnlessKnown
        case .unknown: .byProcesses
        case .inside: nestingByName(path)
        }
    }

    /// Whether the cgroup at a path is a container that is isolated from the host.
    ///
    /// Limits on such a container cannot harm the host itself.
    public static func isContainer(_ path: String) -> Bool {
        guard let runtime = ContainerRuntimes.named(runtime(of: path)), runtime.isIsolated else {
            return false
        }
        return runtime.isNamedByID ? containerID(of: path) != nil : true
    }

    /// Judges a cgroup inside a container by the ending of its name.
    private static func nestingByName(_ path: String) -> Nesting {
        let name = path.split(separator: "/").last ?? ""
        if name.hasSuffix(".slice") || name.hasPrefix("user@") { return .many }
        return name.hasSuffix(".scope") || name.hasSuffix(".service") ? .one : .byProcesses
    }

    /// The runtime of the container at a path; `monitor` if it only monitors a container.
    public static func runtime(of path: String) -> String {
        let shape = PathShape(path)
        return shape.role == .monitor ? "monitor" : shape.runtime
    }

    /// Whether the cgroup at a path only holds a monitor process.
    public static func isMonitor(_ path: String) -> Bool { PathShape(path).role == .monitor }

    /// The id by which the host's engines know the container at a path: 64 hexadecimal digits.
    ///
    /// `nil` if the name may be an imitation, because then an engine would return the labels of
    /// another container.
    public static func containerID(of path: String) -> String? {
        let shape = PathShape(path)
        guard shape.role == .container, shape.isOfHost, let id = shape.id else { return nil }
        return isEngineID(id) ? id : nil
    }

    /// Whether the cgroup at a path may be the container with an engine's id.
    ///
    /// This includes containers below a custom parent cgroup, whose path does not show the engine.
    public static func mayBe(_ path: String, container id: String) -> Bool {
        let shape = PathShape(path)
        return shape.role == .container && shape.id == id
            && (shape.isOfHost || shape.runtime == "cgroup")
    }
}

/// Whether a name is an id of Docker, Podman or a CRI engine: 64 lower-case hexadecimal digits.
func isEngineID(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 64
        && name.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
}
