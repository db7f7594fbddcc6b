import Limits
import Runtimes

/// Who may have changed a limit, as far as that can be found out.
struct DriftSource: CustomStringConvertible {
    /// Words for a message, such as `somebody wrote the kernel's file`.
    var description: String
    /// Whether the cgroup's owner itself stores the value that was found.
    var isKept = false
}

extension LimitedTree {
    /// Finds out who may have changed a limit.
    ///
    /// If the owner (systemd, Docker, Podman) stores the same value, the change came through the
    /// owner. Otherwise somebody wrote the cgroup file directly.
    ///
    /// - Parameters:
    ///   - value: the value that the kernel has now.
    ///   - hasReloaded: whether systemd has read its units again since the last look.
    func driftSource(
        _ key: LimitKey, _ value: LimitValue, _ cgroup: LimitedCgroup, hasReloaded: Bool
    ) -> DriftSource {
        guard let owner = try? owners.owner(of: cgroup.path) else {
            return DriftSource(description: "nobody knows who")
        }
        if let kept = owners.kept(key, by: owner), kept.isSame(as: value, for: key) {
            switch owner {
            case .systemd(let unit):
                let how = hasReloaded ? "daemon-reload" : "systemctl set-property"
                return DriftSource(
                    description: "systemd keeps this value for \(unit) (\(how))", isKept: true)
            case .docker:
                return DriftSource(
                    description: "Docker keeps this value (docker update)", isKept: true)
            case .podman:
                return DriftSource(
                    description: "Podman keeps this value (podman update)", isKept: true)
            case .file: break
            }
        }
        return DriftSource(
            description: owner == .file
                ? "somebody wrote the kernel's file"
                : "somebody wrote the kernel's file, past \(owner)")
    }
}
