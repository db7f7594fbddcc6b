import Limits
import Runtimes

/// Who may have changed a limit, as far as it can be known.
struct Culprit: CustomStringConvertible {
    var description: String
    /// Whether the owner itself keeps the value that was found.
    var isKept = false
}

extension LimitedTree {
    /// Who may have changed a limit to a value.
    ///
    /// - Parameter hasReloaded: whether systemd has read its units anew meanwhile.
    func driftSource(
        _ key: LimitKey, _ value: LimitValue, _ cgroup: LimitedCgroup, hasReloaded: Bool
    ) -> Culprit {
        guard let owner = try? owners.owner(of: cgroup.path) else {
            return Culprit(description: "nobody knows who")
        }
        if let kept = owners.kept(key, by: owner), kept.isSame(as: value, for: key) {
            switch owner {
            case .systemd(let unit):
                let how = hasReloaded ? "daemon-reload" : "systemctl set-property"
                return Culprit(
                    description: "systemd keeps this value for \(unit) (\(how))", isKept: true)
            case .docker:
                return Culprit(
                    description: "Docker keeps this value (docker update)", isKept: true)
            case .podman:
                return Culprit(
                    description: "Podman keeps this value (podman update)", isKept: true)
            case .file: break
            }
        }
        return Culprit(
            description: owner == .file
                ? "somebody wrote the kernel's file"
                : "somebody wrote the kernel's file, past \(owner)")
    }
}
