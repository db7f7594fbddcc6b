import CgroupFormat
import CgroupFS

/// Findings about who else changes the tree, and who may.
extension LimitDoctor {
    /// Whether systemd keeps CPU limits exactly.
    var systemd: LimitFinding? {
        guard let text = host.systemd else { return nil }
        // An unknown form of version may still work; nothing can be said about it.
        guard let version = Version(text) else {
            return LimitFinding("systemd", .limited, "its version \"\(text)\" is not understood")
        }
        // Before 242 the period is fixed at 100 ms, which makes small quotas impossible.
        if version < Version(242) {
            return LimitFinding(
                "systemd", .limited,
                "systemd \(version.major) has no CPUQuotaPeriodSec=: CPU limits below 1 % of a core "
                    + "are written past it, and gone with its next daemon-reload",
                suggestion: "Run systemd 242 or later")
        }
        // Before 255 systemd writes CPUQuota= in whole percent to the file it reads back on reload.
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

    /// Whether Docker supports cgroup v2 and uses systemd's driver.
    var docker: LimitFinding? {
        guard let docker = host.docker else { return nil }
        // Docker 20.10 was the first version with support for cgroup v2.
        guard let version = Version(docker.apiVersion), version >= Version(1, 41) else {
            return LimitFinding(
                "Docker", .no,
                "its API is \(docker.apiVersion); cgroup v2 came with 1.41",
                suggestion: "Run Docker 20.10 or later")
        }
        // With driver cgroupfs, Docker creates cgroups in a tree that systemd manages.
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

    /// The mount that contains the tree.
    private var mount: Mount? {
        host.mounts.filter { $0.type == "cgroup2" }.holding(path)
    }

    /// Whether a container with a cgroup namespace of its own may change its own limits.
    var delegation: LimitFinding? {
        guard let mount else { return nil }
        // nsdelegate makes a cgroup namespace a delegation boundary (cgroup-v2.rst, "Delegation").
        if mount.typeOptions.contains("nsdelegate") {
            return LimitFinding(
                "nsdelegate", .works, "a cgroup namespace cannot change the limits it is under")
        }
        return LimitFinding(
            "nsdelegate", .limited,
            "a container that may write its cgroup may lift its own limits",
            suggestion: "mount -o remount,nsdelegate \(mount.point)")
    }

    /// Whether this user may change limits.
    var rights: LimitFinding {
        // ProtectControlGroups= of a service, or a container without privileges.
        if let mount, mount.options.contains("ro") || mount.typeOptions.contains("ro") {
            return LimitFinding(
                "rights", .no, "\(mount.point) is mounted read-only",
                suggestion:
                    "Run it outside of the container, or of the service's ProtectControlGroups=")
        }
        // Root may write all files, and systemd obeys it.
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
