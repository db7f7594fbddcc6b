import CgroupFS
import CgroupFormat
import Limits
import Runtimes
import SystemPackage
import Units

extension LimitedTree {
    /// The limits that words ask for, at one cgroup: what they do not name of a device stays.
    ///
    /// - Parameter lasting: a limit as it is without what stands for a time; `nil` if the kernel has it.
    public func settings(
        _ wishes: [LimitWish], at cgroup: LimitedCgroup,
        lasting: (LimitKey) -> LimitValue? = { _ in nil }
    ) throws(Fault) -> [LimitSetting] {
        var settings: [LimitSetting] = []
        for wish in wishes {
            let new: LimitSetting
            switch wish.goal {
            case .value(let key, let value): new = LimitSetting(key, value)
            case .device(let name, let fields):
                let device = try BlockDevices.resolve(name)
                if isKernel, BlockDevices.node(device) == nil {
                    throw Fault(
                        .wrongUse, at: "io.max=\(harmless(name))",
                        found: "this host has no device \(device)",
                        cure: "Name a disk as lsblk shows it, /dev/vda, or its number")
                }
                let key = LimitKey.ioMax(device)
                var known = settings.first { $0.key == key }?.value ?? lasting(key)
                if known == nil { known = try value(of: key, at: cgroup) }
                guard case .io(var io)? = known else { continue }
                for (field, limit) in fields { io[field] = limit }
                settings.removeAll { $0.key == key }
                new = LimitSetting(key, .io(io))
            }
            guard !settings.contains(where: { $0.key == new.key }) else {
                throw Fault(
                    .wrongUse, at: "limit \(new.key)", found: "it is named twice",
                    cure: "Give it one value")
            }
            settings.append(new)
        }
        return settings
    }

    /// What has to be written for limits of one cgroup, in the copy of crun as well.
    ///
    /// Whether the kernel would refuse is found out here, before anything is written.
    public func plan(
        _ cgroup: LimitedCgroup, _ settings: [LimitSetting]
    ) throws(Fault) -> [PlannedWrite] {
        let owner = try owners.owner(of: cgroup.path)
        var writes: [PlannedWrite] = []
        for setting in settings {
            writes.append(
                PlannedWrite(
                    path: cgroup.path, cgroupID: cgroup.id, owner: owner, key: setting.key,
                    before: try value(of: setting.key, at: cgroup), wanted: setting.value))
            guard setting.key.isBinding, let inner = cgroup.inner,
                let before = try? inner.value(of: setting.key), before != setting.key.unlimited
            else { continue }
            writes.append(
                PlannedWrite(
                    path: inner.path, cgroupID: inner.id, owner: .file, key: setting.key,
                    before: before, wanted: setting.value))
        }
        return writes
    }

    /// A limit as the kernel has it.
    ///
    /// A unit's controller that is off is no error: systemd switches it on with the unit's first limit,
    /// and until then nothing is limited.
    ///
    /// - Throws: if its controller is off, or this user may not read it.
    public func value(of key: LimitKey, at cgroup: LimitedCgroup) throws(Fault) -> LimitValue {
        do throws(Errno) {
            if let value = try cgroup.value(of: key) { return value }
        } catch {
            if error == .noSuchFileOrDirectory, let controller = key.controller,
                offers(controller), try owners.owner(of: cgroup.path).unit != nil
            {
                return key.unlimited
            }
            throw cgroup.fault(error, key, in: path)
        }
        throw Fault(
            .badData, at: "\(path)\(harmless(cgroup.path))/\(key)",
            found: "a text that is no limit", cure: "Look at the file; it may be no kernel's")
    }

    /// What holds in a cgroup, with those above it and the copy of crun; `nil` without the file.
    public func effective(_ key: LimitKey, at cgroup: LimitedCgroup) -> EffectiveLimit? {
        guard let own = try? cgroup.value(of: key) else { return nil }
        var others = ancestors(of: cgroup.path)
        if let inner = cgroup.inner { others.append(inner) }
        return EffectiveLimit(
            of: key, own: (cgroup.path, own),
            others: others.compactMap { other in
                (try? other.value(of: key)).map { (other.path, $0) }
            })
    }

    /// What is to be known of a write besides, in words: why it may have less effect than it says.
    public func caveats(_ write: PlannedWrite, at cgroup: LimitedCgroup) -> [String] {
        var notes: [String] = []
        if let holds = effective(write.key, at: cgroup), write.key.isBinding,
            let binding = holds.binding.first, binding != write.path,
            holds.value.isTighter(than: write.wanted)
        {
            notes.append("\(binding) still binds at \(holds.value)")
        }
        if case .cpu(let cpu) = write.wanted, case .at(let quota) = cpu.quota,
            write.owner.unit != nil, quota * 100 % cpu.period != 0
        {
            notes.append(
                "systemd keeps only whole percents over a daemon-reload: then it takes Octroi's daemon "
                    + "to set it again")
        }
        if case .cpu(let cpu) = write.wanted, case .at(let quota) = cpu.quota, cpu.period > 100_000
        {
            notes.append(
                "the kernel takes no quota below 1 ms: it may run \(quota / 1000) ms of each "
                    + "\(cpu.period / 1000) ms, and stand still for the rest")
        }
        if write.key == .ioWeight, isKernel, weighsNothing {
            notes.append(
                "it does nothing here: neither iocost nor BFQ is on; octroi limit doctor says more")
        }
        if case .ioMax(let device) = write.key {
            notes.append(
                BlockDevices.node(device).map { "\(device) is \($0)" }
                    ?? "this host has no device \(device): it limits nothing")
        }
        return notes
    }

    /// Why a limit takes no hold on this host or beside the other limits of its cgroup, in words.
    ///
    /// - Parameter settings: all that are to be set together.
    func vain(
        _ write: PlannedWrite, beside settings: [LimitSetting], at cgroup: LimitedCgroup
    ) -> [String] {
        var notes = [LimitSetting(write.key, write.wanted).vain(on: host)].compactMap(\.self)
        guard write.key == .memoryHigh || write.key == .memoryMax else { return notes }
        func after(_ key: LimitKey) -> LimitValue? {
            settings.first { $0.key == key }?.value ?? (try? cgroup.value(of: key))
        }
        // What is above it caps it as its own does.
        let above = tightest(.memoryMax, above: cgroup.path)
        let own = after(.memoryMax)
        let most = above.flatMap { own?.tightened(by: $0) ?? $0 } ?? own
        // It is said once, of memory.high where both are set.
        let isSaid = write.key == .memoryMax && settings.contains { $0.key == .memoryHigh }
        if !isSaid, let idle = idleHigh(after(.memoryHigh), below: most) { notes.append(idle) }
        return notes
    }

    /// The tightest of a limit in the cgroups above one; `nil` where none of them has it.
    private func tightest(_ key: LimitKey, above path: String) -> LimitValue? {
        let values = ancestors(of: path).compactMap { try? $0.value(of: key) }
        return values.dropFirst().reduce(values.first) { $0?.tightened(by: $1) }
    }
}

extension LimitKey {
    /// Whether the tightest of a cgroup and those above it holds.
    public var isBinding: Bool { self != .cpuWeight && self != .ioWeight && self != .freeze }
}
