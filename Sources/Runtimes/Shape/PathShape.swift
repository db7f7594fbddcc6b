import CgroupFS

/// What the whole path of a cgroup says about the workload in it.
///
/// It is read from the top down, as far as the host's own managers made the names: systemd, the
/// container engines, LXC, libvirt. Whatever lies inside a container was named by its workload, and
/// says nothing. docs/shapes.md is the table of all shapes, and the test of this type.
public struct PathShape: Hashable, Sendable {
    /// How a cgroup stands to containers.
    public enum Role: String, Sendable {
        /// Containers, or more holders, lie below it.
        case holder
        /// The service of an engine: one container, unless the engine keeps pods below it.
        case engine
        /// One container with all below it.
        case container
        /// It watches over a container for its runtime: an account, but no container.
        case monitor
        /// Made by nobody that is known: what it holds decides.
        case unknown
        /// It lies inside a container.
        case inside
    }

    /// The role of the cgroup at the path.
    public private(set) var role = Role.holder
    /// Who runs it: `docker`, `systemd`; `cgroup` if that is not known.
    public private(set) var runtime = "cgroup"
    /// What its runtime calls it, if the path says so.
    public private(set) var id: String?
    /// Whether a manager of the host named it.
    ///
    /// Where a login or nobody known did, the name may be made up to pass for another's.
    public private(set) var isOfHost = true
    /// The path of the container that it is, or lies inside.
    public private(set) var container: String?

    /// Reads a path under the cgroup2 mount, `/system.slice/web.service`.
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

    /// How the cgroup at a path stands to those below it.
    ///
    /// Inside a container the tree is only walked for a tenant root that lies there: then units
    /// are taken for what they are called, as the operator has said who they belong to.
    public static func nesting(_ path: String) -> Nesting {
        switch PathShape(path).role {
        case .container, .monitor: .one
        case .holder: .many
        case .engine: .oneUnlessKnown
        case .unknown: .byProcesses
        case .inside: nestingByName(path)
        }
    }

    /// Whether the cgroup at a path is one container by its shape, so that it holds nothing of the host.
    public static func isContainer(_ path: String) -> Bool {
        guard let runtime = ContainerRuntimes.named(runtime(of: path)), runtime.isIsolated else {
            return false
        }
        return runtime.isNamedByID ? containerID(of: path) != nil : true
    }

    private static func nestingByName(_ path: String) -> Nesting {
        let name = path.split(separator: "/").last ?? ""
        if name.hasSuffix(".slice") || name.hasPrefix("user@") { return .many }
        return name.hasSuffix(".scope") || name.hasSuffix(".service") ? .one : .byProcesses
    }

    /// Who runs the container at a path.
    ///
    /// A monitor is nobody's container, so it is no runtime's either.
    public static func runtime(of path: String) -> String {
        let shape = PathShape(path)
        return shape.role == .monitor ? "monitor" : shape.runtime
    }

    /// Whether it watches over a container, and is none.
    public static func isMonitor(_ path: String) -> Bool { PathShape(path).role == .monitor }

    /// The id that the host's engines know the container at a path by, 64 hexadecimal digits.
    ///
    /// `nil` for a name that may be made up: an engine would give another's labels for it.
    public static func containerID(of path: String) -> String? {
        let shape = PathShape(path)
        guard shape.role == .container, shape.isOfHost, let id = shape.id else { return nil }
        return isEngineID(id) ? id : nil
    }

    /// Whether the cgroup at a path may be the container that an engine calls `id`; also one below a
    /// parent cgroup of its own, of which the path does not tell the engine.
    public static func mayBe(_ path: String, container id: String) -> Bool {
        let shape = PathShape(path)
        return shape.role == .container && shape.id == id
            && (shape.isOfHost || shape.runtime == "cgroup")
    }
}

/// Whether a name is an id as Docker, Podman and the CRI engines make them.
func isEngineID(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 64
        && name.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
}
