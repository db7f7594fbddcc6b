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
    private let since: Instant
    private let root: String
    private var kept: Set<Int64> = []

    init(
        _ look: BudgetLook, _ state: LadderState, _ cap: Rational?, _ standing: [LimitOverlay],
        _ targets: LimitTargets
    ) {
        (tenant, since) = (look.budget.tenant, look.spending.at)
        root = targets.tree.path
        let subject = LimitSubject(.tenant, tenant)
        let cgroups = targets.cgroups(of: subject)
        for step in look.ladder.steps.prefix(state.rung) {
            switch step.action {
            case .warn: break
            case .weight(let weight):
                for key in [LimitKey.cpuWeight, .ioWeight]
                where cgroups.contains(where: { (try? $0.value(of: key)) != nil }) {
                    lay(subject, key, .weight(weight), standing)
                }
            case .cpuCap:
                // Where a tenant has no one root, its containers share the cap evenly.
                let share = cap.map { $0 / Rational(Int64(max(1, cgroups.count))) }
                if let quota = share.flatMap({ cpuMax(cores: $0) }) {
                    lay(subject, .cpuMax, .cpu(quota), standing)
                }
            case .memoryHigh: holdMemory(cgroups, standing)
            case .ioMax(let fields): limitDevices(subject, fields, cgroups, standing)
            case .noForks:
                for cgroup in cgroups {
                    guard let count = cgroup.number("pids.current") else { continue }
                    keep(cgroup, .pidsMax, standing) { .number(.at(max(1, count))) }
                }
            case .freeze: lay(subject, .freeze, .frozen(true), standing)
            }
        }
        let replaced = Set(replacing.map(\.id))
        ending = standing.filter { !kept.contains($0.id) && !replaced.contains($0.id) }
    }

    /// Lays a limit whose value is known at every look; what stands and is the same stays.
    private mutating func lay(
        _ subject: LimitSubject, _ key: LimitKey, _ value: LimitValue, _ standing: [LimitOverlay]
    ) {
        let known = standing.first { $0.subject == subject && $0.key == key }
        if let known, known.value == value {
            kept.insert(known.id)
            return
        }
        if let known { replacing.append(known) }
        laying.append(
            LimitOverlay(
                .budget, subject, tenant: tenant, root: root, key, value, since: since, until: nil))
    }

    /// Lays a limit at what is in use when the step is taken: it then stays.
    private mutating func keep(
        _ cgroup: LimitedCgroup, _ key: LimitKey, _ standing: [LimitOverlay],
        _ value: () -> LimitValue
    ) {
        let subject = LimitSubject(.container, cgroup.path)
        if let known = standing.first(where: { $0.subject == subject && $0.key == key }) {
            kept.insert(known.id)
        } else {
            lay(subject, key, value(), standing)
        }
    }

    /// Memory stays at what is in use, with a tenth more than what cannot be reclaimed at least.
    private mutating func holdMemory(_ cgroups: [LimitedCgroup], _ standing: [LimitOverlay]) {
        for cgroup in cgroups {
            let now = cgroup.circumstances()
            guard let used = now.memory, let floor = now.unreclaimable else { continue }
            let least = floor + floor / 10
            guard now.hasSwap || used > least else {
                skipped.append(
                    "\(tenant): \(cgroup.path) has nothing to reclaim and no swap: memory_high is "
                        + "skipped, as it would strangle")
                continue
            }
            keep(cgroup, .memoryHigh, standing) { .number(.at(max(used, least))) }
        }
    }

    private mutating func limitDevices(
        _ subject: LimitSubject, _ fields: String, _ cgroups: [LimitedCgroup],
        _ standing: [LimitOverlay]
    ) {
        for device in Set(cgroups.flatMap(\.usedDevices)).sorted() {
            guard let wish = try? LimitWish(parsing: "io.max=\(device):\(fields)"),
                case .device(_, let limits) = wish.goal
            else { continue }
            var io = IOMax()
            for (field, limit) in limits { io[field] = limit }
            lay(subject, .ioMax(device), .io(io), standing)
        }
    }
}

extension LimitedCgroup {
    /// The devices it has used so far, those that stand on others left out.
    var usedDevices: [DeviceNumber] {
        guard let text = try? directory.text(named: "io.stat") else { return [] }
        return text.split(separator: "\n").compactMap {
            DeviceNumber(String($0.prefix { $0 != " " }))
        }.filter { !BlockDevices.isStacked($0) }
    }
}
