import CgroupFormat
import Units

/// What one sample added to an account.
public struct Advance: Sendable {
    public struct Part: Hashable, Sendable {
        public let meter: LedgerMeter
        public let hour: Instant
        public let quantity: Int128
        public let assurance: Assurance

        public init(
            meter: LedgerMeter, hour: Instant, quantity: Int128, assurance: Assurance = .sampled
        ) {
            (self.meter, self.hour, self.quantity) = (meter, hour, quantity)
            self.assurance = assurance
        }
    }

    /// Parts above zero, to add to the ledger.
    public private(set) var parts: [Part] = []
    /// What no correct kernel does, in words: kept and counted, never fatal.
    public fileprivate(set) var anomalies: [String] = []
    /// What was read and is more than any host holds, so that it is not billed.
    public fileprivate(set) var refused: [Refusal] = []
    /// Devices whose line is gone: their account is closed, and would begin anew at 0.
    public fileprivate(set) var endedDevices: [DeviceNumber] = []

    /// By whose hours what was used is split.
    private let zone: BillingZone

    /// More than this in one tick is no usage but a fault of the text: 285 years of a core, 64 PiB.
    public static let mostInOneTick: Int128 = 1 << 56

    public init(in zone: BillingZone = .utc) { self.zone = zone }

    /// Adds what was used from `since` (µs after boot) to `until`, split at hour ends.
    mutating func add(_ meter: LedgerMeter, _ quantity: Int128, since: Int64, until: Moment) {
        guard quantity > 0 else { return }
        guard quantity < Self.mostInOneTick else {
            refused.append(
                Refusal(
                    meter.files[0], "\(meter.name): \(quantity) in one tick, which is not billed"))
            return
        }
        // The start by wall is counted back from the end, so a stepped clock cannot stretch it.
        let milliseconds = (until.bootMicroseconds - since) / 1000
        let start = Instant(milliseconds: until.wall.milliseconds - milliseconds)
        let hour = zone.ledgerHour(of: until.wall).start
        guard start < hour, let period = Period(start: start, end: until.wall) else {
            parts.append(Part(meter: meter, hour: hour, quantity: quantity))
            return
        }
        for part in period.splitByHour(quantity, in: zone) where part.quantity > 0 {
            parts.append(Part(meter: meter, hour: part.hour, quantity: part.quantity))
        }
    }
}

extension Position {
    /// Counts a sample from where the account stands, and moves the account to it.
    ///
    /// Counters that a tenant root conserves are left alone: see `claim` and `settle`.
    ///
    /// - Parameters:
    ///   - longestHold: over a longer silence, in µs, a gauge is not interpolated: that time is
    ///     unmetered. Counters miss nothing however long the silence.
    ///   - zone: by whose hours it is split.
    public mutating func advance(
        to sample: Sample, at moment: Moment, longestHold: Int64, isCPUConserved: Bool = false,
        isIOConserved: Bool = false, in zone: BillingZone = .utc
    ) -> Advance {
        var advance = Advance(in: zone)
        if !isCPUConserved { advanceCPU(sample.cpu, moment, &advance) }
        if !isIOConserved {
            endDevices(sample, &advance)
            advanceIO(sample, moment, &advance)
        }
        advanceNetwork(sample.network, moment, &advance)
        for formula in MemoryFormula.allCases {
            hold(.memory(formula), formula.bytes(of: sample), moment, longestHold, &advance)
        }
        return advance
    }

    /// What a counter of a sample claims of the tenant root's.
    ///
    /// - Returns: `nil` if it was not read, or went back, which is an anomaly.
    public func claim(_ counter: Counter, _ sample: Sample) -> Claim? {
        guard let reading = counter.reading(sample) else { return nil }
        guard let mark = mark(of: counter) else { return Claim(need: 0, hasEnded: false) }
        guard reading >= mark.value else { return nil }
        return Claim(need: mark.due(at: reading), hasEnded: false)
    }

