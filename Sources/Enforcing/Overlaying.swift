import Host
import Limits
import Runtimes
import Store
import Units

/// Overlays: limits that apply for a time, on top of desired ones.
///
/// Boosts and steps of a budget are overlays.
extension LimitChanger {
    /// The state of limits of this tree in the store.
    func state() throws(Fault) -> LimitState { try store.limitState(in: tree.path, boot: boot) }

    /// Ends some overlays and adds others in one change; call it while holding the limits lock.
    ///
    /// The replaced values are remembered, and owners are told to keep the new ones until the next
    /// boot only. Where no overlay remains, the desired value is restored, or else the remembered
    /// one. A value that somebody else wrote meanwhile stays, and the change's reason says so.
    ///
    /// - Parameters:
    ///   - overlays: the overlays to add.
    ///   - ending: the overlays to end.
    ///   - isForced: whether memory may be set below what is in use.
    ///   - refusing: whether to fail if somebody else wrote a value meanwhile, instead of leaving
    ///     it.
    /// - Returns: `nil` if there is nothing to add or to end.
    @discardableResult
    func lay(
        _ overlays: [LimitOverlay], ending: [LimitOverlay] = [], _ targets: LimitTargets,
        _ action: LimitChangeSet.Action, reason: String?, undoes: Int64? = nil,
        isForced: Bool = false, refusing: Bool = false
    ) throws(Fault) -> LimitChangeSet? {
        guard let first = overlays.first ?? ending.first else { return nil }
        var state = try state()
        let ended = Set(ending.map(\.id))
        state.overlays.removeAll { ended.contains($0.id) }
        state.overlays += overlays
        let desired = DesiredCgroups(state.desires, targets)

        var writes: [PlannedWrite] = []
        var notes: [String] = []
        for overlay in overlays {
            for cgroup in targets.cgroups(of: overlay.subject, overlay.key) {
                guard let limit = desired.limit(overlay.key, at: cgroup.path) else { continue }
                guard let now = try? tree.value(of: overlay.key, at: cgroup) else {
                    notes.append("\(cgroup.path) has no \(overlay.key)")
                    continue
                }
                let value = limit.value(now: now, held: state.held(limit.key, in: cgroup.id))
                writes += try plan(
                    cgroup, [LimitSetting(limit.key, value)], isForced, 0
                ).map(\.write)
            }
        }
        let planned = Set(writes.map(\.place))
        let keys = Set(ending.map(\.key))
        let held = state.held.filter {
            keys.contains($0.key) && !planned.contains($0.place)
        }
        let restored = try restore(held, desired, isForced: isForced, refusing: refusing)
        let effects = holding(writes, state) + restored.effects
        notes += restored.notes

        let said = ([reason] + notes).compactMap(\.self).joined(separator: "; ")
        var request = LimitRequest(
            action, of: first.subject, tenant: first.tenant, reason: said.isEmpty ? nil : said,
            writes: writes + restored.writes)
        request.lasting = false
        request.isForced = isForced
        request.undoes = undoes
        request.expires = overlays.compactMap(\.until).max()
        request.effects =
            ending.map { .end(overlay: $0.id) } + overlays.map { .lay($0) } + effects
        return try perform(request)
    }

    /// The effects that remember which values temporary writes replace.
    func holding(_ writes: [PlannedWrite], _ state: LimitState) -> [LimitEffect] {
        writes.filter { !$0.isInForce }.map {
            .hold(
                HeldLimit(
                    $0, over: state.held($0.key, in: $0.cgroupID), boot: boot, root: tree.path))
        }
    }

    /// Makes systemd keep the temporary limits in force, and no others, across a daemon-reload.
    ///
    /// - Parameter effects: effects of the change; they name the cgroups concerned.
    func keepPassing(_ effects: [LimitEffect]) {
        let paths = Set(
            effects.compactMap { effect -> String? in
                switch effect {
                case .hold(let item), .release(let item): item.path
                case .want, .unwant, .lay, .end: nil
                }
            })
        guard !paths.isEmpty, let held = try? state().held else { return }
        for path in paths {
            let cgroup = tree.cgroup(path)
            let settings = held.filter { $0.path == path && $0.cgroupID == cgroup?.id }
                .map { LimitSetting($0.key, $0.written) }
            // A unit that no longer exists is known by its cgroup's name.
            let owner = (try? tree.owners.owner(of: path)) ?? .file
            let name = path.split(separator: "/").last.map(String.init)
            guard owner.isKeptByFile || cgroup == nil, let unit = owner.unit ?? name else {
                continue
            }
            tree.owners.keepPassing(settings, of: unit)
        }
    }

