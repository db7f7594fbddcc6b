import Invoicing
import Billing
import CgroupFS
import CgroupFormat
import Limits
import Store
import Units

/// What the steps in force of a tenant's ladder come to in limits, beside those that stand already.
struct StepLimits {
    /// To be laid.
    private(set) var laying: [LimitOverlay] = []
    /// To be ended because another of the same limit is laid.
    private(set) var replacing: [LimitOverlay] = []
    /// To be lifted.
    private(set) var ending: [LimitOverlay] = []
    /// What cannot be done, in words.
    private(set) var skipped: [String] = []
    private let tenant: String
    private let standing: [LimitOverlay]
    /// What the steps want; of two that limit the same, the tighter.
    private var wanted: [(subject: LimitSubject, setting: LimitSetting)] = []

    init(
        _ look: BudgetLook, _ state: LadderState, _ cap: Rational?, _ standing: [LimitOverlay],
        _ targets: LimitTargets
    ) {
        (tenant, self.standing) = (look.budget.tenant, standing)
        let subject = LimitSubject(.tenant, tenant)
        let cgroups = targets.cgroups(of: subject)
        for step in look.ladder.steps.prefix(state.rung) {
            switch step.action {
            case .warn: break
            case .weight(let weight):
                for key in [LimitKey.cpuWeight, .ioWeight]
                where cgroups.contains(where: { (try? targets.tree.value(of: key, at: $0)) != nil })
                {
                    want(subject, key, .weight(weight))
                }
            case .cpuCap:
                limitCPU(subject, cap, look, cgroups, targets)
            case .memoryHigh: holdMemory(cgroups)
            case .ioMax(let fields): limitDevices(subject, fields, cgroups)
            case .noForks:
                for cgroup in cgroups where !isHeld(cgroup, .pidsMax) {
                    guard let count = cgroup.number("pids.current") else {
                        guard cgroup.has("pids.max") else { continue }
                        let why = cgroup.trouble("pids.current")
                        skipped.append(
                            "\(tenant): \(cgroup.path): pids.current \(why): no_forks is skipped")
                        continue
                    }
                    want(.init(.container, cgroup.path), .pidsMax, .number(.at(max(1, count))))
                }
            case .freeze: want(subject, .freeze, .frozen(true))
            }
        }
        compare(since: look.spending.at, in: targets.tree.path)
    }

    private mutating func want(_ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue) {
        let known = wanted.first { $0.subject == subject && $0.setting.key == key }
        wanted.removeAll { $0.subject == subject && $0.setting.key == key }
        let both = known.map { $0.setting.value.tightened(by: value) } ?? value
        wanted.append((subject, LimitSetting(key, both)))
    }

    /// Where a tenant has no one root, its containers share the cap evenly, but none gets less than the
    /// kernel's least.
    private mutating func limitCPU(
        _ subject: LimitSubject, _ cap: Rational?, _ look: BudgetLook, _ cgroups: [LimitedCgroup],
        _ targets: LimitTargets
    ) {
        guard let cap else {
            skipped.append("\(tenant): CPU costs nothing now: cpu_cap would save nothing")
            return
        }
        let isCapped = standing.contains { $0.subject == subject && $0.key == .cpuMax }
        let isFree = cgroups.contains { cgroup in
            let now = try? targets.tree.value(of: .cpuMax, at: cgroup)
            return now?.isSame(as: LimitKey.cpuMax.initial, for: .cpuMax) ?? false
        }
        if look.money.isCPUReserved, isFree, !isCapped {
            skipped.append(
                "\(tenant): cpu_cap is skipped: the price book bills reserved CPU, so a new cap would "
                    + "add charges")
            return
        }
        let share = max(cap / Rational(Int64(max(1, cgroups.count))), leastCores)
        if let quota = cpuMax(cores: min(share, mostCores)) {
            want(subject, .cpuMax, .cpu(quota))
        }
    }

    /// What of it stands already, what is new, and what is to go.
    private mutating func compare(since: Instant, in root: String) {
        var left = standing
        for (subject, setting) in wanted {
            let index = left.firstIndex { $0.subject == subject && $0.key == setting.key }
            let known = index.map { left.remove(at: $0) }
            if known?.value == setting.value { continue }
            if let known { replacing.append(known) }
            laying.append(
                LimitOverlay(
                    .budget, subject, tenant: tenant, root: root, setting.key, setting.value,
                    since: since, until: nil))
        }
        ending = left
    }

    /// Whether what was in use when the step was taken is held already: it stays, whatever is in use
    /// by now.
    private mutating func isHeld(_ cgroup: LimitedCgroup, _ key: LimitKey) -> Bool {
        let subject = LimitSubject(.container, cgroup.path)
        let known = standing.first { $0.subject == subject && $0.key == key }
        if let known { want(subject, key, known.value) }
        return known != nil
    }

    /// Memory stays at what is in use, with a tenth more than what cannot be reclaimed at least.
    private mutating func holdMemory(_ cgroups: [LimitedCgroup]) {
        for cgroup in cgroups where !isHeld(cgroup, .memoryHigh) {
            let now = cgroup.circumstances()
            guard let used = now.memory, let floor = now.unreclaimable else {
                guard cgroup.has("memory.high") else { continue }
                let why =
                    now.memoryTrouble.map { "memory.current \($0)" }
                    ?? "memory.stat does not say what can be reclaimed"
                skipped.append("\(tenant): \(cgroup.path): \(why): memory_high is skipped")
                continue
            }
            let (least, isTooMuch) = floor.addingReportingOverflow(floor / 10)
            if isTooMuch { continue }
            guard now.hasSwap || used > least else {
                skipped.append(
                    "\(tenant): \(cgroup.path) has nothing to reclaim and no swap: memory_high is "
                        + "skipped, as it would strangle")
                continue
            }
            want(
                LimitSubject(.container, cgroup.path), .memoryHigh, .number(.at(max(used, least))))
        }
    }

    private mutating func limitDevices(
        _ subject: LimitSubject, _ fields: String, _ cgroups: [LimitedCgroup]
    ) {
        for device in Set(cgroups.flatMap(\.usedDevices)).sorted() {
            guard let spec = try? LimitSpec(parsing: "io.max=\(device):\(fields)"),
                case .device(_, let limits) = spec.goal
            else { continue }
            var io = IOMax()
            for (field, limit) in limits { io[field] = limit }
            want(subject, .ioMax(device), .io(io))
        }
    }
}

/// The bounds of a quota in the kernel, in cores.
private let leastCores = Rational(1) / Rational(1000)
private let mostCores = Rational(1_000_000)

extension LimitedCgroup {
    /// The devices it has used so far, those that stand on others left out.
    var usedDevices: [DeviceNumber] {
        let stat = reading("io.stat") { text in IOStat(parsing: text) }
        return stat?.devices.keys.filter { !BlockDevices.isStacked($0) } ?? []
    }
}
