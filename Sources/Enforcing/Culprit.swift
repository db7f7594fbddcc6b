import Limits
import Runtimes
import Units

extension LimitedTree {
    /// Who may have changed a limit, as far as it can be known.
    func culprit(_ key: LimitKey, _ value: LimitValue, _ cgroup: LimitedCgroup) -> String {
        guard let owner = try? owners.owner(of: cgroup.path) else { return "nobody knows who" }
        if let kept = owners.kept(key, by: owner), kept.isSame(as: value, for: key) {
            switch owner {
            case .systemd(let unit):
                return
                    "systemd keeps this value for \(unit) (systemctl set-property or daemon-reload)"
            case .docker: return "Docker keeps this value (docker update)"
            case .podman: return "Podman keeps this value (podman update)"
            case .file: break
            }
        }
        return owner == .file
            ? "somebody wrote the kernel's file"
            : "somebody wrote the kernel's file, past \(owner)"
    }
}
