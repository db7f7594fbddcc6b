import CgroupFormat
import Limits
import Runtimes
import Store
import Units

/// Compares the kernel with the desired limits and decides what to do about differences.
extension Enforcer {
    /// One limit of one cgroup.
    private struct Look {
        var entry: DesiredCgroups.Entry
        var limit: DesiredLimit
        /// The value to have.
        ///
        /// Under a budget this may be a tighter value that somebody else set.
        var value: LimitValue

        var cgroup: LimitedCgroup { entry.cgroup }
        var key: LimitKey { limit.key }
        var place: LimitPlace { LimitPlace(cgroup.path, key) }
        /// The key under which a failed write is delayed.
        var attempt: Attempt { .write(cgroup: cgroup.id, key, value) }
    }

    /// A limit that has to be written, and why.
    private struct Wrong {
        var look: Look
        /// The reason in words.
        var why: String
    }

    /// Compares all limits of a cgroup, then writes the wrong ones.
    ///
    /// Lasting and temporary limits are written in one change each.
    func compare(
        _ entry: DesiredCgroups.Entry, _ state: LimitState, _ targets: LimitTargets,
        _ outcome: inout Outcome
    ) {
        var wrong: [Wrong] = []
        for limit in entry.list {
            outcome.compared += 1
            do throws(Fault) {
                if let found = try compare(limit, of: entry, state, targets, &outcome),
                    backoff.mayTry(found.look.attempt, at: clock())
                {
                    wrong.append(found)
                }
            } catch {
                tell("\(error)", &outcome)
            }
        }
        // Owners keep only lasting values over a reboot, so each kind is a change of its own.
        for isPassing in [false, true] {
            let part = wrong.filter { $0.look.limit.isPassing == isPassing }
            if !part.isEmpty { write(part, state, isPassing: isPassing, targets, &outcome) }
        }
    }

    /// Compares one limit.
    ///
    /// A value that was correct in this cgroup before and now differs is drift; the tenant's policy
    /// decides what happens. Any other difference is simply not set yet.
    ///
    /// - Returns: the limit if it has to be written.
    private func compare(
        _ limit: DesiredLimit, of entry: DesiredCgroups.Entry, _ state: LimitState,
        _ targets: LimitTargets, _ outcome: inout Outcome
    ) throws(Fault) -> Wrong? {
        let now = try changer.tree.value(of: limit.key, at: entry.cgroup)
        let look = Look(
            entry: entry, limit: limit,
            value: limit.value(now: now, held: state.held(limit.key, in: entry.cgroup.id)))
        // A memory.high that stalls a whole cgroup is lifted, and not set again for 10 minutes.
        if look.key == .memoryHigh {
            if try watch(look, now, state, &outcome) { return nil }
            if strangled.isLifted(look.cgroup.path, at: clock()) { return nil }
        }
        // The kernel's value may be right while crun's copy below it is tighter.
        let isCopyRight = look.cgroup.innerIsRight(look.key, look.value)
        if now.isSame(as: look.value, for: look.key), isCopyRight {
            seen[look.place] = Seen(cgroupID: look.cgroup.id, value: look.value)
            return nil
        }
        // A new cgroup, or a limit that was just set in the store: nobody to blame.
        guard try isDrift(look) else {
            return Wrong(look: look, why: "\(look.key) was not yet what is wanted")
        }
        if now.isSame(as: look.value, for: look.key) {
            return Wrong(look: look, why: "crun's copy of \(look.key) was tighter")
        }
        let tenant = targets.tenant(of: look.cgroup.path)
        // A value that systemd rounded to a whole percent is nobody's wish, so it is set again.
        let isSpecified = !look.limit.isPassing && !look.value.isPercent(now)
        let policy = isSpecified ? tenant.flatMap { state.drift[$0] } ?? .reassert : .reassert
        let found = "\(look.key) was \(look.value), found \(now)"
        // Ask systemd once; the property asks it every time.
        let hasReloaded = hasReloaded
        let driftSource = changer.tree.driftSource(
            look.key, now, look.cgroup, hasReloaded: hasReloaded)
        switch policy {
        // After a daemon-reload systemd applies the value it keeps. That is no fight.
        case .reassert where driftSource.isKept && hasReloaded:
            return Wrong(look: look, why: "\(found): \(driftSource)")
        case .reassert:
            switch fights.drifted(look.place, at: clock()) {
            case .reassert: return Wrong(look: look, why: "\(found): \(driftSource)")
            case .giveUp:
                try alert(
                    look,
                    "\(found) again and again: \(driftSource). Two writers fight: it is left as "
                        + "it is for 10 min", tenant, &outcome)
            // The fight was reported already.
            case .quiet: break
            }
        // The tenant's policy accepts changes by others.
        case .adopt: try adopt(look, now, "\(found): \(driftSource)", targets, &outcome)
        case .alert:
            // Report each foreign value once.
            guard seen[look.place]?.alerted != now else { return nil }
            try alert(look, "\(found): \(driftSource)", tenant, &outcome)
            seen[look.place] = Seen(
                cgroupID: look.cgroup.id, value: look.value, alerted: now)
        }
        return nil
    }

