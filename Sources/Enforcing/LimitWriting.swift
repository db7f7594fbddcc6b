import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Runtimes
import SystemPackage
import Units

/// Writes limits through their owners and reads the kernel's values back.
extension LimitedTree {
    /// Writes one batch: limits of one cgroup with one owner.
    ///
    /// What the owner cannot express is written to the cgroup files.
    ///
    /// - Parameter lasting: whether the owner keeps the values beyond a reboot or a restart.
    /// - Throws: the fault of the first write that failed. A part of the batch may be written then.
    func write(_ batch: [PlannedWrite], lasting: Bool) throws(Fault) {
        guard let first = batch.first else { return }
        let cgroup = try same(first)
        for write in batch where write.key == .freeze { try freeze(write, cgroup) }
        var left = batch.filter { $0.key != .freeze }.map { LimitSetting($0.key, $0.wanted) }
        if left.isEmpty { return }
        let isKept = lasting && first.owner.remembers
        // Docker sets swap together with memory, so set the present swap limit again afterwards.
        if isKept, let swap = swap(beside: left, cgroup) { left.append(swap) }
        let all = left
        if isKept { left = try owners.update(left, of: first.owner, swap: left.swap) }
        if let unit = first.owner.unit {
            // Tell systemd the values even if an engine was told. The engine gives systemd rounded
            // values, which systemd would write over the exact ones with the next property that is
            // set.
            left = try owners.set(all, of: unit, lasting: lasting)
            left += settled(all.filter { !left.contains($0) }, cgroup)
        }
        for setting in left where !isInForce(setting, cgroup) {
            do throws(Errno) {
                try write(setting, to: cgroup)
            } catch {
                throw cgroup.fault(error, setting.key, in: path)
            }
        }
    }

    /// Writes one value to the cgroup's file.
    private func write(_ setting: LimitSetting, to cgroup: LimitedCgroup) throws(Errno) {
        let text = setting.value.kernelText(for: setting.key)
        do throws(Errno) {
            try cgroup.directory.write(text, to: setting.key.file)
        } catch {
            // A cgroup with processes accepts no empty list of CPUs (ENOSPC), so write all by
            // number.
            guard error == .noSpace, setting.value == .cpus(.all), let hostCPUs else { throw error }
            try cgroup.directory.write(hostCPUs.description, to: setting.key.file)
        }
    }

    /// Waits up to 0.5 s until the kernel has what systemd was told; it answers before it writes.
    ///
    /// - Returns: limits that should be removed and are not. If no unit needs a controller any
    ///   more, systemd leaves its files as they are.
    private func settled(_ settings: [LimitSetting], _ cgroup: LimitedCgroup) -> [LimitSetting] {
        var left = settings
        for _ in 0..<25 {
            left.removeAll { isInForce($0, cgroup) }
            if left.isEmpty { break }
            usleep(20_000)
        }
        return left.filter { $0.value.isSame(as: $0.key.initial, for: $0.key) }
    }

    /// The present limit of swap, to be set again with memory.max; `nil` if it is set anyway.
    private func swap(beside settings: [LimitSetting], _ cgroup: LimitedCgroup) -> LimitSetting? {
        guard settings.contains(where: { $0.key == .memoryMax }), settings.swap == nil,
            let value = try? cgroup.value(of: .memorySwapMax)
        else { return nil }
        return LimitSetting(.memorySwapMax, value)
    }

    /// The cgroup that a write was planned for.
    ///
    /// - Throws: `failed` if the cgroup was replaced by another one of the same name.
    func same(_ write: PlannedWrite) throws(Fault) -> LimitedCgroup {
        let cgroup = try require(write.path)
        // In a plain folder, files may be replaced under the same name. In the kernel's tree, a new
        // cgroup has a new id.
        guard cgroup.id == write.cgroupID || !isKernel else {
            throw Fault(
                .failed, at: path + escapingControlCharacters(write.path),
                problem: "the cgroup was replaced by another of the same name",
                suggestion: "Run it again")
        }
        return cgroup
    }

    /// The value that the kernel has now for a planned write.
    ///
    /// For the freezer this is the state in cgroup.events, because cgroup.freeze only tells what
    /// was asked for.
    func readBack(_ write: PlannedWrite) throws(Fault) -> LimitValue {
        let cgroup = try require(write.path)
        if write.key == .freeze, let isFrozen = cgroup.isFrozen { return .frozen(isFrozen) }
        return try value(of: write.key, at: cgroup)
    }

    /// All values that the kernel has now for a planned write.
    ///
    /// For the freezer this includes cgroup.freeze, because the kernel may still be about to follow
    /// it.
    func values(_ write: PlannedWrite) throws(Fault) -> [LimitValue] {
        var values = [try readBack(write)]
        if write.key == .freeze {
            values.append(try value(of: write.key, at: try require(write.path)))
        }
        return values
    }

