import Host
import CgroupFS
import CgroupFormat
import Limits
import Runtimes
import SystemPackage
import Units

extension LimitedTree {
    /// The settings that specs ask for in one cgroup.
    ///
    /// Fields of a device that they do not name keep their values.
    ///
    /// - Parameter lasting: the value of a limit without temporary changes; `nil` if the kernel has
    ///   it.
    public func settings(
        _ specs: [LimitSpec], at cgroup: LimitedCgroup,
        lasting: (LimitKey) -> LimitValue? = { _ in nil }
    ) throws(Fault) -> [LimitSetting] {
        var settings: [LimitSetting] = []
        var named: [LimitKey: Set<IOMax.Field>] = [:]
        for spec in specs {
            let new: LimitSetting
            switch spec.goal {
            case .value(let key, let value): new = LimitSetting(key, value)
            case .device(let name, let fields):
                let device = try BlockDevices.resolve(name)
                if isKernel, BlockDevices.node(device) == nil {
                    throw Fault(
                        .wrongUse, at: "io.max=\(escapingControlCharacters(name))",
                        problem: "this host has no device \(device)",
                        suggestion: "Name a disk as lsblk shows it, /dev/vda, or its number")
                }
                let key = LimitKey.ioMax(device)
                // Several words may name one device, as long as no field is given twice.
                for field in IOMax.Field.allCases where fields[field] != nil {
                    guard named[key, default: []].insert(field).inserted else {
                        throw namedTwice(field.rawValue, "\(key)")
                    }
                }
                // Fields that are not named keep what an earlier word set, then what is desired,
                // then what the kernel has.
                var known = settings.first { $0.key == key }?.value ?? lasting(key)
                if known == nil { known = try value(of: key, at: cgroup) }
                guard case .io(var io)? = known else { continue }
                for (field, limit) in fields { io[field] = limit }
                settings.removeAll { $0.key == key }
                new = LimitSetting(key, .io(io))
            }
            guard !settings.contains(where: { $0.key == new.key }) else {
                throw namedTwice("it", "\(new.key)")
            }
            settings.append(new)
        }
        return settings
    }

