/// What the units of systemd say by their names.
extension Place {
    /// A unit of the host's systemd.
    ///
    /// - Parameter first: the slice at the top that it lies in, if any.
    func unit(_ name: Substring, first: Substring?) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.slices(first: first ?? name)) }
        if let stem = name.dropping(suffix: ".scope") {
            if let found = scope(stem, first: first) { return found }
            return .unit
        }
        guard let stem = name.dropping(suffix: ".service") else { return nil }
        if stem.hasPrefix("user@") { return .holder(.login, "systemd") }
        if let machine = stem.dropping(prefix: "systemd-nspawn@") {
            return .container("nspawn", unescaped(machine))
        }
        if engineServices.contains(name) {
            return Step(role: .engine, runtime: "systemd", next: .engine)
        }
        return .unit
    }

    /// A unit of a login: its user may call it as they like.
    func loginUnit(_ name: Substring) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.loginSlices) }
        if name.hasSuffix(".service") { return .unit }
        guard let stem = name.dropping(suffix: ".scope") else { return nil }
        // Engines of a login put containers into a slice of it.
        guard case .loginSlices = self else { return .unit }
        if let found = engineScope(stem) { return found }
        return .unit
    }

    /// What is called as a unit where systemd made none.
    func plainUnit(_ name: Substring) -> Step? {
        if name.hasSuffix(".slice") { return .holder(.plain) }
        return name.hasSuffix(".scope") || name.hasSuffix(".service") ? .unit : nil
    }

    private func scope(_ stem: Substring, first: Substring?) -> Step? {
        if let found = engineScope(stem) { return found }
        if stem == "slurmstepd" || stem.hasSuffix("_slurmstepd") { return .holder(.slurm, "slurm") }
        if let machine = stem.dropping(prefix: "machine-") {
            let name = unescaped(machine)
            return .container(isOfLibvirt(name) ? "libvirt" : "machined", name)
        }
        switch first ?? "" {
        case "nomad.slice": return .container("nomad", String(stem))
        // Virtual machines of Proxmox.
        case "qemu.slice": return .container("qemu", String(stem))
        case "kubepods.slice": return .container("kubernetes")
        default: return nil
        }
    }

    private func engineScope(_ stem: Substring) -> Step? {
        if stem.hasPrefix("libpod-conmon-") { return .monitor("podman") }
        if stem.hasPrefix("crio-conmon-") { return .monitor("cri-o") }
        guard let (runtime, rest) = engineName(stem) else { return nil }
        return .container(runtime, isEngineID(rest) ? String(rest) : nil)
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

/// Whether libvirt gives such names to machines: `qemu-1-web`, `lxc-1-web`.
private func isOfLibvirt(_ name: String) -> Bool {
    let parts = name.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count == 3 && (parts[0] == "qemu" || parts[0] == "lxc") && !parts[1].isEmpty
        && parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
}

/// A part of a unit's name with `\x2d` and its like undone (systemd-escape(1)).
private func unescaped(_ name: Substring) -> String {
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
