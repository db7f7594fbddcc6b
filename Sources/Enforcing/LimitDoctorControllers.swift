import CgroupFS
import Units

/// Findings about controllers: whether they exist and how far down the tree they are enabled.
extension LimitDoctor {
    private static let controllers = ["cpu", "memory", "io", "pids"]

    /// Whether the tree is a pure cgroup v2 hierarchy.
    var hierarchy: LimitFinding {
        guard isKernel else {
            return LimitFinding(
                "cgroup v2", .no, "\(path) is a plain folder: nothing enforces what is written",
                suggestion: "Give --root a cgroup2 mount; \"findmnt -t cgroup2\" lists them")
        }
        // In a hybrid hierarchy a controller is on cgroup v1 or v2, never on both.
        let old = Self.controllers.filter { onV1($0) != nil }
        guard !old.isEmpty else {
            return LimitFinding("cgroup v2", .works, "\(path), no controller on cgroup v1")
        }
        return LimitFinding(
            "cgroup v2", .limited, "hybrid: \(old.joined(separator: ", ")) on cgroup v1",
            suggestion: bootPure)
    }

    /// How to boot with a pure cgroup v2 hierarchy.
    private var bootPure: String {
        "Boot with systemd.unified_cgroup_hierarchy=1, without systemd with cgroup_no_v1=all"
    }

    /// Why a limit cannot be set at all or only in places; `nil` if its controller is in order.
    func blocked(_ file: String, controller: String) -> LimitFinding? {
        guard words(try? tree.text(of: "cgroup.controllers")).contains(Substring(controller))
        else { return missing(file, controller) }
        guard let gap = gap(controller) else { return nil }
        // systemd enables controllers itself where a unit needs them.
        let isRoot = gap.path.isEmpty
        return LimitFinding(
            file, isRoot && !hasSystemd ? .no : .limited,
            "the \(controller) controller is off below \(isRoot ? "the root" : escapingControlCharacters(gap.path))",
            suggestion: suggestion(gap, controller))
    }

    /// The finding about a controller that the root does not have.
    private func missing(_ file: String, _ controller: String) -> LimitFinding {
        if let hierarchy = onV1(controller) {
            return LimitFinding(
                file, .no,
                "the \(controller) controller is on cgroup v1 (hierarchy \(hierarchy))",
                suggestion: bootPure)
        }
        // Only the real root of a host has no cgroup.type.
        if (try? tree.text(of: "cgroup.type")) != nil {
            return LimitFinding(
                file, .no, "the \(controller) controller is not handed down to \(path)",
                suggestion:
                    "Write \"+\(controller)\" to cgroup.subtree_control of the cgroup above, or "
                    + "have its unit delegate it (Delegate=\(controller))")
        }
        // The last column of /proc/cgroups is 0 for a controller that is disabled at boot.
        if kernelEntry(controller)?.isOn == false {
            return LimitFinding(
                file, .no, "the \(controller) controller was turned off at boot",
                suggestion: "Take it out of cgroup_disable= on the kernel's command line"
                    + (controller == "memory" ? ", or add cgroup_enable=memory" : ""))
        }
        return LimitFinding(
            file, .no, "this kernel offers no \(controller) controller",
            suggestion: "Run a kernel that is built with it")
    }

    /// A cgroup above a tenant root that does not enable a controller for its children.
    private struct Gap {
        /// The path below the root; empty for the root itself.
        var path: String
        /// Whether processes live in it, which prevents enabling controllers.
        var hasProcesses: Bool
    }

    /// The first gap above any tenant root; without tenant roots, only the root is checked.
    private func gap(_ controller: String) -> Gap? {
        // Without tenant roots, any name below the root checks just the root.
        for way in tenantRoots.isEmpty ? ["/any"] : tenantRoots {
            var (directory, path) = (tree, "")
            for name in way.split(separator: "/") {
                let on = words(try? directory.text(of: "cgroup.subtree_control"))
                guard on.contains(Substring(controller)) else {
                    let processes = words(try? directory.text(of: "cgroup.procs"))
                    return Gap(path: path, hasProcesses: !path.isEmpty && !processes.isEmpty)
                }
                // The remaining cgroups do not exist yet. They are created with the right
                // controllers when a workload starts there.
                guard let next = try? directory.child(CgroupName(name)) else { break }
                (directory, path) = (next, "\(path)/\(name)")
            }
        }
        return nil
    }

