import CgroupFormat
import Metering
import Store
import Units

/// Bills what a tenant root's own counter says, to the containers below it, the dead included.
struct Conservation {
    /// The tenant roots whose counter has a mark to count from.
    var settled: Set<Int64> = []
    /// Each root's counter as it was read before its children.
    var before: [Int64: Int64] = [:]
    private(set) var tails: [Tail] = []
    private(set) var notes: [(row: Int64, found: String)] = []

    /// Hands out each settled root's usage to the entries below it and to the accounts that ended.
    mutating func apply(to entries: inout [TickEntry], ended: [Account], at moment: Moment) {
        let byRoot = Dictionary(grouping: entries.indices) { entries[$0].root }
        let endedByRoot = Dictionary(grouping: ended, by: \.root)
        for index in entries.indices where entries[index].isTenantRoot {
            guard let reading = entries[index].sample.cpu?.usageMicroseconds else { continue }
            let id = entries[index].cgroupID
            guard settled.contains(id), let mark = entries[index].position?.cpu else {
                // First sight: what came before is not billed.
                entries[index].position?.cpu = Position.Mark(reading, at: moment.bootMicroseconds)
                entries[index].control = Control(
                    baseline: reading, last: reading, pending: 0, parts: [])
                continue
            }
            guard reading >= mark.value, Int128(reading - mark.value) < Advance.mostInOneTick
            else {
                entries[index].anomalies.append(
                    "cpu.stat usage_usec of a tenant root went from \(mark.value) to \(reading)")
                continue
            }
            handOut(
                reading, to: byRoot[id] ?? [], endedByRoot[id] ?? [], root: index, &entries, moment)
        }
        for root in ended where root.isTenantRoot { close(root, at: moment) }
    }

    /// Bills what was pending of a root that went away, and says that its last moments are lost.
    private mutating func close(_ root: Account, at moment: Moment) {
        let pending = -(root.position?.cpuAhead ?? 0)
        if pending > 0 {
            let part = Advance.Part(
                meter: .meter(.cpu), hour: moment.wall.startOfHour, quantity: Int128(pending),
                assurance: .conserved)
            tails.append(Tail(row: root.row, parts: [part], control: pending))
        }
        notes.append(
            (root.row, "the tenant root went away: what ran after its last reading is not metered"))
    }

    private mutating func handOut(
        _ reading: Int64, to children: [Int], _ ended: [Account], root: Int,
        _ entries: inout [TickEntry], _ moment: Moment
    ) {
        guard let position = entries[root].position, let mark = position.cpu else { return }
        var claimants: [Int] = []
        var claims: [Claim] = []
        for child in children {
            guard entries[child].sample.cpu != nil else { continue }
            guard let claim = entries[child].position?.claim(entries[child].sample) else {
                entries[child].anomalies.append("cpu.stat usage_usec went back")
                continue
            }
            claimants.append(child)
            claims.append(claim)
        }
        // Besides what ran while the tree was read, the root may be ahead of the sum of its children
        // by a microsecond each, as every counter is cut to whole ones. At rest neither can be.
        let isAtRest = reading == mark.value
        let bracket =
            isAtRest
            ? 0
            : max(0, reading - (before[entries[root].cgroupID] ?? mark.value))
                + Int64(claims.count)
        claims += ended.map {
            Claim(need: -($0.position?.cpuAhead ?? 0), hasEnded: true)
        }
        let result = Apportionment(
            of: Int128(reading - mark.value - position.cpuAhead), among: claims,
            bracket: Int128(bracket))
        let milliseconds = (moment.bootMicroseconds - mark.bootMicroseconds) / 1000
        let period = Period(
            start: Instant(milliseconds: moment.wall.milliseconds - milliseconds),
            end: moment.wall)
        let hours = splitByHour(
            result.shares + [result.overhead], over: period, at: moment.wall)
        func parts(_ index: Int, _ assurance: Assurance) -> [Advance.Part] {
            hours.filter { $0.parts[index] > 0 }.map {
                Advance.Part(
                    meter: .meter(.cpu), hour: $0.hour, quantity: $0.parts[index],
                    assurance: assurance)
            }
        }
        for (index, child) in claimants.enumerated() {
            entries[child].parts += parts(index, .conserved)
            let sample = entries[child].sample
            entries[child].position?.settle(
                sample, share: Int64(result.shares[index]), at: moment)
        }
        for (offset, account) in ended.enumerated() {
            let assurance: Assurance = result.isSplit ? .estimatedSplit : .conserved
            tails.append(
                Tail(row: account.row, parts: parts(claimants.count + offset, assurance)))
        }
        entries[root].parts += parts(claims.count, .conserved)
        let pending = Int64(result.pending)
        entries[root].position?.cpu = Position.Mark(reading, at: moment.bootMicroseconds)
        entries[root].position?.cpuAhead = -pending
        entries[root].control = Control(
            baseline: mark.value + position.cpuAhead, last: reading, pending: pending,
            parts: hours.map { HourPart(hour: $0.hour, quantity: $0.total) })
    }
}
