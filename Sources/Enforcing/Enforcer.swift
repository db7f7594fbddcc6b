import CgroupFormat
import Limits
import Store
import SystemPackage
import Units

/// The enforcing loop's body: holds the kernel against what limits shall be, once a tick.
///
/// It only reads where all is as it should be.
public final class Enforcer {
    /// What one look came to.
    public struct Outcome: Sendable {
        /// Limits that were compared, and written.
        public var compared = 0
        public var written = 0
        /// What an operator has to know, in words.
        public var messages: [String] = []
    }

    let changer: LimitChanger
    let store: Store
    private let budgets: BudgetKeeper?
    private var seen: [FightWatch.Place: Seen] = [:]
    private var fights = FightWatch()
    private var strangled = StrangleWatch()
    private var told: Set<String> = []
    private var version = ""
    private var known: LimitState?
    private var expectations: [Expectation] = []

    /// What one tenant or container shall have, in a fixed order.
    private struct Expectation {
        var subject: LimitSubject
        var limits: [(key: LimitKey, value: LimitValue)]
        var passing: Set<LimitKey>
    }

    /// A clock that only goes on, in ms.
    private let clock: () -> Int64

    /// A limit as it was last seen in order, or alerted of.
    private struct Seen {
        var cgroupID: Int64
        var value: LimitValue
        var alerted: LimitValue?
    }

    /// - Parameter budgets: what keeps budgets; `nil` leaves them alone.
    public init(
        changer: LimitChanger, store: Store, budgets: BudgetKeeper?, clock: @escaping () -> Int64
    ) {
        (self.changer, self.store) = (changer, store)
        (self.budgets, self.clock) = (budgets, clock)
    }

    /// Looks once.
    ///
    /// - Returns: `nil` if somebody else is changing limits; the next look sees to it.
    public func look() throws(Fault) -> Outcome? {
        try changer.alone(waitMilliseconds: 0) { () throws(Fault) in
            var outcome = Outcome()
            let targets = try LimitTargets(changer.tree, store)
            let boosts = try changer.endOverdueBoosts(targets)
            outcome.written += boosts.ended.reduce(0) { $0 + $1.changes.count }
            for set in boosts.ended {
                outcome.messages.append("\(set.target): \(set.reason ?? "")")
            }
            for fault in boosts.failed { tell("\(fault)", &outcome) }
            if let budgets {
                for message in try budgets.look(targets) { tell(message, &outcome) }
            }
            let state = try state()
            for expectation in expectations { compare(expectation, state, targets, &outcome) }
            return outcome
        }
    }

    /// What limits shall be, read anew only if it is another.
    private func state() throws(Fault) -> LimitState {
        let version = try store.limitVersion()
        if let known, version == self.version { return known }
        let state = try store.limitState()
        (self.version, known) = (version, state)
        expectations = state.desired.map { subject, desired in
            Expectation(
                subject: subject,
                limits: desired.all.sorted { $0.key.description < $1.key.description }
                    .map { ($0.key, $0.value) }, passing: desired.passing)
        }.sorted {
            ($0.subject.kind.rawValue, $0.subject.name) < (
                $1.subject.kind.rawValue, $1.subject.name
            )
        }
        return state
    }

    /// Compares all limits of a tenant or container, then writes in one change-set what is wrong.
    private func compare(
        _ expectation: Expectation, _ state: LimitState, _ targets: LimitTargets,
        _ outcome: inout Outcome
    ) {
        let subject = expectation.subject
        let cgroups = targets.cgroups(of: subject)
        var wrong: [Wrong] = []
        for (key, value) in expectation.limits {
            let isOfContainers = key == .freeze && subject.kind == .tenant
            for cgroup in isOfContainers ? targets.containers(of: subject.name) : cgroups {
                outcome.compared += 1
                let look = Look(
                    subject: subject, key: key, value: value, cgroup: cgroup,
                    isPassing: expectation.passing.contains(key))
                do throws(Fault) {
                    if let found = try compare(look, state, targets, &outcome) {
                        wrong.append(found)
                    }
                } catch {
                    tell("\(error)", &outcome)
                }
            }
        }
        for isPassing in [false, true] {
            let part = wrong.filter { $0.look.isPassing == isPassing }
            if part.isEmpty { continue }
            do throws(Fault) {
                try write(part, of: subject, isPassing: isPassing, &outcome)
            } catch {
                tell("\(error)", &outcome)
            }
        }
    }

    /// A limit that is to be written, and why.
    private struct Wrong {
        var look: Look
        var why: String
    }

    /// One limit of one cgroup.
    private struct Look {
        var subject: LimitSubject
        var key: LimitKey
        var value: LimitValue
        var cgroup: LimitedCgroup
        var isPassing: Bool

        var place: FightWatch.Place { .init(path: cgroup.path, key: key) }
    }

