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
    public internal(set) var anomalies: [String] = []
    /// Rises that exceed what any host can do, and that are therefore not billed.
    public internal(set) var refused: [Refusal] = []
    /// Devices that lost their line in io.stat.
    ///
    /// If one comes back, its account begins at 0.
    public internal(set) var endedDevices: [DeviceNumber] = []

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
        for gauge in HostMeter.gauges where !gauge.isGranted {
            hold(gauge, gauge.held(sample), moment, longestHold, &advance)
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

    /// Closes the accounts of what is held, and of io if asked.
    ///
    /// It is called for a tenant root with containers below it: its memory and io are theirs from
    /// now on.
    ///
    /// - Returns: the devices whose accounts were closed.
    public mutating func closeHoldings(withIO: Bool) -> [DeviceNumber] {
        for gauge in HostMeter.gauges where !gauge.isGranted { gauges[gauge] = nil }
        guard withIO else { return [] }
        let devices = io.keys.sorted()
        (io, ioSince) = ([:], nil)
        return devices
    }
}