    /// The writes that restore values which an overlay replaced, where no overlay remains.
    ///
    /// Every value is restored in the cgroup it was replaced in, whoever that belongs to by now.
    ///
    /// - Parameters:
    ///   - held: the replaced values that are remembered.
    ///   - desired: the desired limits without the ended overlays.
    /// - Returns: writes, their effects on the store, and notes on values that somebody else
    ///   changed.
    /// - Throws: if memory would be set below what cannot be reclaimed, unless it is forced.
    func restore(
        _ held: [HeldLimit], _ desired: DesiredCgroups, isForced: Bool = false,
        refusing: Bool = false
    ) throws(Fault) -> (writes: [PlannedWrite], effects: [LimitEffect], notes: [String]) {
        var (writes, effects, notes): ([PlannedWrite], [LimitEffect], [String]) = ([], [], [])
        for item in held {
            guard let cgroup = try tree.find(item.path), cgroup.id == item.cgroupID else {
                effects.append(.release(item))
                continue
            }
            let limit = desired.limit(item.key, at: item.governingPath)
            let isPassing = limit?.isPassing ?? false
            let now = try tree.value(of: item.key, at: cgroup)
            let write = PlannedWrite(
                path: item.path, cgroupID: item.cgroupID,
                owner: item.path == item.governingPath
                    ? try tree.owners.owner(of: item.path) : .file,
                key: item.key, before: now,
                wanted: limit?.value(now: now, held: item.value) ?? item.before)
            if !isPassing { effects.append(.release(item)) }
            if write.isInForce { continue }
            let place = tree.path + escapingControlCharacters(write.path)
            guard item.value.isStill(now, for: item.key) else {
                if refusing { throw foreign(item, write.before, at: "\(place)/\(item.key)") }
                notes.append("\(item.path) \(item.key) is \(write.before), set by another: kept")
                continue
            }
            if !isForced { try write.refuseKill(cgroup.circumstances(), at: place) }
            writes.append(write)
            guard isPassing else { continue }
            // If the remaining overlay leads to the value that was there before, nothing needs to
            // be remembered any more.
            effects.append(
                write.wanted.isSame(as: item.before, for: item.key)
                    ? .release(item)
                    : .hold(HeldLimit(write, over: item.value, boot: boot, root: tree.path)))
        }
        return (writes, effects, notes)
    }

    /// The fault for a value that somebody else changed while a boost was in force.
    private func foreign(_ held: HeldLimit, _ now: LimitValue, at place: String) -> Fault {
        Fault(
            .failed, at: place,
            problem: "somebody changed it since: before the boost it was \(held.before), after it "
                + "\(held.written), now it is \(now)",
            suggestion: "Add --force to end the boost and leave the value as it is")
    }

    /// Ends every boost whose time is over; call it while holding the limits lock.
    ///
    /// If one limit of a boost cannot be restored, its other limits still are.
    ///
    /// - Parameter mayTry: whether the boost that a change set may be tried now.
    /// - Returns: the changes, and the boosts that could not be ended, by the id of their change.
    public func endOverdueBoosts(
        _ targets: LimitTargets, mayTry: (Int64) -> Bool = { _ in true }
    ) throws(Fault) -> (ended: [LimitChangeSet], failed: [(change: Int64, fault: Fault)]) {
        // Nearly always there is none, and then nothing else needs to be read.
        guard try store.rootsOfOverdueBoosts(at: now()).contains(tree.path) else { return ([], []) }
        let overdue = try state().overlays.filter { $0.until.map { $0 <= now() } ?? false }
        var (ended, failed): ([LimitChangeSet], [(Int64, Fault)]) = ([], [])
        for change in Set(overdue.map(\.change)).sorted() where mayTry(change) {
            let overlays = overdue.filter { $0.change == change }
            func end(_ overlays: [LimitOverlay]) throws(Fault) {
                let set = try lay(
                    [], ending: overlays, targets, .expire,
                    reason: "the boost of change \(change) is over")
                if let set { ended.append(set) }
            }
            do throws(Fault) {
                try end(overlays)
            } catch {
                guard overlays.count > 1 else {
                    failed.append((change, error))
                    continue
                }
                for overlay in overlays {
                    do throws(Fault) {
                        try end([overlay])
                    } catch {
                        failed.append((change, error))
                    }
                }
            }
        }
        return (ended, failed)
    }
}

extension Store {
    /// Ends overdue boosts of a cgroup tree that does not exist any more.
    ///
    /// Only the store changes. Without this, those boosts would count as in force for ever.
    ///
    /// - Returns: `nil` if there are none, or if another process is changing limits.
    public func endBoosts(ofLostRoot root: String, at now: Instant) throws(Fault) -> LimitChangeSet?
    {
        let lock = try ProcessLock("limits", of: path)
        guard lock.isHeld else { return nil }
        let overdue = try limitState(in: root, boot: "").overlays.filter {
            $0.until.map { $0 <= now } ?? false
        }
        guard let first = overdue.first else { return nil }
        let requester = Requester()
        let set = LimitChangeSet(
            at: now, uid: requester.uid, user: requester.user, target: first.subject.name,
            tenant: first.tenant, action: .expire, outcome: .done,
            reason: "its boost is over, and the cgroup tree \(root) is there no more")
        return try finishLimitChange(set, overdue.map { .end(overlay: $0.id) })
    }
}