    /// Moves a counter's mark to a sample whose claim got `share`.
    public mutating func settle(
        _ counter: Counter, _ sample: Sample, share: Int64, at moment: Moment
    ) {
        guard let reading = counter.reading(sample) else { return }
        let last = mark(of: counter) ?? Mark(reading, at: moment.bootMicroseconds)
        let ahead = Int128(last.ahead) + Int128(share) - (Int128(reading) - Int128(last.value))
        set(
            counter,
            Mark(reading, ahead: Int64(clamping: ahead), at: moment.bootMicroseconds))
    }

    /// Closes the devices whose line is gone, and notes that io.stat was read.
    public mutating func settleDevices(_ sample: Sample, at moment: Moment) -> [DeviceNumber] {
        guard sample.devices != nil else { return [] }
        var advance = Advance()
        endDevices(sample, &advance)
        beginIO(sample, moment, hadDevices: !io.isEmpty)
        for device in io.keys where sample.io?[device].map({ $0.unread.isEmpty }) ?? false {
            io[device]?.bootMicroseconds = moment.bootMicroseconds
        }
        return advance.endedDevices
    }

    /// Counts what is granted: the limits in force since the last tick are those read then.
    ///
    /// - Parameters:
    ///   - cpu: billionths of a core, `nil` where nothing is reserved.
    ///   - memory: bytes.
    public mutating func reserve(
        cpu: Int64?, memory: Int64?, at moment: Moment, longestHold: Int64
    ) -> [Advance.Part] {
        let granted = Reservation(cpu: cpu, memory: memory)
        return advance(reserving: granted, at: moment, longestHold: longestHold).parts
    }

    /// The same, with what is refused.
    public mutating func advance(
        reserving granted: Reservation, at moment: Moment, longestHold: Int64,
        in zone: BillingZone = .utc
    ) -> Advance {
        let (cpu, memory) = (granted.cpu, granted.memory)
        var advance = Advance(in: zone)
        hold(.cpuReserved, cpu, moment, longestHold, &advance)
        hold(.memoryReserved, memory, moment, longestHold, &advance)
        return advance
    }

    /// Closes the accounts of io and memory: what they count from now on is the children's.
    public mutating func closeHoldings(withIO: Bool) {
        (memoryCurrent, memoryWorkingSet, memoryUnreclaimable) = (nil, nil, nil)
        if withIO { (io, ioSince) = ([:], nil) }
    }

    private mutating func advanceCPU(_ stat: CPUStat?, _ moment: Moment, _ advance: inout Advance) {
        guard let usage = stat?.usageMicroseconds else { return }
        guard let last = cpu else {
            cpu = Mark(usage, at: moment.bootMicroseconds)
            return
        }
        guard usage >= last.value else {
            // The kernel never lowers this counter while the cgroup lives. Billing from the lower
            // value could bill twice, so the highest one stays the mark.
            advance.anomalies.append("cpu.stat usage_usec went back from \(last.value) to \(usage)")
            return
        }
        let unbilled = last.due(at: usage)
        advance.add(
            .meter(.cpu), unbilled, since: last.bootMicroseconds, until: moment)
        cpu = Mark(usage, ahead: Int64(clamping: max(0, -unbilled)), at: moment.bootMicroseconds)
    }

    private mutating func endDevices(_ sample: Sample, _ advance: inout Advance) {
        guard let devices = sample.devices, !sample.hasUnknownDevices, !io.isEmpty else { return }
        advance.endedDevices = io.keys.filter { devices[$0] == nil }.sorted()
        for device in advance.endedDevices { io[device] = nil }
    }

    private mutating func advanceIO(
        _ sample: Sample, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let devices = sample.devices else { return }
        let (isBaseline, hadDevices) = (ioSince == nil, !io.isEmpty)
        for device in devices.keys.sorted() {
            guard let now = devices[device] else { continue }
            if isBaseline, io[device] == nil {
                io[device] = DeviceMark(now.beginning, at: moment.bootMicroseconds)
            } else {
                advanceDevice(device, now, moment, &advance)
            }
        }
        beginIO(sample, moment, hadDevices: hadDevices)
    }

