import CgroupFormat
import Units

/// Distributes the usage that a tenant root's own counters show among the containers below it.
///
/// The root's counter includes containers that have ended. So its rise is exactly what the tenant
/// is to be billed, even if some containers were never read. `Apportionment` decides who gets how
/// much; this type collects the claims and writes the result into the entries.
struct Conservation {
    /// Whether the kernel counts io in every ancestor (`isIOConserved(kernelRelease:)`).
    let isIOConserved: Bool
    /// The zone whose ledger hours the usage is split by.
    let zone: BillingZone
    /// What each root's counters were before the cgroups below it were read, by cgroup id.
    private var before: [Int64: Sample] = [:]
    /// The largest rise of a root's CPU counter while the cgroups below it were read, in µs.
    private(set) var bracketMicroseconds: Int64 = 0
    /// Roots whose CPU counter has a mark, so that its rise can be distributed.
    private var settledCPU: Set<Int64> = []
    /// The same for io.
    private var settledIO: Set<Int64> = []

    init(isIOConserved: Bool, in zone: BillingZone) {
        (self.isIOConserved, self.zone) = (isIOConserved, zone)
    }

    /// Notes the counters of a root before the cgroups below it are read.
    ///
    /// - Parameter position: where the root's account stands; `nil` if it has none yet.
    mutating func enter(_ id: Int64, _ sample: Sample, _ position: Position?) {
        before[id] = sample
        if position?.cpu != nil { settledCPU.insert(id) }
        if isIOConserved, position?.ioSince != nil { settledIO.insert(id) }
    }

    /// Whether the CPU time of containers below the root is distributed from the root's counter.
    func conservesCPU(_ root: Int64?) -> Bool { root.map(settledCPU.contains) ?? false }
    /// The same for io.
    func conservesIO(_ root: Int64?) -> Bool { root.map(settledIO.contains) ?? false }

    /// Distributes the usage of each root to the entries below it.
    ///
    /// - Parameter unseen: how many containers ended below each root without ever being read.
    mutating func apply(
        to entries: inout [TickEntry], unseen: [Int64: Int], at moment: Moment
    ) {
        guard entries.indices.contains(where: { entries[$0].isTenantRoot }) else { return }
        let byRoot = Dictionary(grouping: entries.indices) { entries[$0].root }
        for index in entries.indices where entries[index].isTenantRoot {
            let id = entries[index].cgroupID
            let below = Below(root: index, children: byRoot[id] ?? [], unseen: unseen[id] ?? 0)
            if entries[index].sample == nil, entries[index].hasEnded {
                close(below, &entries, moment)
                continue
            }
            conserve(.cpu, settledCPU.contains(id), below, &entries, moment)
            guard isIOConserved else { continue }
            conserveIO(settledIO.contains(id), below, &entries, moment)
        }
    }

    /// A tenant root and what is below it.
    private struct Below {
        /// The index of the root's entry.
        var root: Int
        /// The indices of the entries below it.
        var children: [Int]
        /// How many containers ended below it without ever being read.
        var unseen: Int
    }

    /// Distributes the io of one root, device by device.
    private mutating func conserveIO(
        _ isSettled: Bool, _ below: Below, _ entries: inout [TickEntry], _ moment: Moment
    ) {
        guard let devices = entries[below.root].sample?.devices else { return }
        for device in devices.keys.sorted() {
            for child in below.children {
                guard let sample = entries[child].sample else { continue }
                entries[child].position?.beginDevice(device, sample, at: moment)
            }
            let restarts = isSettled && restart(device, below, &entries)
            for counter in IOCounter.allCases {
                conserve(
                    .io(device, counter), isSettled, below, &entries, moment, restarts: restarts)
            }
        }
        if entries[below.root].sample?.hasUnknownDevices == false {
            for device in entries[below.root].position?.io.keys.sorted() ?? []
            where devices[device] == nil {
                for counter in IOCounter.allCases {
                    payPending(.io(device, counter), below.root, &entries, moment, restarts: true)
                }
            }
        }
        for index in [below.root] + (isSettled ? below.children : []) {
            guard let sample = entries[index].sample else { continue }
            entries[index].endedDevices +=
                entries[index].position?.settleDevices(sample, at: moment) ?? []
        }
    }

