import CgroupFormat
import CgroupFS

/// Who else writes the tree, and who may.
extension LimitDoctor {
    var systemd: LimitFinding? {
        guard let text = host.systemd else { return nil }
        guard let version = Version(text) else {
            return LimitFinding("systemd", .limited, "its version \"\(text)\" is not understood")
        }
        if version < Version(242) {
            return LimitFinding(
                "systemd", .limited,
                "systemd \(version.major) has no CPUQuotaPeriodSec=: CPU limits below 1 % of a core "
                    + "are written past it, and gone with its next daemon-reload",
                suggestion: "Run systemd 242 or later")
        }
        if version < Version(255) {
            return LimitFinding(
                "systemd", .limited,
                "systemd \(version.major) keeps CPU limits in whole percent of a core; others "
                    + "change with its next daemon-reload",
                suggestion: "Limit cpu to whole percent, such as 0.25, or run a later systemd")
        }
        return LimitFinding(
            "systemd", .works, "systemd \(version.major): units' limits go through it")
    }

    var docker: LimitFinding? {
        guard let docker = host.docker else { return nil }
        guard let version = Version(docker.apiVersion), version >= Version(1, 41) else {
            return LimitFinding(
                "Docker", .no,
                "its API is \(docker.apiVersion); cgroup v2 came with 1.41",
                suggestion: "Run Docker 20.10 or later")
        }
        if hasSystemd && docker.cgroupDriver != "systemd" {
            return LimitFinding(
                "Docker", .limited,
                "its cgroup driver is \(docker.cgroupDriver) beside systemd: two writers for one "
                    + "tree, and systemd may overwrite",
                suggestion: "Set \"exec-opts\": [\"native.cgroupdriver=systemd\"] in "
                    + "/etc/docker/daemon.json, then restart Docker and its containers")
        }
        return LimitFinding(
            "Docker", .works, "API \(docker.apiVersion), cgroup driver \(docker.cgroupDriver)")
    }

    /// The mount that the tree lies on.
    private var mount: Mount? {
        host.mounts.filter { $0.type == "cgroup2" }.holding(path)
    }

    var delegation: LimitFinding? {
        guard let mount else { return nil }
        if mount.typeOptions.contains("nsdelegate") {
            return LimitFinding(
                "nsdelegate", .works, "a cgroup namespace cannot change the limits it is under")
        }
        return LimitFinding(
            "nsdelegate", .limited,
            "a container that may write its cgroup may lift its own limits",
            suggestion: "mount -o remount,nsdelegate \(mount.point)")
    }

    var rights: LimitFinding {
        if let mount, mount.options.contains("ro") || mount.typeOptions.contains("ro") {
            return LimitFinding(
                "rights", .no, "\(mount.point) is mounted read-only",
                suggestion:
                    "Run it outside of the container, or of the service's ProtectControlGroups=")
        }
        if host.uid == 0 { return LimitFinding("rights", .works, "root may write every limit") }
        return LimitFinding(
            "rights", hasSystemd ? .limited : .no,
            "user \(host.uid) may not write the cgroup tree"
                + (hasSystemd ? "; systemd's slices only as polkit lets it" : ""),
            suggestion: hasSystemd
                ? "Run it as root, or install config/50-octroi.rules and octroi-group.conf, and join "
                    + "the group octroi"
                : "Run it as root, or have the cgroup delegated to this user")
    }
}
