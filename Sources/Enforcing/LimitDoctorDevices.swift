import CgroupFormat
import CgroupFS

/// Memory and what it is written out to.
extension LimitDoctor {
    var memoryHigh: LimitFinding {
        if host.hasSwap { return limit("memory.high", "the memory controller is on") }
        return limit(
            "memory.high", .limited,
            "there is no swap: a value below the workload's anonymous memory slows it to a crawl and frees nothing",
            suggestion: "Add swap or zram, or keep it above what workloads hold for good")
    }

    var memoryMax: LimitFinding {
        limit("memory.max", "the memory controller is on; below what is in use the kernel kills")
    }

    var memoryLow: LimitFinding { protection("memory.low") }
    var memoryMin: LimitFinding { protection("memory.min") }

    /// With `memory_recursiveprot`, what a cgroup is protected by is shared among those below it that claim nothing.
    private func protection(_ file: String) -> LimitFinding {
        let isShared = host.mounts.contains {
            $0.type == "cgroup2" && $0.typeOptions.contains("memory_recursiveprot")
        }
        return limit(
            file,
            "the memory controller is on; a cgroup is protected no more than those above it"
                + (isShared ? ", and shares it with those below it" : ""))
    }

    var memorySwap: LimitFinding {
        if isSwapUncounted {
            return limit(
                "memory.swap.max", .no, "the kernel does not count swap",
                suggestion: "Boot with swapaccount=1")
        }
        if host.hasSwap {
            return limit("memory.swap.max", "it stops new swapping; what is out comes back slowly")
        }
        return limit(
            "memory.swap.max", .limited, "there is no swap: it is accepted and does nothing",
            suggestion: "Add swap or zram, if workloads are to have any")
    }

    /// Whether a cgroup has memory's files without swap's; the root has neither.
    private var isSwapUncounted: Bool {
        for name in (try? tree.children()) ?? [] {
            guard let child = try? tree.child(name),
                (try? child.text(of: "memory.max")) != nil
            else { continue }
            return (try? child.text(of: "memory.swap.max")) == nil
        }
        return false
    }

    /// Since Linux 6.16, a limit written with O_NONBLOCK does not wait for the memory it frees.
    var waiting: LimitFinding? {
        guard let kernel else { return nil }
        if kernel >= Version(6, 16) {
            return LimitFinding(
                "O_NONBLOCK", .works, "lowering a memory limit does not wait for the memory")
        }
        return LimitFinding(
            "O_NONBLOCK", .limited,
            "Linux \(host.release) has the writer of a lower memory limit free the memory itself, "
                + "and wait",
            suggestion: "Lower in small steps, or run Linux 6.16")
    }
}

/// Block devices: limits reach what the kernel can tell whose it is.
extension LimitDoctor {
    /// A disk that stands on no other.
    private struct Disk {
        var name: String
        /// `254:0`.
        var number: String
        var isWeightedByBFQ: Bool
    }

    private var disks: [Disk] {
        let others = ["loop", "ram", "zram", "fd", "sr"]
        return host.names("/sys/block").sorted().compactMap { name in
            let folder = "/sys/block/\(name)"
            guard !others.contains(where: { isNumbered(name, $0) }),
                host.names("\(folder)/slaves").isEmpty,
                trimmed(host.text("\(folder)/size")) != "0",
                let number = trimmed(host.text("\(folder)/dev"))
            else { return nil }
            let scheduler = host.text("\(folder)/queue/scheduler") ?? ""
            return Disk(
                name: name, number: number, isWeightedByBFQ: scheduler.contains("[bfq]"))
        }
    }

    private func isNumbered(_ name: String, _ prefix: String) -> Bool {
        name.hasPrefix(prefix) && name.dropFirst(prefix.count).allSatisfy(\.isNumber)
    }

    private func trimmed(_ text: String?) -> String? {
        text.flatMap { $0.split(whereSeparator: \.isWhitespace).first }.map(String.init)
    }