    private mutating func advanceDevice(
        _ device: DeviceNumber, _ now: IOCounters, _ moment: Moment, _ advance: inout Advance
    ) {
        let beganAnew = fell(device, now)
        var (counters, ahead) = (IOCounters(), SIMD4<Int64>.zero)
        for counter in IOCounter.allCases {
            let last = mark(of: .io(device, counter))
            guard let reading = now.reading(counter) else {
                // Not read: it stays where it stood.
                counters[counter] = beganAnew ? 0 : last?.value
                ahead[counter.rawValue] = beganAnew ? 0 : last?.ahead ?? 0
                continue
            }
            counters[counter] = reading
            // Without a mark this is its first reading.
            guard var last else { continue }
            if beganAnew { last.value = 0 }
            let unbilled = last.due(at: reading)
            advance.add(
                .meter(counter.meter), unbilled, since: last.bootMicroseconds, until: moment)
            ahead[counter.rawValue] = Int64(clamping: max(0, -unbilled))
        }
        if beganAnew {
            // The device went away and came back: a new account that began at 0.
            advance.anomalies.append("io.stat \(device) began anew")
        }
        io[device] = DeviceMark(counters, ahead: ahead, at: moment.bootMicroseconds)
    }

    /// Notes that io.stat was read: a device that is first seen later began at 0.
    ///
    /// But not of a text that may have lacked devices: what they read and wrote before is not
    /// billed. Where it ends in a device, as some kernels' do, it is taken for whole the second time.
    private mutating func beginIO(_ sample: Sample, _ moment: Moment, hadDevices: Bool) {
        let isBegun =
            switch sample.ioCompleteness {
            case .whole: true
            case .endsIn: ioSince != nil || hadDevices
            case .partial: ioSince != nil
            }
        guard isBegun else { return }
        ioSince = moment.bootMicroseconds
        if case .endsIn(let device) = sample.ioCompleteness, io[device]?.counters == IOCounters() {
            // A device without figures stands at 0.
            io[device]?.counters = .zero
        }
    }

    private mutating func advanceNetwork(
        _ sample: NetworkSample?, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let sample else { return }
        let last = network?.sample.namespace == sample.namespace ? network : nil
        // A first network of a container seen born was made for it, so all its traffic is its own.
        let since = last?.bootMicroseconds ?? (network == nil ? networkSince : nil)
        // What a text lacks that was cut off would seem new later, and its past would be billed.
        if since == nil, sample.counters.isPartial { return }
        let before = last?.sample.counters
        if let since {
            for (name, now) in sample.counters.interfaces
            where before?.unread.contains(name) != true {
                let known = before?.interfaces[name]
                advance.add(
                    .meter(.netRxBytes), rise(now.receivedBytes, known?.receivedBytes),
                    since: since, until: moment)
                advance.add(
                    .meter(.netTxBytes), rise(now.sentBytes, known?.sentBytes), since: since,
                    until: moment)
            }
        }
        network = NetworkMark(sample.standing(after: before), at: moment.bootMicroseconds)
        networkSince = moment.bootMicroseconds
    }

    /// An interface that is new, or was made anew under its old name, began at 0.
    private func rise(_ now: Int64, _ before: Int64?) -> Int128 {
        Int128(now) - Int128(before.map { $0 <= now ? $0 : 0 } ?? 0)
    }

    /// Integrates a gauge by trapezoid, and a granted limit as it was at the last reading.
    private mutating func hold(
        _ gauge: GaugeKind, _ value: Int64?, _ moment: Moment, _ longestHold: Int64,
        _ advance: inout Advance
    ) {
        let now = moment.bootMicroseconds
        let last = self[gauge]
        if last == nil, value == nil { return }
        guard let before = last?.value, let since = last?.bootMicroseconds,
            now - since <= longestHold
        else {
            self[gauge] = GaugeState(value, at: now, carry: last?.carry ?? 0)
            return
        }
        let sum: Int128
        if case .memory = gauge {
            guard let value else {
                self[gauge] = GaugeState(nil, at: now, carry: last?.carry ?? 0)
                return
            }
            sum = Int128(before) + Int128(value)
        } else {
            sum = Int128(before)
        }
        let held = sum * Int128(now - since) + Int128(last?.carry ?? 0)
        let (units, carry) = held.quotientAndRemainder(dividingBy: Int128(gauge.divisor))
        advance.add(gauge.meter, units, since: since, until: moment)
        self[gauge] = GaugeState(value, at: now, carry: Int64(carry))
    }
}
