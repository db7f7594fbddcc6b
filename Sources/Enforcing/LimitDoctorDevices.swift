import CgroupFormat
import CgroupFS

/// Findings about memory and swap.
extension LimitDoctor {
    /// Whether `memory.high` works; without swap it has little to reclaim.
    var memoryHigh: LimitFinding {
        if host.hasSwap { return limit("memory.high", "the memory controller is on") }
        return limit(
            "memory.high", .limited,
            "there is no swap: a value below the workload's anonymous memory slows it to a crawl and frees nothing",
            suggestion: "Add swap or zram, or keep it above what workloads hold for good")
    }

    /// Whether `memory.max` works.
    var memoryMax: LimitFinding {
        limit("memory.max", "the memory controller is on; below what is in use the kernel kills")
    }

    /// Whether `memory.low` works.
    var memoryLow: LimitFinding { protection("memory.low") }
    /// Whether `memory.min` works.
    var memoryMin: LimitFinding { protection("memory.min") }

    /// The finding about memory.low or memory.min.
    ///
    /// With the mount option `memory_recursiveprot`, the protection of a cgroup is shared among the
    /// cgroups below it that have none of their own.
    private func protection(_ file: String) -> LimitFinding {
        let isShared = host.mounts.contains {
            $0.type == "cgroup2" && $0.typeOptions.contains("memory_recursiveprot")
        }
        return limit(
            file,
            "the memory controller is on; a cgroup is protected no more than those above it"
                + (isShared ? ", and shares it with those below it" : ""))
    }

    /// Whether `memory.swap.max` works, which needs swap and a kernel that counts it.
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

    /// Whether a cgroup has files for memory but none for swap; the root cgroup has neither.
    private var isSwapUncounted: Bool {
        for name in (try? tree.children()) ?? [] {
            guard let child = try? tree.child(name),
                (try? child.text(of: "memory.max")) != nil
            else { continue }
            // The first cgroup with memory's files decides.
            return (try? child.text(of: "memory.swap.max")) == nil
        }
        return false
    }

    /// Whether lowering a memory limit can avoid waiting for the memory to be freed.
    ///
    /// Since Linux 6.16 it does not wait if the file was opened with O_NONBLOCK.
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

/// Findings about block devices.
///
/// Limits on io apply only to io that the kernel can attribute to a cgroup.
extension LimitDoctor {
    /// A physical disk.
    private struct Disk {
        var name: String
        /// Major and minor number, such as `254:0`.
        var number: String
        /// Whether the BFQ scheduler is active, which honours weights.
        var isWeightedByBFQ: Bool
    }

    /// Physical disks with a size; loop, RAM, floppy and optical devices are left out.
    private var disks: [Disk] {
        // Devices that are backed by files or memory, and drives with removable media.
        let others = ["loop", "ram", "zram", "fd", "sr"]
        return host.names("/sys/block").sorted().compactMap { name in
            let folder = "/sys/block/\(name)"
            guard !others.contains(where: { isNumbered(name, $0) }),
                host.names("\(folder)/slaves").isEmpty,
                trimmed(host.text("\(folder)/size")) != "0",
                let number = trimmed(host.text("\(folder)/dev"))
            else { return nil }
            // The active scheduler is in brackets, as in `none [bfq] mq-deadline`.
            let scheduler = host.text("\(folder)/queue/scheduler") ?? ""
            return Disk(
                name: name, number: number, isWeightedByBFQ: scheduler.contains("[bfq]"))
        }
    }

    /// Whether a name is a prefix followed by digits only, such as `loop0`.
    private func isNumbered(_ name: String, _ prefix: String) -> Bool {
        name.hasPrefix(prefix) && name.dropFirst(prefix.count).allSatisfy(\.isNumber)
    }

    /// The first word of a text.
    private func trimmed(_ text: String?) -> String? {
        text.flatMap { $0.split(whereSeparator: \.isWhitespace).first }.map(String.init)
    }

    /// Whether `io.max` works, for which disks, and for which writes.
    var ioMax: LimitFinding {
        let disks = disks
        guard !disks.isEmpty else {
            return limit("io.max", .limited, "this host has no disk of its own to limit")
        }
        // Findings list the disks, so that the operator sees which ones are limited.
        let list = "on " + disks.map { "\($0.name) (\($0.number))" }.joined(separator: ", ")
        // Without the memory controller the kernel does not know who dirtied a page.
        if let missing = blocked("io.max", controller: "memory") {
            return limit(
                "io.max", .limited,
                "\(list), reads and direct writes only: \(missing.found), and by it the kernel "
                    + "knows whose buffered writes are",
                suggestion: missing.suggestion)
        }
        // Limits are ignored for buffered writes to these file systems.
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

    /// Mounted file systems whose buffered writes the kernel attributes to the root cgroup.
    ///
    /// Documentation/admin-guide/cgroup-v2.rst, "Writeback": ext2, ext4, btrfs, f2fs and xfs
    /// attribute them to the writing cgroup. Mounts that only the boot loader uses are left out.
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

    /// Whether `io.weight` has an effect; it needs iocost or the BFQ scheduler.
    var ioWeight: LimitFinding {
        let disks = disks
        // Three kinds of disks: iocost is enabled, BFQ is active, or neither.
        let costed = Set(disks.map(\.number)).intersection(costModels)
        let plain = disks.filter { !costed.contains($0.number) && !$0.isWeightedByBFQ }
        let byBFQ = disks.filter { !costed.contains($0.number) && $0.isWeightedByBFQ }
        guard let first = plain.first ?? byBFQ.first else {
            return limit(
                "io.weight", disks.isEmpty ? .limited : .works,
                disks.isEmpty
                    ? "this host has no disk of its own to share" : "iocost is on for every disk")
        }
        // iocost can be enabled for any disk, whatever its scheduler.
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

    /// Whether io weights are accepted but have no effect on any disk.
    var weighsNothing: Bool {
        let disks = disks
        return !disks.isEmpty
            && disks.allSatisfy { !costModels.contains($0.number) && !$0.isWeightedByBFQ }
    }

    /// The numbers of devices whose cost model (iocost) is enabled.
    private var costModels: Set<String> {
        // Lines such as `8:0 enable=1 ctrl=auto …`; the file exists only in the root cgroup.
        let lines = (try? tree.text(of: "io.cost.qos"))?.split(separator: "\n") ?? []
        return Set(
            lines.map { $0.split(separator: " ") }.filter { $0.contains("enable=1") }
                .compactMap { $0.first.map(String.init) })
    }
}
