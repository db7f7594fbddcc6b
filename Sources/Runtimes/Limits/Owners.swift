import Host
import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Units

/// Finds out who owns a cgroup's limits, and changes them through the owner.
///
/// An owner is systemd, Docker or Podman. Limits that are written past it would be overwritten when
/// the owner applies its own values again. This object holds a connection to systemd, so it must
/// stay on one thread.
public final class Owners {
    private let sockets: RuntimeSockets
    /// Connects to systemd; gives `nil` where systemd does not run.
    private let connect: () throws(Fault) -> SystemdBus?
    private var bus: SystemdBus?
    /// Where the root of the tree lies below the host's cgroup2 mount, such as `/tenant.slice`.
    private let base: String
    /// The version of systemd, once it was asked for.
    private var knownVersion: Int?
    /// Keeps temporary limits over a daemon-reload; `nil` where systemd does not run.
    let passing: PassingLimits?

    /// Sets up the owners of a tree; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - isHost: whether the tree is the host's cgroup2 tree or a part of it. In any other tree
    ///     no cgroup has an owner.
    ///   - base: where the tree's root lies below the host's cgroup2 mount; empty for the mount
    ///     itself.
    ///   - address: another bus than the system bus, for tests.
    ///   - units: the folder for drop-ins that a reboot removes; by default that of the system's
    ///     systemd.
    ///   - sockets: where Docker and Podman listen.
    public init(
        isHost: Bool, below base: String = "", address: String? = nil, units: String? = nil,
        sockets: RuntimeSockets = RuntimeSockets()
    ) {
        self.base = base
        self.sockets = isHost ? sockets : RuntimeSockets(docker: [], podman: [])
        let hasSystemd = isHost && (address != nil || ServiceManager.isSystemd)
        let folder = units ?? (address == nil ? "/run/systemd/system" : nil)
        passing = hasSystemd ? folder.map(PassingLimits.init(folder:)) : nil
        connect = { () throws(Fault) in hasSystemd ? try SystemdBus(address: address) : nil }
    }

    /// The connection to systemd; `nil` if systemd does not run this host.
    ///
    /// - Throws: `unavailable` if systemd runs but its bus cannot be reached.
    func systemd() throws(Fault) -> SystemdBus? {
        if bus == nil { bus = try connect() }
        return bus
    }

    /// Calls systemd, and a second time over a new connection if the old one is lost.
    private func ask<Answer>(
        _ bus: SystemdBus, _ question: (SystemdBus) throws(SystemdBus.Refusal) -> Answer
    ) throws(SystemdBus.Refusal) -> Answer {
        do throws(SystemdBus.Refusal) {
            return try question(bus)
        } catch {
            guard error.isDisconnected else { throw error }
            self.bus = nil
            guard let again = try? systemd() else { throw error }
            return try question(again)
        }
    }

    /// The version of systemd, such as 252; `nil` if it is not known.
    var version: Int? {
        if knownVersion == nil, let text = (try? systemd())?.version {
            knownVersion = Int(text.drop { !$0.isNumber }.prefix { $0.isNumber })
        }
        return knownVersion
    }

    /// Whether systemd has FreezeUnit and ThawUnit (since 246).
    public var canFreeze: Bool { version ?? .max >= 246 }

    /// When systemd last read its units, in µs of the monotonic clock; `nil` if it is not known.
    public var unitsLoaded: UInt64? {
        guard let bus = try? systemd() else { return nil }
        let loaded = try? ask(bus) { bus throws(SystemdBus.Refusal) in try bus.unitsLoaded() }
        return loaded ?? nil
    }

    /// Whether a unit is loaded now.
    func hasUnit(_ unit: String) -> Bool {
        guard let bus = try? systemd() else { return false }
        let found = try? ask(bus) { bus throws(SystemdBus.Refusal) in
            try bus.call("GetUnit") { $0.add(unit) }
        }
        return found != nil
    }

    /// The owner of the limits of a cgroup.
    ///
    /// - Parameter path: below the tree's root.
    /// - Throws: `unavailable` if systemd does not answer. Then nothing may be written past it.
    public func owner(of path: String) throws(Fault) -> LimitOwner {
        let unit = try unit(of: path)
        if let id = PathShape.containerID(of: path) {
            switch PathShape.runtime(of: path) {
            case "docker" where sockets.docker != nil: return .docker(id: id, unit: unit)
            case "podman" where sockets.podman != nil: return .podman(id: id, unit: unit)
            default: break
            }
        }
        return unit.map { .systemd(unit: $0) } ?? .file
    }

