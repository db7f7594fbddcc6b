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
                // Several words may name one device, as long as none says anew what another said.
                for field in IOMax.Field.allCases where fields[field] != nil {
                    guard named[key, default: []].insert(field).inserted else {
                        throw namedTwice(field.rawValue, "\(key)")
                    }
                }
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
                let before = try? inner.value(of: setting.key), before != setting.key.initial
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
        if let value = try written(key, at: cgroup) { return value }
        if let controller = key.controller, offers(controller),
            try owners.owner(of: cgroup.path).unit != nil
        {
            return key.initial
        }
        throw cgroup.fault(.noSuchFileOrDirectory, key, in: path)
    }

    /// A limit as its file has it; `nil` without the file.
    ///
    /// - Throws: if the file is there and says no limit: that is not known, and not no limit.
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
            suggestion: "Look at the file: the kernel writes no such text")
    }

    /// What holds in a cgroup, with those above it and the copy of crun; `nil` without the file.
    ///
    /// - Parameter planned: the value it is to have; default: the one it has.
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

    /// What is to be known of a write besides, in words: why it may have less effect than it says.
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
        // It is said once, of memory.high where both are set.
        if write.key == .memoryMax, settings.contains(where: { $0.key == .memoryHigh }) {
            return notes
        }
        func after(_ key: LimitKey) throws(Fault) -> LimitValue? {
            if let set = settings.first(where: { $0.key == key }) { return set.value }
            return try written(key, at: cgroup)
        }
        do throws(Fault) {
            // What is above it caps it as its own does.
            let above = try tightest(.memoryMax, above: cgroup.path)
            let own = try after(.memoryMax)
            let most = above.flatMap { own?.tightened(by: $0) ?? $0 } ?? own
            if let idle = idleHigh(try after(.memoryHigh), below: most) { notes.append(idle) }
        } catch {
            notes.append(notKnown(error))
        }
        return notes
    }

    /// The tightest of a limit in the cgroups above one; `nil` where none of them has it.
    private func tightest(_ key: LimitKey, above path: String) throws(Fault) -> LimitValue? {
        var tightest: LimitValue?
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

/// What is said of a limit where another that decides with it cannot be read.
func notKnown(_ fault: Fault) -> String {
    "not known, as \(fault.location) cannot be used: \(fault.problem)"
}

extension LimitKey {
    /// Whether the tightest of a cgroup and those above it holds.
    public var isBinding: Bool {
        switch definition.effect {
        case .caps, .protects: true
        case .weighs, .stops: false
        }
    }

    /// Whether those above a cgroup have a say in it: weights only weigh against siblings.
    var isInherited: Bool { definition.effect != .weighs }
}
