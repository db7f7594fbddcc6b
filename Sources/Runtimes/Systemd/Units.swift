import Metering

/// systemd's own units: a service or a scope is a container, a slice holds them.
///
/// It is asked last: what an engine named is the engine's.
struct Systemd: ContainerRuntime {
    let name = "systemd"

    func step(_ name: Substring, at place: Place) -> Step? {
        switch place {
        case .top: unmadeScope(name) ?? unit(name, first: nil)
        case .slices(let first): unmadeScope(name) ?? unit(name, first: first)
        case .login, .loginSlices: unmadeScope(name) ?? loginUnit(name, at: place)
        case .engine, .folder("machine"): unmadeScope(name)
        case .plain: unmadeScope(name) ?? plainUnit(name)
        case .folder: nil
        }
    }

    /// A unit of the host's systemd.
    ///
    /// - Parameter first: the slice at the top that it lies in, if any.
    private func unit(_ name: Substring, first: Substring?) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.slices(first: first ?? name)) }
        if let stem = name.dropping(suffix: ".scope") { return engineScope(stem) ?? .unit }
        guard let stem = name.dropping(suffix: ".service") else { return nil }
        if stem.hasPrefix("user@") { return .holder(.login, "systemd") }
        if engineServices.contains(name) {
            return Step(role: .engine, runtime: "systemd", next: .engine)
        }
        return .unit
    }

    /// A unit of a login: its user may call it as they like.
    private func loginUnit(_ name: Substring, at place: Place) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.loginSlices) }
        if name.hasSuffix(".service") { return .unit }
        guard let stem = name.dropping(suffix: ".scope") else { return nil }
        // Engines of a login put containers into a slice of it.
        return place == .loginSlices ? engineScope(stem) ?? .unit : .unit
    }

    /// What is called as a unit where systemd made none.
    private func plainUnit(_ name: Substring) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.plain) }
        return name.hasSuffix(".scope") || name.hasSuffix(".service") ? .unit : nil
    }

    /// A unit's description, by systemd's D-Bus interface (org.freedesktop.systemd1(5)).
    func details(of path: String) -> NameFinder.Answer {
        guard let unit = systemdUnit(of: path), ServiceManager.isSystemd else { return .unknown }
        guard let bus = try? SystemdBus(timeoutSeconds: 2) else { return .silent }
        var text: String?
        do throws(SystemdBus.Refusal) {
            text = try bus.text("Description", of: unit, "Unit")
        } catch {
            return .silent
        }
        guard let text else { return .unknown }
        let description = String(text.prefix(256))
        // A unit without a description is described by its name.
        return description == unit
            ? .unknown
            : .found(ContainerDetails(name: description, image: nil, labels: [:], namespace: nil))
    }
}

/// Services of engines that may keep containers below themselves: where the driver of the engine is
/// not the kubelet's, and where the kubelet is part of them.
private let engineServices: Set<Substring> = [
    "containerd.service", "docker.service", "cri-docker.service", "buildkit.service",
    "crio.service", "kubelet.service", "k3s.service", "k3s-agent.service", "rke2-server.service",
    "rke2-agent.service", "k0scontroller.service", "k0sworker.service",
    "snap.microk8s.daemon-containerd.service", "snap.microk8s.daemon-kubelite.service",
]

/// A part of a unit's name with `\x2d` and its like undone (systemd-escape(1)).
func unescaped(_ name: Substring) -> String {
    guard name.contains("\\") else { return String(name) }
    var bytes: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
        let code = rest.prefix(3)
        if byte == UInt8(ascii: "\\"), code.count == 3, code.first == UInt8(ascii: "x"),
            let value = UInt8(String(decoding: code.dropFirst(), as: UTF8.self), radix: 16),
            (0x21...0x7E).contains(value)
        {
            bytes.append(value)
            rest.removeFirst(3)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