    /// Compares one limit.
    ///
    /// - Returns: it, if it is to be written.
    private func compare(
        _ look: Look, _ state: LimitState, _ targets: LimitTargets, _ outcome: inout Outcome
    ) throws(Fault) -> Wrong? {
        let now = try changer.tree.value(of: look.key, at: look.cgroup)
        if look.key == .memoryHigh {
            try watch(look, now, &outcome)
            if strangled.isLifted(look.cgroup.path, at: clock()) { return nil }
        }
        let isCopyRight = look.cgroup.innerIsRight(look.key, look.value)
        if now.isSame(as: look.value, for: look.key), isCopyRight {
            seen[look.place] = Seen(cgroupID: look.cgroup.id, value: look.value)
            return nil
        }
        guard try isDrift(look) else {
            return Wrong(look: look, why: "\(look.key) was not yet what is wanted")
        }
        let tenant = targets.tenant(of: look.cgroup.path)
        let policy = look.isPassing ? .reassert : tenant.flatMap { state.drift[$0] } ?? .reassert
        let found = "\(look.key) was \(look.value), found \(now)"
        let culprit = changer.tree.culprit(look.key, now, look.cgroup)
        switch policy {
        case .reassert:
            switch fights.drifted(look.place, at: clock()) {
            case .reassert: return Wrong(look: look, why: "\(found): \(culprit)")
            case .giveUp:
                try alert(
                    look,
                    "\(found) again and again: \(culprit). Two writers fight: it is left as "
                        + "it is for 10 min", tenant, &outcome)
            case .quiet: break
            }
        case .adopt: try adopt(look, now, "\(found): \(culprit)", tenant, &outcome)
        case .alert:
            guard seen[look.place]?.alerted != now else { return nil }
            try alert(look, "\(found): \(culprit)", tenant, &outcome)
            seen[look.place] = Seen(
                cgroupID: look.cgroup.id, value: look.value, alerted: now)
        }
        return nil
    }

    /// Whether the value was in force in this very cgroup, so that somebody changed it since.
    private func isDrift(_ look: Look) throws(Fault) -> Bool {
        if let known = seen[look.place], known.cgroupID == look.cgroup.id {
            return known.value.isSame(as: look.value, for: look.key)
        }
        let last = try store.lastLimitChange(of: look.cgroup.id, look.key.description)
        let after = last.flatMap { LimitValue($0.after, for: look.key) }
        return after?.isSame(as: look.value, for: look.key) ?? false
    }

    private func write(
        _ wrong: [Wrong], of subject: LimitSubject, isPassing: Bool, _ outcome: inout Outcome
    ) throws(Fault) {
        let reason = wrong.map { "\($0.look.cgroup.path): \($0.why)" }.joined(separator: "; ")
        var request = LimitRequest(
            .reassert, of: subject, tenant: subject.kind == .tenant ? subject.name : nil,
            reason: reason)
        for item in wrong {
            let setting = LimitSetting(item.look.key, item.look.value)
            request.writes += try changer.plan(item.look.cgroup, [setting], false, 0).map(\.write)
        }
        request.lasting = !isPassing
        request.holds = isPassing
        let set = try changer.perform(request)
        outcome.written += set.changes.count
        for item in wrong {
            seen[item.look.place] = Seen(
                cgroupID: item.look.cgroup.id, value: item.look.value)
        }
        outcome.messages.append("\(subject.name): \(reason); set as wanted")
    }

    /// Wants what somebody else wrote.
    private func adopt(
        _ look: Look, _ now: LimitValue, _ why: String, _ tenant: String?, _ outcome: inout Outcome
    ) throws(Fault) {
        var request = LimitRequest(.adopt, of: look.subject, tenant: tenant, reason: why)
        request.effects = [
            .want(
                WantedLimit(
                    look.subject, look.key, now, source: .adopted, since: changer.now()))
        ]
        try changer.perform(request)
        seen[look.place] = Seen(cgroupID: look.cgroup.id, value: now)
        outcome.messages.append("\(look.cgroup.path) \(why): adopted")
    }

    private func alert(
        _ look: Look, _ why: String, _ tenant: String?, _ outcome: inout Outcome
    ) throws(Fault) {
        try changer.perform(LimitRequest(.alert, of: look.subject, tenant: tenant, reason: why))
        outcome.messages.append("\(look.cgroup.path) \(why)")
    }

    /// Lifts a memory.high that lets nothing run any more.
    private func watch(
        _ look: Look, _ now: LimitValue, _ outcome: inout Outcome
    ) throws(Fault) {
        guard now != .number(.max),
            let total = look.cgroup.stalled("memory.pressure", full: true),
            strangled.look(look.cgroup.path, stalled: total, at: clock())
        else { return }
        let items = try changer.plan(
            look.cgroup, [LimitSetting(.memoryHigh, .number(.max))], false, 0)
        var request = LimitRequest(
            .alert, of: look.subject, tenant: nil,
            reason:
                "memory.high \(now) strangles it (all in it stalled for 30 s): lifted for 10 min",
            writes: items.map(\.write))
        request.lasting = false
        try changer.perform(request)
        outcome.written += items.count
        outcome.messages.append("\(look.cgroup.path) \(request.reason ?? "")")
    }

    /// Says a thing once, until it was not said for a look.
    private func tell(_ message: String, _ outcome: inout Outcome) {
        if told.insert(message).inserted { outcome.messages.append(message) }
    }
}

extension LimitedCgroup {
    /// Whether crun's copy of a limit lets through what is wanted.
    func innerIsRight(_ key: LimitKey, _ value: LimitValue) -> Bool {
        guard key.isBinding, let inner, let copy = try? inner.value(of: key) else { return true }
        return !copy.isTighter(than: value)
    }
}