    var ioMax: LimitFinding {
        let disks = disks
        guard !disks.isEmpty else {
            return limit("io.max", .limited, "this host has no disk of its own to limit")
        }
        let list = "on " + disks.map { "\($0.name) (\($0.number))" }.joined(separator: ", ")
        if let missing = blocked("io.max", controller: "memory") {
            return limit(
                "io.max", .limited,
                "\(list), reads and direct writes only: \(missing.found), and by it the kernel "
                    + "knows whose buffered writes are",
                suggestion: missing.suggestion)
        }
        let others = unattributed
        guard others.isEmpty else {
            return limit(
                "io.max", .limited,
                "\(list); buffered writes to \(others.joined(separator: ", ")) are nobody's",
                suggestion: "Keep tenants' data on ext4, xfs, btrfs or f2fs")
        }
        let overlay =
            host.mounts.contains { $0.type == "overlay" }
            ? "; an overlay's traffic is that of the disk below it" : ""
        return limit("io.max", list + overlay)
    }

    /// Disk file systems whose buffered writes the kernel puts down to the root cgroup.
    ///
    /// By cgroup-v2.rst, writeback is attributed on ext2, ext4, btrfs, f2fs and xfs. What only the
    /// boot loader uses is left out.
    private var unattributed: [String] {
        let attributed = ["ext2", "ext4", "btrfs", "f2fs", "xfs"]
        let others = host.mounts.filter { mount in
            (mount.source.hasPrefix("/dev/") || mount.type == "zfs")
                && !attributed.contains(mount.type) && mount.options.contains("rw")
                && mount.typeOptions.contains("rw") && !mount.type.hasPrefix("fuse")
                && !["/boot", "/efi"].contains(where: mount.point.hasPrefix)
        }
        return Set(others.map { "\($0.point) (\($0.type))" }).sorted()
    }

    var ioWeight: LimitFinding {
        let disks = disks
        let costed = Set(disks.map(\.number)).intersection(costModels)
        let plain = disks.filter { !costed.contains($0.number) && !$0.isWeightedByBFQ }
        let byBFQ = disks.filter { !costed.contains($0.number) && $0.isWeightedByBFQ }
        guard let first = plain.first ?? byBFQ.first else {
            return limit(
                "io.weight", disks.isEmpty ? .limited : .works,
                disks.isEmpty
                    ? "this host has no disk of its own to share" : "iocost is on for every disk")
        }
        let turnOn = "echo \"\(first.number) enable=1\" > \(path)/io.cost.qos"
        guard plain.isEmpty else {
            let names = plain.map(\.name).joined(separator: ", ")
            return limit(
                "io.weight", plain.count == disks.count ? .no : .limited,
                "it is accepted and does nothing on \(names): neither iocost nor BFQ is on",
                suggestion: "\(turnOn), or: echo bfq > /sys/block/\(first.name)/queue/scheduler")
        }
        return limit(
            "io.weight", .limited,
            "BFQ shares \(byBFQ.map(\.name).joined(separator: ", ")): it heeds io.bfq.weight, "
                + "which systemd writes with IOWeight=; a plain cgroup's io.weight does nothing",
            suggestion: "For plain cgroups: \(turnOn)")
    }

    /// Whether weights of io are accepted and do nothing on every disk.
    var weighsNothing: Bool {
        let disks = disks
        return !disks.isEmpty
            && disks.allSatisfy { !costModels.contains($0.number) && !$0.isWeightedByBFQ }
    }

    /// The devices whose cost model (iocost) is on, by number.
    private var costModels: Set<String> {
        let lines = (try? tree.text(of: "io.cost.qos"))?.split(separator: "\n") ?? []
        return Set(
            lines.map { $0.split(separator: " ") }.filter { $0.contains("enable=1") }
                .compactMap { $0.first.map(String.init) })
    }
}
