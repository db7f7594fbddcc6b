import CgroupFS
import Units

/// Controllers: where they are, and how far down the tree.
extension LimitDoctor {
    private static let controllers = ["cpu", "memory", "io", "pids"]

    var hierarchy: LimitFinding {
        guard isKernel else {
            return LimitFinding(
                "cgroup v2", .no, "\(path) is a plain folder: nothing enforces what is written",
                suggestion: "Give --root a cgroup2 mount; \"findmnt -t cgroup2\" lists them")
        }
        let old = Self.controllers.filter { onV1($0) != nil }
        guard !old.isEmpty else {
            return LimitFinding("cgroup v2", .works, "\(path), no controller on cgroup v1")
        }
        return LimitFinding(
            "cgroup v2", .limited, "hybrid: \(old.joined(separator: ", ")) on cgroup v1",
            suggestion: bootPure)
    }

    private var bootPure: String {
        "Boot with systemd.unified_cgroup_hierarchy=1, without systemd with cgroup_no_v1=all"
    }

    /// Why a limit cannot be set at all, or only somewhere; `nil` if its controller is in order.
    func blocked(_ file: String, controller: String) -> LimitFinding? {
        guard words(try? tree.text(of: "cgroup.controllers")).contains(Substring(controller))
        else { return missing(file, controller) }
        guard let gap = gap(controller) else { return nil }
        let isRoot = gap.path.isEmpty
        return LimitFinding(
            file, isRoot && !hasSystemd ? .no : .limited,
            "the \(controller) controller is off below \(isRoot ? "the root" : escapingControlCharacters(gap.path))",
            suggestion: suggestion(gap, controller))
    }

    /// A controller that the root is not offered.
    private func missing(_ file: String, _ controller: String) -> LimitFinding {
        if let hierarchy = onV1(controller) {
            return LimitFinding(
                file, .no,
                "the \(controller) controller is on cgroup v1 (hierarchy \(hierarchy))",
                suggestion: bootPure)
        }
        // Only the true root of a host has no type.
        if (try? tree.text(of: "cgroup.type")) != nil {
            return LimitFinding(
                file, .no, "the \(controller) controller is not handed down to \(path)",
                suggestion:
                    "Write \"+\(controller)\" to cgroup.subtree_control of the cgroup above, or "
                    + "have its unit delegate it (Delegate=\(controller))")
        }
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

    /// The cgroup on the way to a tenant root that does not hand a controller down.
    private struct Gap {
        /// Empty for the root.
        var path: String
        var hasProcesses: Bool
    }

    /// The first gap on the ways to the tenant roots; without tenant roots, the root's.
    private func gap(_ controller: String) -> Gap? {
        for way in tenantRoots.isEmpty ? ["/any"] : tenantRoots {
            var (directory, path) = (tree, "")
            for name in way.split(separator: "/") {
                let on = words(try? directory.text(of: "cgroup.subtree_control"))
                guard on.contains(Substring(controller)) else {
                    let processes = words(try? directory.text(of: "cgroup.procs"))
                    return Gap(path: path, hasProcesses: !path.isEmpty && !processes.isEmpty)
                }
                // What does not exist now is made, with its way, when a workload starts there.
                guard let next = try? directory.child(CgroupName(name)) else { break }
                (directory, path) = (next, "\(path)/\(name)")
            }
        }
        return nil
    }

    private func suggestion(_ gap: Gap, _ controller: String) -> String {
        if hasSystemd && (gap.path.isEmpty || gap.path.hasSuffix(".slice")) {
            let property = property(controller)
            return "systemctl set-property tenant-NAME.slice \(property) has systemd turn it on; "
                + "so does the first octroi limit set on a tenant's slice"
        }
        let enable =
            "echo +\(controller) > \(path)\(escapingControlCharacters(gap.path))/cgroup.subtree_control"
        // A cgroup that hands controllers down may hold no processes (the kernel says EBUSY).
        return gap.hasProcesses
            ? "Move its processes into a cgroup below it, then: \(enable)" : enable
    }

    /// The property by which systemd turns a controller on; CPUAccounting= needs no controller.
    private func property(_ controller: String) -> String {
        switch controller {
        case "cpu": "CPUWeight=100"
        case "cpuset": "AllowedCPUs=CPUS"
        case "memory": "MemoryAccounting=yes"
        case "io": "IOAccounting=yes"
        default: "TasksAccounting=yes"
        }
    }

    /// The v1 hierarchy that has a controller.
    private func onV1(_ controller: String) -> Int? {
        kernelEntry(controller).flatMap { $0.hierarchy == 0 ? nil : $0.hierarchy }
    }

    /// A controller's line in `/proc/cgroups` (cgroups(7)), where io is called blkio.
    private func kernelEntry(_ controller: String) -> (hierarchy: Int, isOn: Bool)? {
        let name = controller == "io" ? "blkio" : controller
        for line in (host.text("/proc/cgroups") ?? "").split(separator: "\n") {
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count == 4, fields[0] == name, let hierarchy = Int(fields[1]) else {
                continue
            }
            return (hierarchy, fields[3] != "0")
        }
        return nil
    }

    func words(_ text: String?) -> Set<Substring> {
        Set((text ?? "").split(whereSeparator: \.isWhitespace))
    }
}

/// Realtime threads, which kernels with CONFIG_RT_GROUP_SCHED let into no cgroup with cpu on.
extension LimitDoctor {
    var realtime: LimitFinding {
        guard gap("cpu") != nil else {
            return LimitFinding("+cpu", .works, "the cpu controller is on down to the tenants")
        }
        let threads = realtimeThreads
        guard !threads.isEmpty else {
            return LimitFinding("+cpu", .works, "no realtime thread is in the controller's way")
        }
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

    /// Threads of the policies FIFO and RR, "multipathd (812)", by id.
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

    /// The name of a thread, if its policy (field 41 of proc_pid_stat(5)) is 1, FIFO, or 2, RR.
    private func realtimeName(_ stat: String?) -> String? {
        // A name may hold blanks and parentheses; what follows it does not.
        guard let stat, let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"),
            open < close
        else { return nil }
        let fields = stat[close...].dropFirst().split(whereSeparator: \.isWhitespace)
        guard fields.count > 38, fields[38] == "1" || fields[38] == "2" else { return nil }
        return String(stat[open..<close].dropFirst())
    }

    private func isInRootCgroup(_ cgroup: String?) -> Bool {
        (cgroup ?? "").split(separator: "\n").contains("0::/")
    }
}
