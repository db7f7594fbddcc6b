/// The program that keeps a cgroup's limits, through which they are written.
///
/// A value written past its owner is lost when the owner writes its own again.
public enum LimitOwner: Hashable, Sendable, CustomStringConvertible {
    /// A slice, scope or service of systemd, by its name.
    case systemd(unit: String)
    /// A container of Docker, and its scope if systemd made the cgroup.
    case docker(id: String, unit: String?)
    /// A container of Podman, and its scope if systemd made the cgroup.
    case podman(id: String, unit: String?)
    /// Nobody keeps the limits; they are written to the kernel's files.
    case file

    /// The owner as the record of limits has it: `systemd:tenant-acme.slice`, `docker:ID`, `file`.
    ///
    /// Ids of containers are cut to 12 characters.
    public var description: String {
        switch self {
        case .systemd(let unit): "systemd:\(unit)"
        case .docker(let id, _): "docker:\(id.prefix(12))"
        case .podman(let id, _): "podman:\(id.prefix(12))"
        case .file: "file"
        }
    }

    /// The unit of systemd that has the same limits as properties; `nil` if there is none.
    public var unit: String? {
        switch self {
        case .systemd(let unit): unit
        case .docker(_, let unit), .podman(_, let unit): unit
        case .file: nil
        }
    }

    /// Whether the owner applies limits of its own when a container starts again.
    public var remembers: Bool {
        switch self {
        case .docker, .podman: true
        case .systemd, .file: false
        }
    }

    /// Whether the owner keeps a limit that its interface cannot remove.
    ///
    /// It then applies the old value when a container starts again.
    public func bringsBack(_ key: LimitKey) -> Bool {
        switch self {
        case .podman: key.definition.engine != nil
        case .docker: key == .memoryLow || key == .cpusetCpus
        case .systemd, .file: false
        }
    }

    /// Whether it is a unit of systemd whose limits are read from files at a daemon-reload.
    ///
    /// A scope is not: it is created while the host runs.
    public var isKeptByFile: Bool {
        if case .systemd(let unit) = self { !unit.hasSuffix(".scope") } else { false }
    }

    /// Whether it is a slice of systemd, which cannot be frozen as a whole.
    public var isSlice: Bool {
        if case .systemd(let unit) = self { unit.hasSuffix(".slice") } else { false }
    }
}
