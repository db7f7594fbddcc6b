/// Machines of libvirt: `machine-qemu\x2d1\x2dweb.scope`, or `/machine/web.libvirt-qemu`.
struct Libvirt: ContainerRuntime {
    let name = "libvirt"

    func step(_ name: Substring, at place: Place) -> Step? {
        switch place {
        case .folder("buildkit"), .folder("kubepods"), .folder("pod"), .folder("podman"),
            .folder("slurm"), .folder("lxc"), .folder("lxc.monitor"):
            return nil
        default: break
        }
        for suffix in [".libvirt-qemu", ".libvirt-lxc"] {
            if let machine = name.dropping(suffix: suffix) { return .container("libvirt", machine) }
        }
        if place == .top, name == "machine" { return .holder(.folder("machine")) }
        if place == .folder("machine"), name.hasSuffix(".partition") {
            return .holder(.folder("machine"))
        }
        guard place.holdsUnits, let machine = machine(ofScope: name), isOfLibvirt(machine) else {
            return nil
        }
        return .container("libvirt", machine)
    }

    /// Whether a machine's name has libvirt's form, such as `qemu-1-web` or `lxc-1-web`.
    private func isOfLibvirt(_ name: String) -> Bool {
        let parts = name.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 && (parts[0] == "qemu" || parts[0] == "lxc") && !parts[1].isEmpty
            && parts[1].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
