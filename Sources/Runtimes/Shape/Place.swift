/// Where in the tree a name stands, which decides what the name means.
enum Place: Hashable {
    /// Right below the root.
    case top
    /// Below slices of the host's systemd; `first` is the topmost one.
    case slices(first: Substring)
    /// Right below the service manager of a login, `user@UID.service`.
    case login
    /// Below slices of a login's service manager.
    case loginSlices
    /// Right below the service of a container engine.
    case engine
    /// Below cgroups that an unknown program created.
    case plain
    /// Below a folder of a runtime, named by a word of that runtime such as `kubepods`.
    case folder(String)

    /// Whether systemd of the host puts its units here.
    var holdsUnits: Bool {
        switch self {
        case .top, .slices: true
        case .login, .loginSlices, .engine, .plain, .folder: false
        }
    }

    /// Whether engines put scopes here that they named: below slices of the host or of a login.
    var holdsScopes: Bool { holdsUnits || self == .loginSlices }

    /// The topmost slice that this place is in, if any.
    var firstSlice: Substring? {
        if case .slices(let first) = self { first } else { nil }
    }
}

/// What one name of a path means at its place.
struct Step {
    var role: PathShape.Role
    /// The runtime, or `cgroup` if it is not known.
    var runtime = "cgroup"
    /// What the runtime calls it, if the name says so.
    var id: String?
    /// The place of the names right below it.
    var next = Place.plain

    /// A cgroup that holds containers.
    static func holder(_ next: Place, _ runtime: String = "cgroup") -> Step {
        Step(role: .holder, runtime: runtime, next: next)
    }

    /// A container whose name contains its id.
    static func container(_ runtime: String, _ id: (some StringProtocol)?) -> Step {
        Step(role: .container, runtime: runtime, id: id.map { String($0) })
    }

    /// A container whose name does not contain an id.
    static func container(_ runtime: String) -> Step { Step(role: .container, runtime: runtime) }
    /// A cgroup with a process that monitors a container.
    static func monitor(_ runtime: String) -> Step { Step(role: .monitor, runtime: runtime) }
    /// A systemd service or scope that no other runtime claims.
    static let unit = Step(role: .container, runtime: "systemd")
    /// A cgroup of an unknown program.
    static let unknown = Step(role: .unknown)
}

extension Place {
    /// The meaning of a name at this place; the first runtime that knows the name decides.
    func step(_ name: Substring) -> Step {
        for runtime in ContainerRuntimes.all {
            if let step = runtime.step(name, at: self) { return step }
        }
        if case .folder = self { return .unknown }
        // 64 hexadecimal digits at an unusual place: an engine with a custom parent cgroup. Which
        // engine it is, the path does not show.
        return isEngineID(name) ? .container("cgroup", name) : .unknown
    }
}

extension Substring {
    /// What follows a prefix; `nil` if the text does not begin with it.
    func dropping(prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }

    /// What precedes a suffix; `nil` if the text does not end with it.
    func dropping(suffix: String) -> Substring? {
        hasSuffix(suffix) ? dropLast(suffix.count) : nil
    }
}

/// Recognizes the scope of an engine's container; `nil` for other scopes.
///
/// - Parameter stem: the scope's name without `.scope`, such as `docker-ID`.
func engineScope(_ stem: Substring) -> Step? {
    guard let (runtime, rest) = ContainerRuntimes.ofScope(stem) else { return nil }
    return .container(runtime, isEngineID(rest) ? rest : nil)
}

/// Recognizes a cgroup that is literally named `X.slice:docker:ID`.
///
/// This text is an instruction to systemd to create a scope. It becomes a name if the engine is set
/// to the systemd driver but the OCI runtime uses cgroupfs and takes the text for a path.
func unmadeScope(_ name: Substring) -> Step? {
    guard name.contains(":") else { return nil }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].hasSuffix(".slice"), !parts[2].isEmpty else { return nil }
    let runtime = ContainerRuntimes.ofScope("\(parts[1])-")?.runtime ?? "cgroup"
    return .container(runtime, isEngineID(parts[2]) ? parts[2] : nil)
}