    /// The writes for limits of one cgroup, including crun's copy of it.
    ///
    /// Values are read now, so that a limit whose file is missing is refused before anything is
    /// written.
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
            // crun's copy matters only for limits where the tighter of the two wins, and only if it
            // is set.
            guard setting.key.isBinding, let inner = cgroup.inner,
                let before = try? inner.value(of: setting.key), before != setting.key.initial
            else { continue }
            writes.append(
                PlannedWrite(
                    path: inner.path, cgroupID: inner.id, owner: .file, key: setting.key,
                    before: before, wanted: setting.value))
        }
        return writes
    }

    /// The value that the kernel has for a limit.
    ///
    /// If the controller of a systemd unit is off, the initial value is returned: nothing is
    /// limited, and systemd enables the controller with the unit's first limit.
    ///
    /// - Throws: if the controller is off elsewhere, or the file cannot be read.
    public func value(of key: LimitKey, at cgroup: LimitedCgroup) throws(Fault) -> LimitValue {
        if let value = try written(key, at: cgroup) { return value }
        // The controller exists, it is only not enabled down here yet.
        if let controller = key.controller, offers(controller),
            try owners.owner(of: cgroup.path).unit != nil
        {
            return key.initial
        }
        throw cgroup.fault(.noSuchFileOrDirectory, key, in: path)
    }

    /// The value in a limit's file; `nil` if there is no such file.
    ///
    /// - Throws: `badData` if the file's text is not a valid value. Then the limit is unknown,
    ///   which is not the same as no limit.
    public func written(_ key: LimitKey, at cgroup: LimitedCgroup) throws(Fault) -> LimitValue? {
        do throws(Errno) {
            if let value = try cgroup.value(of: key) { return value }
        } catch {
            if error == .noSuchFileOrDirectory { return nil }
            throw cgroup.fault(error, key, in: path)
        }
        throw Fault(
            .badData, at: "\(path)\(escapingControlCharacters(cgroup.path))/\(key)",
            problem: "it \(cgroup.trouble(key.file, of: key.device)), which is no limit",
            suggestion: "Look at the file: the kernel never writes such text")
    }

    /// The limit in effect in a cgroup, considering the cgroups above and crun's copy.
    ///
    /// - Parameter planned: the value to assume for the cgroup; by default the one it has.
    /// - Returns: `nil` if there is no such file.
    /// - Throws: if one of the files that decide it cannot be read.
    public func effective(
        _ key: LimitKey, at cgroup: LimitedCgroup, planned: LimitValue? = nil
    ) throws(Fault) -> EffectiveLimit? {
        guard let now = try written(key, at: cgroup) else { return nil }
        let own = planned ?? now
        var others: [(path: String, value: LimitValue)] = []
        if key.isInherited {
            for other in ancestors(of: cgroup.path) + [cgroup.inner].compactMap(\.self) {
                if let value = try written(key, at: other) { others.append((other.path, value)) }
            }
        }
        return EffectiveLimit(of: key, own: (cgroup.path, own), others: others)
    }

    /// Sentences about a planned write: why it may have less effect than it seems.
    public func caveats(_ write: PlannedWrite, at cgroup: LimitedCgroup) -> [String] {
        var notes: [String] = []
        do throws(Fault) {
            if write.key.isBinding,
                let holds = try effective(write.key, at: cgroup, planned: write.wanted),
                let binding = holds.binding.last, binding != write.path,
                holds.value != write.wanted
            {
                notes.append(
                    write.key.definition.effect == .protects
                        ? "\(binding) has \(write.key) \(holds.value), and no cgroup is protected more "
                            + "than those above it: set it there as well"
                        : "\(binding) still binds at \(holds.value)")
            }
        } catch {
            notes.append(notKnown(error))
        }
        // The quota as a percentage of the period: systemd rounds it to a whole percent.
        if case .cpu(let cpu) = write.wanted, case .at(let quota) = cpu.quota,
            write.owner.unit != nil, quota * 100 % cpu.period != 0
        {
            notes.append(
                "systemd keeps only whole percents over a daemon-reload: then it takes Octroi's daemon "
                    + "to set it again")
        }
        // A small quota needs a long period, during which the workload may pause.
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

    /// Sentences about why a limit has no effect on this host, or beside the cgroup's other limits.
    ///
    /// - Parameter settings: all limits that are set together.
    func vain(
        _ write: PlannedWrite, beside settings: [LimitSetting], at cgroup: LimitedCgroup
    ) -> [String] {
        var notes = [LimitSetting(write.key, write.wanted).vain(on: host)].compactMap(\.self)
        // Only memory limits depend on each other: memory.high at or above memory.max never acts.
        guard write.key == .memoryHigh || write.key == .memoryMax else { return notes }
        // If both are set, say it once, for memory.high.
        if write.key == .memoryMax, settings.contains(where: { $0.key == .memoryHigh }) {
            return notes
        }
        func after(_ key: LimitKey) throws(Fault) -> LimitValue? {
            if let set = settings.first(where: { $0.key == key }) { return set.value }
            return try written(key, at: cgroup)
        }
        do throws(Fault) {
            // A memory.max above this cgroup caps it as its own would.
            let above = try tightest(.memoryMax, above: cgroup.path)
            let own = try after(.memoryMax)
            let most = above.flatMap { own?.tightened(by: $0) ?? $0 } ?? own
            if let idle = idleHigh(try after(.memoryHigh), below: most) { notes.append(idle) }
        } catch {
            notes.append(notKnown(error))
        }
        return notes
    }

    /// The tightest value of a limit in the cgroups above one; `nil` if none of them has it.
    private func tightest(_ key: LimitKey, above path: String) throws(Fault) -> LimitValue? {
        var tightest: LimitValue?
        // Cgroups without the file, such as those with the controller off, do not limit it.
        for cgroup in ancestors(of: path) {
            guard let value = try written(key, at: cgroup) else { continue }
            tightest = tightest?.tightened(by: value) ?? value
        }
        return tightest
    }
}

private func namedTwice(_ what: String, _ limit: String) -> Fault {
    Fault(
        .wrongUse, at: "limit \(limit)", problem: "\(what) is named twice",
        suggestion: "Give it one value")
}

/// The note on a limit that depends on a file that cannot be read.
func notKnown(_ fault: Fault) -> String {
    "not known, as \(fault.location) cannot be used: \(fault.problem)"
}

extension LimitKey {
    /// Whether the tightest value of a cgroup and those above it applies.
    public var isBinding: Bool {
        switch definition.effect {
        case .caps, .protects: true
        case .weighs, .stops: false
        }
    }

    /// Whether cgroups above have an effect on it; weights only count against siblings.
    var isInherited: Bool { definition.effect != .weighs }
}
