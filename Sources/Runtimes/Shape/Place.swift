/// Where a name of a path stands: it decides what the name means.
enum Place: Hashable {
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
    /// Below a folder of a runtime's own, by a word of the runtime's.
    case folder(String)

    /// Whether units of the host's systemd lie here.
    var holdsUnits: Bool {
        switch self {
        case .top, .slices: true
        case .login, .loginSlices, .engine, .plain, .folder: false
        }
    }

    /// Whether scopes that engines named lie here: below slices, of the host or of a login.
    var holdsScopes: Bool { holdsUnits || self == .loginSlices }

    /// The slice at the top that it lies in, if any.
    var firstSlice: Substring? {
        if case .slices(let first) = self { first } else { nil }
    }
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

    static func container(_ runtime: String, _ id: (some StringProtocol)?) -> Step {
        Step(role: .container, runtime: runtime, id: id.map { String($0) })
    }

    static func container(_ runtime: String) -> Step { Step(role: .container, runtime: runtime) }
    static func monitor(_ runtime: String) -> Step { Step(role: .monitor, runtime: runtime) }
    static let unit = Step(role: .container, runtime: "systemd")
    static let unknown = Step(role: .unknown)
}

extension Place {
    /// What a name means here.
    func step(_ name: Substring) -> Step {
        for runtime in ContainerRuntimes.all {
            if let step = runtime.step(name, at: self) { return step }
        }
        if case .folder = self { return .unknown }
        // Engines with another parent cgroup than usual: which of them it is, nobody says.
        return isEngineID(name) ? .container("cgroup", name) : .unknown
    }
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

/// The scope of an engine's container, by what stands before `.scope`; `nil` for another scope.
func engineScope(_ stem: Substring) -> Step? {
    guard let (runtime, rest) = ContainerRuntimes.ofScope(stem) else { return nil }
    return .container(runtime, isEngineID(rest) ? rest : nil)
}

/// `X.slice:docker:ID`: what systemd should have made of it, for an engine that thinks its driver is
/// systemd's and a runtime that takes the text for a path.
func unmadeScope(_ name: Substring) -> Step? {
    guard name.contains(":") else { return nil }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].hasSuffix(".slice"), !parts[2].isEmpty else { return nil }
    let runtime = ContainerRuntimes.ofScope("\(parts[1])-")?.runtime ?? "cgroup"
    return .container(runtime, isEngineID(parts[2]) ? parts[2] : nil)
}
