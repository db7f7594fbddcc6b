import CgroupFormat
import Units

/// What one sample adds to an account's usage.
public struct Advance: Sendable {
    /// A quantity for one meter and one hour of the ledger.
    public struct Part: Hashable, Sendable {
        /// The meter of the ledger row.
        public let meter: LedgerMeter
        /// The start of the ledger hour.
        public let hour: Instant
        /// In base units of the meter.
        public let quantity: Int128
        /// How reliable the quantity is.
        public let assurance: Assurance

        public init(
            meter: LedgerMeter, hour: Instant, quantity: Int128, assurance: Assurance = .sampled
        ) {
            (self.meter, self.hour, self.quantity) = (meter, hour, quantity)
            self.assurance = assurance
        }
    }

    /// What is to be added to the ledger.
    public private(set) var parts: [Part] = []
    /// What no correct kernel does, in words.
    ///
    /// It is recorded and counted, and never stops the collector.
    public fileprivate(set) var anomalies: [String] = []
    /// Rises that exceed what any host can do, and that are therefore not billed.
    public fileprivate(set) var refused: [Refusal] = []
    /// Devices that lost their line in io.stat.
    ///
    /// If one comes back, its account begins at 0.
    public fileprivate(set) var endedDevices: [DeviceNumber] = []

    /// The zone whose ledger hours the usage is split by.
    private let zone: BillingZone

    /// The least rise in one tick that is taken for a wrong text, not for usage.
    ///
    /// It is 2^56: 2283 years of a core in µs, or 64 PiB.
    public static let mostInOneTick: Int128 = 1 << 56

    /// An advance without usage.
    public init(in zone: BillingZone = .utc) { self.zone = zone }

