import Metering

/// systemd-nspawn as a service: `systemd-nspawn@NAME.service`.
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

/// Machines that systemd-machined knows, also those of `systemd-nspawn` at a command line:
/// `machine-NAME.scope`.
struct Machined: ContainerRuntime {
    let name = "machined"
    let isIsolated = true

    func step(_ name: Substring, at place: Place) -> Step? {
        guard place.holdsUnits, let machine = machine(ofScope: name) else { return nil }
        return .container("machined", machine)
    }

    func details(of path: String) -> NameFinder.Answer { machineName(of: path) }
}

/// The machine of a scope's name, with its escapes undone; `nil` for another scope.
func machine(ofScope name: Substring) -> String? {
    name.dropping(suffix: ".scope")?.dropping(prefix: "machine-").map(unescaped)
}

/// The machine's name is part of its unit's: nobody has to be asked.
private func machineName(of path: String) -> NameFinder.Answer {
    guard let id = PathShape(path).id else { return .unknown }
    return .found(ContainerDetails(name: id, image: nil, labels: [:], namespace: nil))
}
