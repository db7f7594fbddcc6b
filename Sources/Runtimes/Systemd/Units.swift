import Units
import Metering

/// Units of systemd: a service or scope is one container, a slice holds containers.
///
/// This runtime is asked last, because a unit that an engine named belongs to the engine.
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

    /// The meaning of a name that systemd of the host gave.
    ///
    /// - Parameter first: the topmost slice that the name is in; `nil` at the top.
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

    /// The meaning of a name that a login's service manager gave.
    ///
    /// The user of the login chooses these names freely.
    private func loginUnit(_ name: Substring, at place: Place) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.loginSlices) }
        if name.hasSuffix(".service") { return .unit }
        guard let stem = name.dropping(suffix: ".scope") else { return nil }
        // Engines of a login put their containers into one of its slices.
        return place == .loginSlices ? engineScope(stem) ?? .unit : .unit
    }

    /// The meaning of a unit-like name below cgroups that systemd did not create.
    private func plainUnit(_ name: Substring) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.plain) }
        return name.hasSuffix(".scope") || name.hasSuffix(".service") ? .unit : nil
    }

    /// Uses the description of a unit as its name (org.freedesktop.systemd1(5)).
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
        // systemd gives a unit without a description its own name as description.
        return description == unit
            ? .unknown
            : .found(ContainerDetails(name: description, image: nil, labels: [:], namespace: nil))
    }
}

/// Services of engines that may keep containers right below themselves.
///
/// This happens if the engine's cgroup driver is not the kubelet's, and with distributions of
/// Kubernetes whose service includes the kubelet.
private let engineServices: Set<Substring> = [
    "containerd.service", "docker.service", "cri-docker.service", "buildkit.service",
    "crio.service", "kubelet.service", "k3s.service", "k3s-agent.service", "rke2-server.service",
    "rke2-agent.service", "k0scontroller.service", "k0sworker.service",
    "snap.microk8s.daemon-containerd.service", "snap.microk8s.daemon-kubelite.service",
]

/// Decodes escapes such as `\x2d` in a part of a unit's name (systemd-escape(1)).
///
/// Escapes of bytes that are not visible ASCII are left as they are. Example: `web\x2d1` is
/// `web-1`.
func unescaped(_ name: Substring) -> String {
    guard name.contains("\\") else { return String(name) }
    let bytes = ByteEscape.hexadecimal.decode(name) { (0x21...0x7E).contains($0) }
    return String(decoding: bytes, as: UTF8.self)
}
