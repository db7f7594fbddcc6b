import Metering

/// Containers of systemd-nspawn that run as a service: `systemd-nspawn@NAME.service`.
struct Nspawn: ContainerRuntime {
    let name = "nspawn"
    let isIsolated = true

    func step(_ name: Substring, at place: Place) -> Step? {
        guard place.holdsUnits, let stem = name.dropping(suffix: ".service"),
            let machine = stem.dropping(prefix: "systemd-nspawn@")
        else { return nil }
        return .container("nspawn", unescaped(machine))
    }

    func details(of path: String) -> NameFinder.Answer { machineName(of: path) }
}

/// Machines registered with systemd-machined: `machine-NAME.scope`.
///
/// These include containers started with `systemd-nspawn` on the command line.
struct Machined: ContainerRuntime {
    let name = "machined"
    let isIsolated = true

    func step(_ name: Substring, at place: Place) -> Step? {
        guard place.holdsUnits, let machine = machine(ofScope: name) else { return nil }
        return .container("machined", machine)
    }

    func details(of path: String) -> NameFinder.Answer { machineName(of: path) }
}

/// The name of the machine that a scope belongs to; `nil` for other scopes.
///
/// Example: `machine-web\x2d1.scope` gives `web-1`.
func machine(ofScope name: Substring) -> String? {
    name.dropping(suffix: ".scope")?.dropping(prefix: "machine-").map(unescaped)
}

/// The machine's name, which is part of its unit's name, so nothing needs to be asked.
private func machineName(of path: String) -> NameFinder.Answer {
    guard let id = PathShape(path).id else { return .unknown }
    return .found(ContainerDetails(name: id, image: nil, labels: [:], namespace: nil))
}
