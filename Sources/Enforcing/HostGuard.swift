import CgroupFS
import Limits
import Runtimes
import Units

/// Guards against limiting the host itself by mistake.
extension LimitTargets {
    /// Why limiting a cgroup needs --force; `nil` for a tenant's cgroup or an isolated container.
    ///
    /// The text names the cgroups inside, services of the host first.
    func risk(_ cgroup: LimitedCgroup) -> String? {
        // Limits on a slice affect everything below it, so look at the containers inside.
        let leaves = tree.leaves(cgroup.path).map(\.path)
        let managers = leaves.filter(isManager).sorted()
        var why: [String] = []
        if tenant(of: cgroup.path) == nil, !PathShape.isContainer(cgroup.path) {
            why.append("is no tenant's")
        }
        if tree.holdsThisProcess(cgroup.path) { why.append("holds the shell that asks") }
        if !managers.isEmpty { why.append("holds what this host lives on") }
        guard !why.isEmpty else { return nil }
        let own = leaves == [cgroup.path] ? "" : ". Inside are \(named(leaves, first: managers))"
        return "it \(why.joined(separator: " and "))\(own)"
    }

    /// Up to eight names of cgroups, the important ones first, then how many more there are.
    private func named(_ paths: [String], first: [String]) -> String {
        let names = (first + paths.filter { !first.contains($0) }.sorted()).map {
            escapingControlCharacters(String($0.split(separator: "/").last ?? ""))
        }
        let shown = names.prefix(8).joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
    }
}

extension LimitPlan {
    /// Refuses to lower limits of cgroups that need --force.
    func refuseRisk(isForced: Bool, in root: String) throws(Fault) {
        guard !isForced else { return }
        // Only tightening needs --force.
        for write in writes where write.isLowering {
            guard let risk = risks[write.path] else { continue }
            throw Fault(
                .failed, at: root + escapingControlCharacters(write.path), problem: risk,
                suggestion: "Check it with --plan, then add --force if you mean it; octroi tenant "
                    + "assign gives it to a tenant")
        }
    }

    /// Adds the reason why a cgroup needs --force to the notes of its first lowered limit.
    mutating func noteRisks(isForced: Bool) {
        var told: Set<String> = []
        for index in items.indices where items[index].write.isLowering {
            let path = items[index].write.path
            guard let risk = risks[path], told.insert(path).inserted else { continue }
            items[index].notes.insert(isForced ? risk : "it takes --force: \(risk)", at: 0)
        }
    }
}

extension LimitedTree {
    /// Whether this process runs in a cgroup or below it.
    func holdsThisProcess(_ path: String) -> Bool {
        guard isKernel,
            let text = try? CgroupDirectory(path: "/proc/self").text(of: "cgroup")
        else { return false }
        // With a slash at the end, so that `/a.slice` does not match `/a.slice2`.
        let place = "\(base ?? "")\(path)/"
        return text.split(separator: "\n").contains { line in
            line.hasPrefix("0::") && "\(line.dropFirst(3))/".hasPrefix(place)
        }
    }
}

/// Whether the cgroup at a path is a unit of the host that runs, reaches or meters everything else.
///
/// Only units directly in slices count. The same name inside a scope or service belongs to a guest.
private func isManager(_ path: String) -> Bool {
    let names = path.split(separator: "/")
    guard let name = names.last, names.dropLast().allSatisfy({ $0.hasSuffix(".slice") }) else {
        return false
    }
    let vital: Set = [
        "init.scope", "dbus.service", "dbus-broker.service", "ssh.service", "sshd.service",
        "docker.service", "containerd.service", "podman.service", "crio.service",
        "kubelet.service", "octroi.service", "polkit.service",
    ]
    return vital.contains(String(name)) || name.hasPrefix("systemd-")
}