    /// How to enable a controller in a gap.
    private func suggestion(_ gap: Gap, _ controller: String) -> String {
        if hasSystemd && (gap.path.isEmpty || gap.path.hasSuffix(".slice")) {
            let property = property(controller)
            return "systemctl set-property tenant-NAME.slice \(property) has systemd turn it on; "
                + "so does the first octroi limit set on a tenant's slice"
        }
        // Without systemd, or inside a delegated cgroup, the file is written by hand.
        let enable =
            "echo +\(controller) > \(path)\(escapingControlCharacters(gap.path))/cgroup.subtree_control"
        // A cgroup with processes cannot enable controllers for its children (EBUSY).
        return gap.hasProcesses
            ? "Move its processes into a cgroup below it, then: \(enable)" : enable
    }

    /// A property that makes systemd enable a controller; CPUAccounting= does not need one.
    private func property(_ controller: String) -> String {
        switch controller {
        case "cpu": "CPUWeight=100"
        case "cpuset": "AllowedCPUs=CPUS"
        case "memory": "MemoryAccounting=yes"
        case "io": "IOAccounting=yes"
        default: "TasksAccounting=yes"
        }
    }

    /// The number of the cgroup v1 hierarchy that has a controller; `nil` if none has.
    private func onV1(_ controller: String) -> Int? {
        kernelEntry(controller).flatMap { $0.hierarchy == 0 ? nil : $0.hierarchy }
    }

    /// The line of a controller in `/proc/cgroups` (cgroups(7)), where io is called blkio.
    private func kernelEntry(_ controller: String) -> (hierarchy: Int, isOn: Bool)? {
        let name = controller == "io" ? "blkio" : controller
        for line in (host.text("/proc/cgroups") ?? "").split(separator: "\n") {
            // Columns: name, hierarchy (0 for cgroup v2), number of cgroups, enabled.
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count == 4, fields[0] == name, let hierarchy = Int(fields[1]) else {
                continue
            }
            return (hierarchy, fields[3] != "0")
        }
        return nil
    }

    /// The words of a text, without order.
    func words(_ text: String?) -> Set<Substring> {
        Set((text ?? "").split(whereSeparator: \.isWhitespace))
    }
}

/// Findings about realtime threads.
///
/// Kernels with CONFIG_RT_GROUP_SCHED let no such thread into a cgroup with the cpu controller
/// enabled.
extension LimitDoctor {
    /// Whether realtime threads prevent enabling the cpu controller.
    var realtime: LimitFinding {
        // If cpu is enabled everywhere already, realtime threads cannot prevent it any more.
        guard gap("cpu") != nil else {
            return LimitFinding("+cpu", .works, "the cpu controller is on down to the tenants")
        }
        let threads = realtimeThreads
        guard !threads.isEmpty else {
            return LimitFinding("+cpu", .works, "no realtime thread is in the controller's way")
        }
        // Name only a few threads.
        let more = threads.count > 5 ? " and \(threads.count - 5) more" : ""
        return LimitFinding(
            "+cpu", .limited,
            "realtime threads outside the root cgroup: "
                + threads.prefix(5).joined(separator: ", ") + more
                + "; a kernel with CONFIG_RT_GROUP_SCHED then refuses the cpu controller (EINVAL)",
            suggestion:
                "Stop them, or give them a plain policy (chrt --other --pid 0 PID), or move them "
                + "to the root cgroup; then turn cpu on")
    }

    /// Realtime threads (policies FIFO and RR) outside the root cgroup, such as "multipathd (812)".
    private var realtimeThreads: [String] {
        var found: [(id: Int, name: String)] = []
        for process in host.names("/proc") where Int(process) != nil {
            for thread in host.names("/proc/\(process)/task") {
                let folder = "/proc/\(process)/task/\(thread)"
                guard let id = Int(thread), let name = realtimeName(host.text("\(folder)/stat")),
                    !isInRootCgroup(host.text("\(folder)/cgroup"))
                else { continue }
                found.append((id, name))
            }
        }
        return found.sorted { $0.id < $1.id }.map {
            "\(escapingControlCharacters($0.name)) (\($0.id))"
        }
    }

    /// The name of a thread if its policy is FIFO (1) or RR (2); `nil` otherwise.
    ///
    /// - Parameter stat: the text of /proc/PID/task/TID/stat; the policy is field 41
    ///   (proc_pid_stat(5)).
    private func realtimeName(_ stat: String?) -> String? {
        // The name may contain spaces and parentheses; the fields after it do not.
        guard let stat, let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"),
            open < close
        else { return nil }
        let fields = stat[close...].dropFirst().split(whereSeparator: \.isWhitespace)
        // Fields after the name count from 3, so field 41 is at index 38.
        guard fields.count > 38, fields[38] == "1" || fields[38] == "2" else { return nil }
        return String(stat[open..<close].dropFirst())
    }

    /// Whether the text of /proc/PID/cgroup names the root of the cgroup2 tree.
    private func isInRootCgroup(_ cgroup: String?) -> Bool {
        (cgroup ?? "").split(separator: "\n").contains("0::/")
    }
}
