/// Who keeps a cgroup's limits, and through whom they are written.
public enum LimitOwner: Hashable, Sendable, CustomStringConvertible {
    /// A slice, scope or service, by its name.
    case systemd(unit: String)
    /// A container of Docker or Podman, and the scope it runs in if systemd made it.
    case docker(id: String, unit: String?)
    case podman(id: String, unit: String?)
    /// Nobody: the kernel's file is all there is.
    case file

    /// `systemd:tenant-acme.slice`, `docker:ID`, `file`.
    public var description: String {
        switch self {
        case .systemd(let unit): "systemd:\(unit)"
        case .docker(let id, _): "docker:\(id.prefix(12))"
        case .podman(let id, _): "podman:\(id.prefix(12))"
        case .file: "file"
        }
    }

    /// The unit whose properties the limits are as well.
    public var unit: String? {
        switch self {
        case .systemd(let unit): unit
        case .docker(_, let unit), .podman(_, let unit): unit
        case .file: nil
        }
    }

    /// Whether it brings back limits of its own when a container starts again.
    public var remembers: Bool {
        switch self {
        case .docker, .podman: true
        case .systemd, .file: false
        }
    }

    /// Whether it keeps a limit that its interface cannot take away, and brings it back when a container
    /// starts again.
    public func bringsBack(_ key: LimitKey) -> Bool {
        switch self {
        case .podman: key.definition.engine != nil
        case .docker: key == .memoryLow || key == .cpusetCpus
        case .systemd, .file: false
        }
    }

    /// Whether it is a unit of systemd whose limits are read from files at a daemon-reload.
    public var isKeptByFile: Bool {
        if case .systemd(let unit) = self { !unit.hasSuffix(".scope") } else { false }
    }

    /// Whether it groups units and is none that can be frozen.
    public var isSlice: Bool {
        if case .systemd(let unit) = self { unit.hasSuffix(".slice") } else { false }
    }
}