    /// Starts a device that was removed and came back at 0, at the root and below it.
    ///
    /// One counter that fell is enough: the others may already be above their old values.
    ///
    /// - Returns: whether the device restarted at the root.
    private func restart(
        _ device: DeviceNumber, _ below: Below, _ entries: inout [TickEntry]
    ) -> Bool {
        func fell(_ index: Int) -> Bool {
            guard let now = entries[index].sample?.io?[device] else { return false }
            return entries[index].position?.fell(device, now) ?? false
        }
        let restarts = fell(below.root)
        for index in [below.root] + below.children where restarts || fell(index) {
            entries[index].position?.io[device]?.counters = .zero
            if index == below.root {
                entries[index].anomalies.append("io.stat \(device) began anew")
            }
        }
        return restarts
    }

    /// Distributes one counter of one root.
    private mutating func conserve(
        _ counter: Counter, _ isSettled: Bool, _ below: Below, _ entries: inout [TickEntry],
        _ moment: Moment, restarts: Bool = false
    ) {
        let root = below.root
        guard let reading = counter.reading(entries[root].sample) else { return }
        guard isSettled, let mark = entries[root].position?.mark(of: counter) else {
            // This is the first reading. What was used before is not billed, neither to the root
            // nor below.
            for index in [root] + (isSettled ? below.children : []) {
                guard let reading = counter.reading(entries[index].sample) else { continue }
                entries[index].position?.set(
                    counter, Position.Mark(reading, at: moment.bootMicroseconds))
            }
            entries[root].controls.append(
                Control(
                    counter, baseline: reading, last: reading, pending: 0, parts: [],
                    restarts: true))
            return
        }
        let start = mark.value
        // Readings that went back or rose too far were refused before. A device that came back may
        // still exceed every bound at once.
        guard reading >= start, Int128(reading) - Int128(start) < Advance.mostInOneTick else {
            return
        }
        let readings = below.children.count { counter.reading(entries[$0].sample) != nil }
        // Once the root is gone, no next tick can show whose the pending usage is.
        let bracket =
            entries[root].hasEnded
            ? 0 : bracket(counter, entries[root].cgroupID, start, reading, readings)
        if counter == .cpu { bracketMicroseconds = max(bracketMicroseconds, bracket) }
        handOut(
            counter, Rise(reading: reading, mark: mark, bracket: bracket, restarts: restarts),
            below, &entries, moment)
    }

    /// By how much a root's counter rose since its mark.
    private struct Rise {
        /// The counter now.
        var reading: Int64
        /// The counter and what was billed of it, at the last tick.
        var mark: Position.Mark
        /// How much of it children may have used after their own readings.
        var bracket: Int64
        /// Whether the device is a new one under an old number.
        var restarts: Bool
    }

    /// How much may have been used between the readings of the children and that of the root.
    ///
    /// It is what the root's counter rose by while the cgroups below it were read. For CPU, one
    /// microsecond a child is added, since each counter is rounded down to whole ones and the
    /// root's may be ahead of their sum by that much. If the root's counter did not rise since the
    /// last tick, it is 0.
    private func bracket(
        _ counter: Counter, _ root: Int64, _ start: Int64, _ reading: Int64, _ children: Int
    ) -> Int64 {
        guard reading != start else { return 0 }
        let before = counter.reading(self.before[root]) ?? start
        return max(0, reading - max(before, start)) + (counter == .cpu ? Int64(children) : 0)
    }

    /// Collects the claims to one counter, distributes its rise, and moves all marks.
    private func handOut(
        _ counter: Counter, _ rise: Rise, _ below: Below, _ entries: inout [TickEntry],
        _ moment: Moment
    ) {
        var claimants: [Int] = []
        var claims: [Claim] = []
        for child in below.children {
            guard let claim = claim(counter, entries[child]) else { continue }
            claimants.append(child)
            claims.append(claim)
        }
        let unseen = Array(repeating: Claim(need: 0, hasEnded: true), count: below.unseen)
        // Below 0 only if more was billed of this counter before the cgroup became a tenant root.
        let due = Int128(rise.reading) - Int128(rise.mark.value) - Int128(rise.mark.ahead)
        let result = Apportionment(
            of: max(0, due), among: claims + unseen, bracket: Int128(rise.bracket))
        let overhead = result.overhead + result.shares[claims.count...].reduce(0, +)
        let milliseconds = (moment.bootMicroseconds - rise.mark.bootMicroseconds) / 1000
        let period = Period(
            start: Instant(milliseconds: moment.wall.milliseconds - milliseconds),
            end: moment.wall)
        let hours = splitByHour(
            result.shares[..<claims.count] + [overhead], over: period, at: moment.wall,
            in: zone)
        /// The parts of one share as rows of the ledger.
        func parts(_ index: Int, _ assurance: Assurance) -> [Advance.Part] {
            hours.filter { $0.parts[index] > 0 }.map {
                Advance.Part(
                    meter: .meter(counter.meter), hour: $0.hour, quantity: $0.parts[index],
                    assurance: assurance)
            }
        }
        for (index, child) in claimants.enumerated() {
            let isGuess = result.isSplit && claims[index].hasEnded
            entries[child].parts += parts(index, isGuess ? .estimatedSplit : .conserved)
            if let sample = entries[child].sample {
                entries[child].position?.settle(
                    counter, sample, share: Int64(clamping: result.shares[index]),
                    at: moment)
            }
        }
        let root = below.root
        entries[root].parts += parts(claims.count, .conserved)
        let pending = Int64(clamping: result.pending)
        entries[root].position?.set(
            counter,
            Position.Mark(rise.reading, ahead: -pending, at: moment.bootMicroseconds))
        entries[root].controls.append(
            Control(
                counter, baseline: min(rise.mark.billed, rise.reading), last: rise.reading,
                pending: pending, parts: hours.map { HourPart(hour: $0.hour, quantity: $0.total) },
                restarts: rise.restarts))
    }