    /// Whether the desired value was in effect in this same cgroup before, so that it was changed.
    private func isDrift(_ look: Look) throws(Fault) -> Bool {
        // The daemon itself has seen the value in effect since it started.
        if let known = seen[look.place], known.cgroupID == look.cgroup.id {
            return known.value.isSame(as: look.value, for: look.key)
        }
        // After a restart of the daemon, the record of changes tells what the value was.
        let last = try store.lastLimitChange(
            of: look.cgroup.id, look.key.description, boot: changer.boot)
        let after = last.flatMap { LimitValue($0.after, for: look.key) }
        return after?.isSame(as: look.value, for: look.key) ?? false
    }

    /// Writes the wrong limits together, or one by one if that fails.
    private func write(
        _ wrong: [Wrong], _ state: LimitState, isPassing: Bool, _ targets: LimitTargets,
        _ outcome: inout Outcome
    ) {
        do throws(Fault) {
            try write(wrong, state, isPassing: isPassing, targets, outcome: &outcome)
        } catch {
            // One value that cannot be set must not keep the others from being set.
            if wrong.count > 1 {
                for item in wrong {
                    write([item], state, isPassing: isPassing, targets, &outcome)
                }
            } else if let only = wrong.first {
                backoff.failed(only.look.attempt, at: clock())
                tell("\(error)", &outcome)
            }
        }
    }

    /// Writes the wrong limits in one change.
    private func write(
        _ wrong: [Wrong], _ state: LimitState, isPassing: Bool, _ targets: LimitTargets,
        outcome: inout Outcome
    ) throws(Fault) {
        guard let first = wrong.first?.look else { return }
        // All limits of one cgroup have the same subject.
        let subject = first.entry.subject
        let reason = wrong.map { "\($0.look.cgroup.path): \($0.why)" }.joined(separator: "; ")
        var request = LimitRequest(
            .reassert, of: subject, tenant: targets.tenant(of: first.cgroup.path), reason: reason)
        for item in wrong {
            let setting = LimitSetting(item.look.key, item.look.value)
            request.writes += try changer.plan(item.look.cgroup, [setting], false, 0).map(\.write)
        }
        // Owners must forget temporary values at a reboot.
        request.lasting = !isPassing
        if isPassing { request.effects = changer.holding(request.writes, state) }
        let set = try changer.perform(request)
        outcome.written += set.changes.count
        for item in wrong {
            backoff.succeeded(item.look.attempt)
            seen[item.look.place] = Seen(
                cgroupID: item.look.cgroup.id, value: item.look.value)
        }
        outcome.messages.append("\(subject.name): \(reason); set as wanted")
    }

    /// Stores a value that somebody else wrote as desired, for this cgroup only.
    private func adopt(
        _ look: Look, _ now: LimitValue, _ why: String, _ targets: LimitTargets,
        _ outcome: inout Outcome
    ) throws(Fault) {
        // Even if a tenant's limit drifted, only this cgroup gets the adopted value.
        let target = targets.target(look.cgroup)
        let subject = target.subject
        var request = LimitRequest(.adopt, of: subject, tenant: target.tenant, reason: why)
        request.effects = [
            .want(WantedLimit(subject, look.key, now, source: .adopted, since: changer.now()))
        ]
        try changer.perform(request)
        seen[look.place] = Seen(cgroupID: look.cgroup.id, value: now)
        outcome.messages.append("\(look.cgroup.path) \(why): adopted")
    }

    /// Records and reports a difference without changing it.
    private func alert(
        _ look: Look, _ why: String, _ tenant: String?, _ outcome: inout Outcome
    ) throws(Fault) {
        try changer.perform(
            LimitRequest(.alert, of: look.entry.subject, tenant: tenant, reason: why))
        outcome.messages.append("\(look.cgroup.path) \(why)")
    }

    /// Lifts a memory.high under which nothing runs any more.
    ///
    /// - Returns: whether it was lifted.
    private func watch(
        _ look: Look, _ now: LimitValue, _ state: LimitState, _ outcome: inout Outcome
    ) throws(Fault) -> Bool {
        guard now != .number(.max),
            let total = look.cgroup.stalled("memory.pressure", full: true),
            strangled.look(look.cgroup.path, stalled: total, at: clock())
        else { return false }
        // Lift the limit in the kernel only; it stays desired.
        let writes = try changer.plan(
            look.cgroup, [LimitSetting(.memoryHigh, .number(.max))], false, 0
        ).map(\.write)
        var request = LimitRequest(
            .alert, of: look.entry.subject, tenant: nil,
            reason:
                "memory.high \(now) stalled everything in it for 30 s: lifted for 10 min",
            writes: writes)
        request.lasting = false
        if look.limit.isPassing { request.effects = changer.holding(writes, state) }
        try changer.perform(request)
        strangled.lift(look.cgroup.path, at: clock())
        // Remember the lifted value as correct, so that setting it again later is no drift.
        seen[look.place] = Seen(cgroupID: look.cgroup.id, value: .number(.max))
        outcome.written += writes.count
        outcome.messages.append("\(look.cgroup.path) \(request.reason ?? "")")
        return true
    }
}

extension LimitedCgroup {
    /// Whether crun's copy of a limit is no tighter than the desired value.
    func innerIsRight(_ key: LimitKey, _ value: LimitValue) -> Bool {
        guard key.isBinding, let inner, let copy = try? inner.value(of: key) else { return true }
        return !copy.isTighter(than: value)
    }
}