    /// Whether the kernel has the value of a setting.
    private func isInForce(_ setting: LimitSetting, _ cgroup: LimitedCgroup) -> Bool {
        guard let value = try? value(of: setting.key, at: cgroup) else { return false }
        return value.isSame(as: setting.value, for: setting.key)
    }

    /// Freezes or thaws through the owner and waits until the kernel has done so.
    private func freeze(_ write: PlannedWrite, _ cgroup: LimitedCgroup) throws(Fault) {
        let isFrozen = write.wanted == .frozen(true)
        if isFrozen {
            try refuseFreezing(write, cgroup)
            let isPaused = owners.isPaused(write.owner)
            if try isPaused ? false : !owners.pause(true, write.owner) {
                if let unit = write.owner.unit, owners.canFreeze {
                    try owners.freeze(true, unit)
                } else {
                    try freezeByFile(true, cgroup)
                }
            }
        } else {
            try thaw(write, cgroup)
        }
        // The kernel takes its time; container runtimes wait up to 10 s as well. In a plain folder
        // nothing will happen.
        for _ in 0..<(isKernel ? 500 : 1) {
            let now = cgroup.isFrozen
            if now == nil || now == isFrozen { return }
            usleep(20_000)
        }
    }

    /// Thaws a cgroup, whether the engine, systemd, crun or somebody by the file froze it.
    ///
    /// An engine refuses to resume a container that it regards as paused if somebody else has
    /// thawed it. Freezing it once more makes the engine accept.
    private func thaw(_ write: PlannedWrite, _ cgroup: LimitedCgroup) throws(Fault) {
        if owners.isPaused(write.owner), (try? owners.pause(false, write.owner)) == nil {
            try freezeByFile(true, cgroup)
            _ = try? owners.pause(false, write.owner)
        }
        // systemd may not regard it as frozen and refuse; the file decides.
        if let unit = write.owner.unit, owners.canFreeze { try? owners.freeze(false, unit) }
        try freezeByFile(false, cgroup)
        if let inner = cgroup.inner { try freezeByFile(false, inner) }
    }

    /// Freezes or thaws by the cgroup's file, unless the file says so already.
    private func freezeByFile(_ isFrozen: Bool, _ cgroup: LimitedCgroup) throws(Fault) {
        do throws(Errno) {
            let text = try cgroup.directory.text(named: LimitKey.freeze.file)
            if text.hasPrefix(isFrozen ? "1" : "0") { return }
            try cgroup.directory.write(isFrozen ? "1" : "0", to: LimitKey.freeze.file)
        } catch {
            throw cgroup.fault(error, .freeze, in: path)
        }
    }

    /// Refuses to freeze a cgroup that contains others, a vital service of the host, or Octroi.
    func refuseFreezing(_ write: PlannedWrite, _ cgroup: LimitedCgroup) throws(Fault) {
        let place = path + escapingControlCharacters(write.path)
        func refuse(_ found: String, _ suggestion: String) -> Fault {
            Fault(.failed, at: place, problem: found, suggestion: suggestion)
        }
        let isInner = write.owner == .file && cgroup.directory.hasChildren
        if write.owner.isSlice || isInner {
            throw refuse(
                "it holds other cgroups: freezing a slice hangs systemd when a unit starts in it",
                "Name a tenant, whose containers are then frozen one by one, or a container")
        }
        if let unit = write.owner.unit, isVital(unit) {
            throw refuse("the host lives on \(unit)", "Freeze the containers, not what runs them")
        }
        if holdsThisProcess(write.path) {
            throw refuse("octroi itself runs in it", "Run octroi elsewhere")
        }
    }
}

extension [LimitSetting] {
    /// The value of memory.swap.max among the settings; `nil` if it is not set.
    fileprivate var swap: Limit? {
        for case .number(let limit) in lazy.filter({ $0.key == .memorySwapMax }).map(\.value) {
            return limit
        }
        return nil
    }
}

/// Whether the host could not be reached or repaired without a unit.
func isVital(_ unit: String) -> Bool {
    let names: Set = [
        "init.scope", "dbus.service", "dbus-broker.service", "ssh.service", "sshd.service",
        "docker.service", "containerd.service", "podman.service", "crio.service",
        "kubelet.service", "octroi.service", "cron.service", "polkit.service",
        "NetworkManager.service", "getty.service", "rsyslog.service",
    ]
    let prefixes = ["systemd-", "user@", "getty@", "session-", "serial-getty@", "sshd@", "ssh@"]
    return names.contains(unit) || prefixes.contains { unit.hasPrefix($0) }
}