    /// The unit whose own cgroup this is; `nil` if it is no unit's, or lies inside a unit's cgroup.
    private func unit(of path: String) throws(Fault) -> String? {
        guard let bus = try systemd() else { return nil }
        do throws(SystemdBus.Refusal) {
            let path = base + path
            return try ask(bus) { bus throws(SystemdBus.Refusal) in
                let object = try bus.call("GetUnitByControlGroup") { $0.add(path) }.text("o")
                guard let object, let unit = SystemdBus.unit(of: object) else { return nil }
                let own = try bus.text("ControlGroup", of: unit, interface(of: unit))
                return own == path ? unit : nil
            }
        } catch {
            if error.isUnknownUnit { return nil }
            throw Fault(
                .unavailable, at: path,
                problem: "systemd does not say which unit it belongs to (\(error.message))",
                suggestion: "Try again; systemctl status shows the state of systemd")
        }
    }

    /// Sets properties of a unit, either all of them or none.
    ///
    /// - Parameter lasting: whether the values survive a reboot. Those of a transient unit never
    ///   do.
    /// - Returns: the settings that systemd cannot express.
    /// - Throws: `notPermitted`, `unavailable` or `failed` if systemd does not do it.
    public func set(
        _ settings: [LimitSetting], of unit: String, lasting: Bool
    ) throws(Fault) -> [LimitSetting] {
        var properties: [SystemdProperty] = []
        var left: [LimitSetting] = []
        for setting in settings {
            let own = systemdProperties(for: setting, version: version) {
                // For a stacked device systemd would set the limit on one of the devices below.
                BlockDevices.isStacked($0) ? nil : BlockDevices.node($0)
            }
            if let own { properties += own } else { left.append(setting) }
        }
        guard !properties.isEmpty else { return left }
        try call(unit, "SetUnitProperties") {
            $0.add(unit)
            $0.add(!lasting)
            $0.array(of: "(sv)") { for property in properties { property.add(to: &$0) } }
        }
        return left
    }

    /// Freezes or thaws a scope or service.
    public func freeze(_ isFrozen: Bool, _ unit: String) throws(Fault) {
        try call(unit, isFrozen ? "FreezeUnit" : "ThawUnit") { $0.add(unit) }
    }

    /// Calls a method of systemd's manager for a unit.
    ///
    /// - Parameters:
    ///   - unit: the unit that error messages name.
    ///   - method: the method's name; `fill` appends its arguments.
    /// - Throws: `notPermitted` if this user lacks the permission, `unavailable` if systemd or the
    ///   unit does not exist, `failed` otherwise. After a timeout the change may still take effect.
    @discardableResult
    func call(
        _ unit: String, _ method: String, _ fill: (inout BusMessage) -> Void
    ) throws(Fault) -> BusReply {
        guard let bus = try systemd() else {
            throw Fault(
                .unavailable, at: unit, problem: "systemd does not run this host",
                suggestion: "Run Octroi where the unit runs")
        }
        do throws(SystemdBus.Refusal) {
            return try ask(bus) { bus throws(SystemdBus.Refusal) in try bus.call(method, fill) }
        } catch {
            if error.isForbidden {
                let mayBeAllowed = method == "SetUnitProperties" && unit.hasPrefix("tenant-")
                throw Fault(
                    .notPermitted, at: "\(unit), \(method)",
                    problem: "systemd refuses this user (\(error.message))",
                    suggestion: mayBeAllowed
                        ? "Run it as root, or install config/50-octroi.rules as a rule of polkit "
                            + "and join the group octroi"
                        : "Run it as root: config/50-octroi.rules allows only limits of tenants' "
                            + "slices")
            }
            throw Fault(
                error.isUnknownUnit ? .unavailable : .failed, at: "\(unit), \(method)",
                problem: error.isTimeout
                    ? "no answer from systemd: it may still do it"
                    : "systemd refused "
                        + "(\(escapingControlCharacters(error.message)))",
                suggestion: "systemctl status \(unit) and the journal say more")
        }
    }

    /// Sets the limits of a container of Docker or Podman through its engine.
    ///
    /// - Parameter swap: the container's `memory.swap.max`. Docker stores the sum of memory and
    ///   swap.
    /// - Returns: the settings that the engine cannot express; all of them for other owners.
    public func update(
        _ settings: [LimitSetting], of owner: LimitOwner, swap: Limit?
    ) throws(Fault) -> [LimitSetting] {
        switch owner {
        case .docker(let id, _):
            guard let socket = sockets.docker else { return settings }
            return try ContainerEngine(kind: .docker, socket: socket)
                .update(settings, of: id, swap: swap)
        case .podman(let id, _):
            guard let socket = sockets.podman else { return settings }
            return try ContainerEngine(kind: .podman, socket: socket)
                .update(settings, of: id, swap: swap)
        case .systemd, .file: return settings
        }
    }

    /// Finds a container of an engine by its name or id.
    ///
    /// - Returns: its id, and its name in the form `docker/web`; `nil` if no engine knows it.
    public func container(_ word: String) -> (id: String, name: String)? {
        // The word becomes part of a request's path.
        guard isEngineName(word) else { return nil }
        for (kind, socket) in [
            (ContainerEngine.Kind.docker, sockets.docker), (.podman, sockets.podman),
        ] {
            guard let socket,
                let found = ContainerEngine(kind: kind, socket: socket).identity(word)
            else { continue }
            return (found.id, "\(kind.rawValue.lowercased())/\(found.name)")
        }
        return nil
    }