    /// What an entry claims of one counter; `nil` if it takes no part.
    private func claim(_ counter: Counter, _ entry: TickEntry) -> Claim? {
        guard let sample = entry.sample, counter.reading(sample) != nil else {
            // What it used after its last reading is only in the root's counter.
            guard entry.isTail(counter) else { return nil }
            let ahead = entry.position?.mark(of: counter)?.ahead ?? 0
            return Claim(need: -Int128(ahead), hasEnded: true)
        }
        // A counter that went back was refused before. Below a root whose device came back it may
        // still be lower than its mark.
        guard let claim = entry.position?.claim(counter, sample) else { return nil }
        return Claim(need: claim.need, hasEnded: entry.isTail(counter))
    }

    /// Bills what is known of a root that is gone, and notes if its last usage is lost.
    private func close(_ below: Below, _ entries: inout [TickEntry], _ moment: Moment) {
        let devices = entries[below.root].position?.io.keys.sorted() ?? []
        let io = devices.flatMap { device in IOCounter.allCases.map { Counter.io(device, $0) } }
        for counter in [Counter.cpu] + io {
            // The counters of children that were read in this tick are known, so what was pending
            // of the root is theirs first.
            var pending = entries[below.root].position?.mark(of: counter)?.pending ?? 0
            let before = pending
            for child in below.children {
                guard let sample = entries[child].sample,
                    let claim = entries[child].position?.claim(counter, sample), claim.need > 0
                else { continue }
                let share = min(pending, claim.need)
                pending -= share
                for (quantity, assurance) in [
                    (share, Assurance.conserved), (claim.need - share, .sampled),
                ] where quantity > 0 {
                    entries[child].parts.append(
                        Advance.Part(
                            meter: .meter(counter.meter),
                            hour: zone.ledgerHour(of: moment.wall).start,
                            quantity: Int128(quantity), assurance: assurance))
                }
            }
            payPending(
                counter, below.root, &entries, moment, restarts: false, toOthers: before - pending)
        }
        // If the root was read after its last process had ended, nothing is lost.
        guard entries[below.root].lastReading == .none else { return }
        entries[below.root].anomalies.append(
            "the tenant root went away: what ran after its last reading is not metered")
        if let since = entries[below.root].position?.cpu?.bootMicroseconds {
            entries[below.root].unmetered = .rootVanished(sinceBootMicroseconds: since)
        }
    }

    /// Bills to a root what was pending of a counter that will not be read again.
    ///
    /// - Parameters:
    ///   - restarts: whether the counter begins at 0 if it comes back.
    ///   - toOthers: how much of it was already billed to containers below the root.
    private func payPending(
        _ counter: Counter, _ root: Int, _ entries: inout [TickEntry], _ moment: Moment,
        restarts: Bool, toOthers: Int64 = 0
    ) {
        guard let mark = entries[root].position?.mark(of: counter) else { return }
        let quantity = Int128(mark.pending)
        let hour = zone.ledgerHour(of: moment.wall).start
        let own = quantity - Int128(toOthers)
        if own > 0 {
            entries[root].parts.append(
                Advance.Part(
                    meter: .meter(counter.meter), hour: hour, quantity: own, assurance: .conserved))
        }
        entries[root].controls.append(
            Control(
                counter, baseline: 0, last: restarts ? 0 : mark.value, pending: 0,
                parts: [HourPart(hour: hour, quantity: quantity)], restarts: restarts))
        entries[root].position?.set(counter, Position.Mark(mark.value, at: mark.bootMicroseconds))
    }
}