    /// Adds usage, split at the ends of ledger hours.
    ///
    /// - Parameters:
    ///   - since: when it began, in µs after boot.
    ///   - until: when it ended.
    mutating func add(_ meter: LedgerMeter, _ quantity: Int128, since: Int64, until: Moment) {
        guard quantity > 0 else { return }
        guard quantity < Self.mostInOneTick else {
            refused.append(
                Refusal(
                    meter.files[0], "\(meter.name): \(quantity) in one tick, which is not billed"))
            return
        }
        // The start is counted back from the end, so that a step of the wall clock does not stretch
        // the time.
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
    /// Bills what a sample shows beyond this position, and moves the position to the sample.
    ///
    /// Counters that a tenant root conserves are left out; `claim` and `settle` handle them.
    ///
    /// - Parameters:
    ///   - longestHold: in µs. If no reading came for longer than this, memory in that time is
    ///     unmetered instead of interpolated. Counters lose nothing, however long it was.
    ///   - isCPUConserved: whether a tenant root distributes CPU time.
    ///   - isIOConserved: whether a tenant root distributes io.
    ///   - zone: the zone whose ledger hours the usage is split by.
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

    /// What the container claims of its tenant root's usage, according to one of its counters.
    ///
    /// - Returns: `nil` if the counter was not read, or if it went back, which is an anomaly. A
    ///   counter that is read for the first time claims nothing: its past is not billed.
    public func claim(_ counter: Counter, _ sample: Sample) -> Claim? {
        guard let reading = counter.reading(sample) else { return nil }
        guard let mark = mark(of: counter) else { return Claim(need: 0, hasEnded: false) }
        guard reading >= mark.value else { return nil }
        return Claim(need: mark.due(at: reading), hasEnded: false)
    }

    /// Moves a counter's mark to a sample after its claim received a share.
    ///
    /// The new `ahead` is what was billed so far less the reading. Example: a reading of 1000 was
    /// billed in full. The next reading is 1300, and the share 280. Then `ahead` is -20, and 20 are
    /// still due.
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

    /// Closes the accounts of devices that lost their line, and notes that io.stat was read.
    ///
    /// - Returns: the devices whose accounts were closed.
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

    /// Bills what limits granted since the last tick.
    ///
    /// The limits that count are those that were read at the last tick; the new ones count from now
    /// on.
    ///
    /// - Parameters:
    ///   - cpu: billionths of a core; `nil` if nothing is reserved.
    ///   - memory: bytes; `nil` if nothing is reserved.
    public mutating func reserve(
        cpu: Int64?, memory: Int64?, at moment: Moment, longestHold: Int64
    ) -> [Advance.Part] {
        let granted = Reservation(cpu: cpu, memory: memory)
        return advance(reserving: granted, at: moment, longestHold: longestHold).parts
    }

    /// The same, and also returns what was refused.
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

    /// Closes the accounts of memory, and of io if asked.
    ///
    /// It is called for a tenant root with containers below it: its memory and io are theirs from
    /// now on.
    public mutating func closeHoldings(withIO: Bool) {
        (memoryCurrent, memoryWorkingSet, memoryUnreclaimable) = (nil, nil, nil)
        if withIO { (io, ioSince) = ([:], nil) }
    }

    /// Bills CPU time up to a reading.
    private mutating func advanceCPU(_ stat: CPUStat?, _ moment: Moment, _ advance: inout Advance) {
        guard let usage = stat?.usageMicroseconds else { return }
        guard let last = cpu else {
            cpu = Mark(usage, at: moment.bootMicroseconds)
            return
        }
        guard usage >= last.value else {
            // The kernel never lowers this counter while the cgroup lives. If the lower value
            // became the mark, usage could be billed twice, so the highest value stays.
            advance.anomalies.append("cpu.stat usage_usec went back from \(last.value) to \(usage)")
            return
        }
        let unbilled = last.due(at: usage)
        advance.add(
            .meter(.cpu), unbilled, since: last.bootMicroseconds, until: moment)
        cpu = Mark(usage, ahead: Int64(clamping: max(0, -unbilled)), at: moment.bootMicroseconds)
    }

    /// Closes the accounts of devices without a line, if the text is sure to list every device.
    private mutating func endDevices(_ sample: Sample, _ advance: inout Advance) {
        guard let devices = sample.devices, !sample.hasUnknownDevices, !io.isEmpty else { return }
        advance.endedDevices = io.keys.filter { devices[$0] == nil }.sorted()
        for device in advance.endedDevices { io[device] = nil }
    }

    /// Bills io up to a reading, device by device.
    ///
    /// At the very first reading of io.stat every device only gets its mark.
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

    /// Bills the io of one device up to a reading.
    private mutating func advanceDevice(
        _ device: DeviceNumber, _ now: IOCounters, _ moment: Moment, _ advance: inout Advance
    ) {
        let beganAnew = fell(device, now)
        var (counters, ahead) = (IOCounters(), SIMD4<Int64>.zero)
        for counter in IOCounter.allCases {
            let last = mark(of: .io(device, counter))
            guard let reading = now.reading(counter) else {
                // A counter that was not read stays where it was.
                counters[counter] = beganAnew ? 0 : last?.value
                ahead[counter.rawValue] = beganAnew ? 0 : last?.ahead ?? 0
                continue
            }
            counters[counter] = reading
            // Without a mark this is the counter's first reading.
            guard var last else { continue }
            if beganAnew { last.value = 0 }
            let unbilled = last.due(at: reading)
            advance.add(
                .meter(counter.meter), unbilled, since: last.bootMicroseconds, until: moment)
            ahead[counter.rawValue] = Int64(clamping: max(0, -unbilled))
        }
        if beganAnew {
            // The device was removed and came back: its new account began at 0.
            advance.anomalies.append("io.stat \(device) began anew")
        }
        io[device] = DeviceMark(counters, ahead: ahead, at: moment.bootMicroseconds)
    }

    /// Notes that io.stat was read: a device that first appears later began at 0.
    ///
    /// Not if the text may lack devices, since the past of a device that appears later would be
    /// billed. If the text ends with a device without figures, as on Linux 5.15 and 5.16, it is
    /// trusted the second time.
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
            // A device without figures is at 0.
            io[device]?.counters = .zero
        }
    }

    /// Bills network traffic up to a reading.
    private mutating func advanceNetwork(
        _ sample: NetworkSample?, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let sample else { return }
        let last = network?.sample.namespace == sample.namespace ? network : nil
        // A container that was seen being created has a network that was made for it. So all
        // traffic of its first network is its own.
        let since = last?.bootMicroseconds ?? (network == nil ? networkSince : nil)
        // An interface that is missing from a partial text would look new later, and its past would
        // be billed.
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

    /// How far a counter of an interface rose.
    ///
    /// An interface that is new, or whose counter is lower than before, was created and began at 0.
    private func rise(_ now: Int64, _ before: Int64?) -> Int128 {
        Int128(now) - Int128(before.map { $0 <= now ? $0 : 0 } ?? 0)
    }

    /// Bills the amount of a gauge over the time since its last reading.
    ///
    /// Memory is integrated by the trapezoid rule. A granted limit counts as it was at the last
    /// reading. Example: 100 bytes at first and 200 bytes 3 s later are (100 + 200) ÷ 2 × 3 = 450
    /// byte-seconds.
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