    /// Whether an engine reports the container as paused.
    public func isPaused(_ owner: LimitOwner) -> Bool {
        switch owner {
        case .docker(let id, _):
            sockets.docker.map { ContainerEngine(kind: .docker, socket: $0).isPaused(id) } ?? false
        case .podman(let id, _):
            sockets.podman.map { ContainerEngine(kind: .podman, socket: $0).isPaused(id) } ?? false
        case .systemd, .file: false
        }
    }

    /// Pauses or resumes a container through its engine.
    ///
    /// - Returns: false if no engine owns the container.
    public func pause(_ isPaused: Bool, _ owner: LimitOwner) throws(Fault) -> Bool {
        switch owner {
        case .docker(let id, _):
            guard let socket = sockets.docker else { return false }
            try ContainerEngine(kind: .docker, socket: socket).pause(isPaused, id)
        case .podman(let id, _):
            guard let socket = sockets.podman else { return false }
            try ContainerEngine(kind: .podman, socket: socket).pause(isPaused, id)
        case .systemd, .file: return false
        }
        return true
    }
}

/// Whether a text can be the name or id of an engine's container.
///
/// Any other text might change the meaning of a request or a record that contains it.
public func isEngineName(_ name: String) -> Bool {
    func isWord(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    guard let first = name.utf8.first, isWord(first), name.utf8.count < 256 else { return false }
    return name.utf8.allSatisfy { isWord($0) || "_.-".utf8.contains($0) }
}

/// The D-Bus interface that has the resource properties of a unit, by the unit's ending.
private func interface(of unit: String) -> String {
    switch unit.split(separator: ".").last {
    case "slice": "Slice"
    case "scope": "Scope"
    case "mount": "Mount"
    case "socket": "Socket"
    case "swap": "Swap"
    default: "Service"
    }
}

/// Where the container engines of this host listen.
public struct RuntimeSockets: Sendable {
    private let dockers: [String]
    private let podmans: [String]

    /// Sockets to try, in this order.
    public init(
        docker: [String] = ["/run/docker.sock", "/var/run/docker.sock"],
        podman: [String] = ["/run/podman/podman.sock"]
    ) {
        (dockers, podmans) = (docker, podman)
    }

    /// Docker's socket; `nil` if none of the paths exists now.
    public var docker: String? { dockers.first { access($0, F_OK) == 0 } }
    /// Podman's socket; `nil` if none of the paths exists now.
    public var podman: String? { podmans.first { access($0, F_OK) == 0 } }
}

extension Owners {
    /// The value that the owner itself stores for a limit.
    ///
    /// It can differ from the kernel's value if somebody wrote to the cgroup file. `nil` if the
    /// owner stores none or does not answer. Podman does not tell, so the properties of its scope
    /// are read.
    public func kept(_ key: LimitKey, by owner: LimitOwner) -> LimitValue? {
        switch owner {
        case .systemd(let unit): return property(key, of: unit)
        case .docker(let id, let unit):
            let engine = sockets.docker.map { ContainerEngine(kind: .docker, socket: $0) }
            return engine?.kept(key, of: id) ?? unit.flatMap { property(key, of: $0) }
        case .podman(_, let unit): return unit.flatMap { property(key, of: $0) }
        case .file: return nil
        }
    }

    /// The value of a limit in the properties of a unit; `nil` if systemd does not answer.
    private func property(_ key: LimitKey, of unit: String) -> LimitValue? {
        guard let bus = try? systemd() else { return nil }
        let place = interface(of: unit)
        func number(_ name: String) -> Limit? {
            bus.number(name, of: unit, place).map {
                $0 == SystemdProperty.infinity ? .max : .at(Int64(clamping: $0))
            }
        }
        switch key.definition.systemd {
        case .cpuQuota:
            guard let share = number("CPUQuotaPerSecUSec") else { return nil }
            guard case .at(let perSecond) = share else { return .cpu(CPUMax(quota: .max)) }
            var period: Int64 = 100_000
            if case .at(let own)? = number("CPUQuotaPeriodUSec") { period = own }
            let quota = Int128(perSecond) * Int128(period) / 1_000_000
            return .cpu(CPUMax(quota: .at(Int64(clamping: quota)), period: period))
        case .weight(let name):
            guard case .at(let weight)? = number(name) else { return key.initial }
            return .weight(weight)
        case .bytes(let name, _): return number(name).map(LimitValue.number)
        case .cpus(let name):
            return bus.bytes(name, of: unit, place).map { .cpus(cpuList(bits: $0)) }
        case .devices, nil: return nil
        }
    }
}
