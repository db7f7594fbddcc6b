import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Runtimes
import SystemPackage
import Units

/// Writing limits through their owners, and reading the kernel back.
extension LimitedTree {
    /// Writes one batch: limits of one cgroup and one owner.
    ///
    /// - Parameter lasting: whether the owner shall keep them over a reboot or a restart.
    /// - Throws: whatever the owner or the kernel refused; some of the batch may be written then.
    func write(_ batch: [PlannedWrite], lasting: Bool) throws(Fault) {
        guard let first = batch.first else { return }
        let cgroup = try same(first)
        for write in batch where write.key == .freeze { try freeze(write, cgroup) }
        var left = batch.filter { $0.key != .freeze }.map { LimitSetting($0.key, $0.wanted) }
        if left.isEmpty { return }
        let isKept = lasting && first.owner.remembers
        // Docker writes swap with memory: what it makes of it is put right.
        if isKept, let swap = swap(beside: left, cgroup) { left.append(swap) }
        let all = left
        if isKept { left = try owners.update(left, of: first.owner, swap: left.swap) }
        if let unit = first.owner.unit {
            // Besides an engine, too: it tells systemd rounded values, which systemd writes over the
            // exact ones with the next property of whatever kind.
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

    private func write(_ setting: LimitSetting, to cgroup: LimitedCgroup) throws(Errno) {
        let text = setting.value.kernelText(for: setting.key)
        do throws(Errno) {
            try cgroup.directory.write(text, to: setting.key.file)
        } catch {
            // A cgroup with processes has to be given CPUs by name: no list would be none for them.
            guard error == .noSpace, setting.value == .cpus(.all), let hostCPUs else { throw error }
            try cgroup.directory.write(hostCPUs.description, to: setting.key.file)
        }
    }

    /// Waits until systemd has done what it said it did: it answers before it writes.
    ///
    /// - Returns: the limits that are to be none and are not: where nothing else needs a controller any
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

    /// The limit of swap that is to stay when memory.max is set; `nil` if it is set itself.
    private func swap(beside settings: [LimitSetting], _ cgroup: LimitedCgroup) -> LimitSetting? {
        guard settings.contains(where: { $0.key == .memoryMax }), settings.swap == nil,
            let value = try? cgroup.value(of: .memorySwapMax)
        else { return nil }
        return LimitSetting(.memorySwapMax, value)
    }

    /// The cgroup of a plan, if it is still the one that was planned for.
    func same(_ write: PlannedWrite) throws(Fault) -> LimitedCgroup {
        let cgroup = try require(write.path)
        // A plain folder's files may be replaced under the same name; the kernel's never are.
        guard cgroup.id == write.cgroupID || !isKernel else {
            throw Fault(
                .failed, at: path + escapingControlCharacters(write.path),
                problem: "the cgroup was replaced by another of the same name",
                suggestion: "Run it again")
        }
        return cgroup
    }

    /// What the kernel has for a planned write now.
    ///
    /// What is frozen is said by cgroup.events: cgroup.freeze only says what was asked for.
    func readBack(_ write: PlannedWrite) throws(Fault) -> LimitValue {
        let cgroup = try require(write.path)
        if write.key == .freeze, let isFrozen = cgroup.isFrozen { return .frozen(isFrozen) }
        return try value(of: write.key, at: cgroup)
    }

    /// All that the kernel has for a planned write now: for the freezer what cgroup.freeze asks for, too, as
    /// the kernel may come to do it later.
    func values(_ write: PlannedWrite) throws(Fault) -> [LimitValue] {
        var values = [try readBack(write)]
        if write.key == .freeze {
            values.append(try value(of: write.key, at: try require(write.path)))
        }
        return values
    }

    private func isInForce(_ setting: LimitSetting, _ cgroup: LimitedCgroup) -> Bool {
        guard let value = try? value(of: setting.key, at: cgroup) else { return false }
        return value.isSame(as: setting.value, for: setting.key)
    }

    /// Freezes or thaws through the owner, and waits for the kernel.
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
        // The kernel freezes in its own time; 10 s is what container runtimes wait. In a plain folder
        // nobody does.
        for _ in 0..<(isKernel ? 500 : 1) {
            let now = cgroup.isFrozen
            if now == nil || now == isFrozen { return }
            usleep(20_000)
        }
    }

    /// Thaws whoever froze it: the engine, systemd, crun in its copy, or somebody by the file.
    ///
    /// An engine that holds a container for paused which somebody else thawed refuses to resume it:
    /// frozen once more, it does.
    private func thaw(_ write: PlannedWrite, _ cgroup: LimitedCgroup) throws(Fault) {
        if owners.isPaused(write.owner), (try? owners.pause(false, write.owner)) == nil {
            try freezeByFile(true, cgroup)
            _ = try? owners.pause(false, write.owner)
        }
        // What is not frozen for systemd need not be thawed by it; the file says what is true.
        if let unit = write.owner.unit, owners.canFreeze { try? owners.freeze(false, unit) }
        try freezeByFile(false, cgroup)
        if let inner = cgroup.inner { try freezeByFile(false, inner) }
    }

    private func freezeByFile(_ isFrozen: Bool, _ cgroup: LimitedCgroup) throws(Fault) {
        do throws(Errno) {
            let text = try cgroup.directory.text(named: LimitKey.freeze.file)
            if text.hasPrefix(isFrozen ? "1" : "0") { return }
            try cgroup.directory.write(isFrozen ? "1" : "0", to: LimitKey.freeze.file)
        } catch {
            throw cgroup.fault(error, .freeze, in: path)
        }
    }

    /// Refuses to freeze what holds others, what the host lives on, and Octroi itself.
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
    fileprivate var swap: Limit? {
        for case .number(let limit) in lazy.filter({ $0.key == .memorySwapMax }).map(\.value) {
            return limit
        }
        return nil
    }
}

/// Units without which a host cannot be reached or mended.
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
