import CgroupFS
import Limits
import Runtimes
import Units

/// What nobody should limit by mistake: what is no tenant's, and what the host or this command runs in.
extension LimitTargets {
    /// Why limiting a cgroup has to be meant, naming what is inside; `nil` for a tenant's or a container.
    func risk(_ cgroup: LimitedCgroup) -> String? {
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

    /// The names of cgroups, the most important first; of many only some.
    private func named(_ paths: [String], first: [String]) -> String {
        let names = (first + paths.filter { !first.contains($0) }.sorted()).map {
            escapingControlCharacters(String($0.split(separator: "/").last ?? ""))
        }
        let shown = names.prefix(8).joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
    }
}

extension LimitPlan {
    /// Refuses to tighten what was perhaps not meant.
    func refuseRisk(isForced: Bool, in root: String) throws(Fault) {
        guard !isForced else { return }
        for write in writes where write.isLowering {
            guard let risk = risks[write.path] else { continue }
            throw Fault(
                .failed, at: root + escapingControlCharacters(write.path), problem: risk,
                suggestion: "Check it with --plan, then add --force if you mean it; octroi tenant "
                    + "assign gives it to a tenant")
        }
    }

    /// Adds to what is said of each cgroup's first tightening why it has to be meant.
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
        let place = "\(base ?? "")\(path)/"
        return text.split(separator: "\n").contains { line in
            line.hasPrefix("0::") && "\(line.dropFirst(3))/".hasPrefix(place)
        }
    }
}

/// Whether the cgroup at a path is a unit of the host itself that runs, reaches or meters all others.
///
/// Below a scope or a service the same name is a guest's own.
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
