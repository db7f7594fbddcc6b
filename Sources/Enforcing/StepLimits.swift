import Host
import Invoicing
import Billing
import CgroupFS
import CgroupFormat
import Limits
import Store
import Units

/// The limits that the steps in force of a tenant's ladder require, compared with those in force.
struct StepLimits {
    /// Overlays to add.
    private(set) var laying: [LimitOverlay] = []
    /// Overlays to end because one of the same limit is added.
    private(set) var replacing: [LimitOverlay] = []
    /// Overlays to lift.
    private(set) var ending: [LimitOverlay] = []
    /// Messages about steps that cannot be carried out.
    private(set) var skipped: [String] = []
    private let tenant: String
    /// The overlays of this tenant's budget that are in force.
    private let standing: [LimitOverlay]
    /// The limits that the steps require; where two set the same limit, the tighter value.
    private var wanted: [(subject: LimitSubject, setting: LimitSetting)] = []

    /// Works out the limits.
    ///
    /// - Parameters:
    ///   - state: the state of the ladder after this look.
    ///   - cap: the CPU cap in cores, by `BudgetLook.cap(_:)`.
    ///   - standing: the overlays of this tenant's budget that are in force.
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
                // Set a weight only where the kernel has the file.
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
                    // The number of processes at this moment becomes the limit, so that no new ones
                    // start.
                    guard let count = cgroup.number("pids.current") else {
                        // Without the controller there is nothing to limit, and nothing to report.
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

    /// Adds a limit, or tightens the one that an earlier step required.
    private mutating func want(_ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue) {
        let known = wanted.first { $0.subject == subject && $0.setting.key == key }
        wanted.removeAll { $0.subject == subject && $0.setting.key == key }
        // Where two steps set the same limit, the tighter value applies.
        let both = known.map { $0.setting.value.tightened(by: value) } ?? value
        wanted.append((subject, LimitSetting(key, both)))
    }

    /// Adds a CPU cap.
    ///
    /// A tenant with several cgroups gets an equal share of the cap for each, but never less than
    /// the kernel accepts. Example: a cap of 1.5 cores for three containers is 0.5 cores each.
    private mutating func limitCPU(
        _ subject: LimitSubject, _ cap: Rational?, _ look: BudgetLook, _ cgroups: [LimitedCgroup],
        _ targets: LimitTargets
    ) {
        guard let cap else {
            skipped.append("\(tenant): CPU costs nothing now: cpu_cap would save nothing")
            return
        }
        let isCapped = standing.contains { $0.subject == subject && $0.key == .cpuMax }
        // Reserved CPU is billed only below a limit. The first cap would make it billable.
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

    /// Compares the required limits with those in force: what stays, what is new, what goes.
    private mutating func compare(since: Instant, in root: String) {
        var left = standing
        for (subject, setting) in wanted {
            let index = left.firstIndex { $0.subject == subject && $0.key == setting.key }
            let known = index.map { left.remove(at: $0) }
            // Already in force with the same value.
            if known?.value == setting.value { continue }
            if let known { replacing.append(known) }
            laying.append(
                LimitOverlay(
                    .budget, subject, tenant: tenant, root: root, setting.key, setting.value,
                    since: since, until: nil))
        }
        // Overlays that no step requires any more are lifted.
        ending = left
    }

    /// Whether a step that keeps usage at its level is already in force for a cgroup.
    ///
    /// Its value was the usage when the step was taken, and it stays, whatever the usage is now.
    private mutating func isHeld(_ cgroup: LimitedCgroup, _ key: LimitKey) -> Bool {
        let subject = LimitSubject(.container, cgroup.path)
        let known = standing.first { $0.subject == subject && $0.key == key }
        if let known { want(subject, key, known.value) }
        return known != nil
    }

    /// Keeps memory at its present usage, but at least 10 % above what cannot be reclaimed.
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
            // At least 10 % above what cannot be reclaimed, or the workload would stall.
            let (least, isTooMuch) = floor.addingReportingOverflow(floor / 10)
            if isTooMuch { continue }
            // Without swap and with nothing to reclaim, memory.high would only stall the workload.
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

    /// Limits every physical device that the tenant has used.
    private mutating func limitDevices(
        _ subject: LimitSubject, _ fields: String, _ cgroups: [LimitedCgroup]
    ) {
        for device in Set(cgroups.flatMap(\.usedDevices)).sorted() {
            guard let spec = try? LimitSpec(parsing: "io.max=\(device):\(fields)"),
                case .device(_, let limits) = spec.goal
            else { continue }
            // Fields that the step does not name stay unlimited.
            var io = IOMax()
            for (field, limit) in limits { io[field] = limit }
            want(subject, .ioMax(device), .io(io))
        }
    }
}

/// The smallest CPU quota that the kernel accepts, in cores: 1 ms in a period of 1 s.
private let leastCores = Rational(1) / Rational(1000)
/// The largest CPU cap that is set, in cores.
private let mostCores = Rational(1_000_000)

extension LimitedCgroup {
    /// The physical devices that the cgroup has used so far, in no order.
    var usedDevices: [DeviceNumber] {
        let stat = reading("io.stat") { text in IOStat(parsing: text) }
        return stat?.devices.keys.filter { !BlockDevices.isStacked($0) } ?? []
    }
}
