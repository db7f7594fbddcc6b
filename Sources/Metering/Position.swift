import CgroupFormat
import Units

/// Where a container's account stands: the last counters and what its next sample counts from.
///
/// It is committed in the transaction of its sample, so that a restarted collector goes on
/// exactly where the last commit left off.
public struct Position: Hashable, Sendable {
    /// A counter's last reading, and when that was (`CLOCK_BOOTTIME`, µs).
    public struct Mark<Value: Hashable & Sendable>: Hashable, Sendable {
        public var value: Value
        public var bootMicroseconds: Int64

        public init(_ value: Value, at bootMicroseconds: Int64) {
            (self.value, self.bootMicroseconds) = (value, bootMicroseconds)
        }
    }

    /// A gauge's last value, with the part of a byte-second not yet billed.
    public struct Held: Hashable, Sendable {
        /// `nil` if the last reading gave none.
        public var bytes: Int64?
        public var bootMicroseconds: Int64
        /// In half byte-microseconds: 0 ..< 2,000,000.
        public var carry: Int64

        public init(bytes: Int64?, at bootMicroseconds: Int64, carry: Int64) {
            self.bytes = bytes
            self.bootMicroseconds = bootMicroseconds
            self.carry = carry
        }
    }

    public var cpu: Mark<Int64>?
    /// What was billed of cpu above the mark; below it if negative.
    ///
    /// 0 outside tenant roots.
    public var cpuAhead: Int64 = 0
    /// When io.stat was last read; a device first seen after that began at 0.
    public var ioSince: Int64?
    public var io: [DeviceNumber: Mark<IOCounters>] = [:]
    public var memory: [MemoryFormula: Held] = [:]

    public init() {}

    /// Whether a sample's counters stand where this account stands.
    public func isUnchanged(by sample: Sample) -> Bool {
        guard let cpu, sample.cpu?.usageMicroseconds == cpu.value, cpuAhead >= 0 else {
            return false
        }
        // Memory that is still held goes on counting, with or without processes.
        let holds = MemoryFormula.allCases.contains { ($0.bytes(of: sample) ?? 0) > 0 }
        guard !holds else { return false }
        guard let devices = sample.io else { return io.isEmpty }
        return devices.count == io.count && devices.allSatisfy { io[$0.key]?.value == $0.value }
    }

    /// The position of a cgroup that was created after `moment`: every counter was 0 then.
    public static func born(after moment: Moment) -> Position {
        var position = Position()
        position.cpu = Mark(0, at: moment.bootMicroseconds)
        position.ioSince = moment.bootMicroseconds
        return position
    }

}

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
    public fileprivate(set) var parts: [Part] = []
    /// What no correct kernel does, in words: kept and counted, never fatal.
    public fileprivate(set) var anomalies: [String] = []
    /// Devices whose line is gone: their account is closed, and would begin anew at 0.
    public fileprivate(set) var endedDevices: [DeviceNumber] = []

    /// More than this in one tick is no usage but a fault of the text: 285 years of a core, 64 PiB.
    public static let mostInOneTick: Int128 = 1 << 56

    public init() {}
}

extension Position {
    /// Counts a sample from where the account stands, and moves the account to it.
    ///
    /// Under a tenant root the cpu counter is left alone: see `claim` and `settle`.
    ///
    /// - Parameters:
    ///   - longestHold: over a longer silence, in µs, a gauge is not interpolated: that time is
    ///     unmetered. Counters miss nothing however long the silence.
    public mutating func advance(
        to sample: Sample, at moment: Moment, longestHold: Int64, isConserved: Bool = false
    ) -> Advance {
        var advance = Advance()
        if !isConserved { advanceCPU(sample.cpu, moment, &advance) }
        advanceIO(sample, moment, &advance)
        for formula in MemoryFormula.allCases {
            advanceMemory(formula, formula.bytes(of: sample), moment, longestHold, &advance)
        }
        return advance
    }

    /// What the cpu counter of a sample claims of the tenant root's.
    ///
    /// - Returns: `nil` if it was not read, or went back, which is an anomaly.
    public func claim(_ sample: Sample) -> Claim? {
        guard let usage = sample.cpu?.usageMicroseconds else { return nil }
        guard let cpu else { return Claim(need: 0, hasEnded: false) }
        guard usage >= cpu.value else { return nil }
        return Claim(need: usage - cpu.value - cpuAhead, hasEnded: false)
    }

    /// Moves the cpu mark to a sample whose claim got `share`.
    public mutating func settle(_ sample: Sample, share: Int64, at moment: Moment) {
        guard let usage = sample.cpu?.usageMicroseconds else { return }
        cpuAhead += share - (usage - (cpu?.value ?? usage))
        cpu = Mark(usage, at: moment.bootMicroseconds)
    }

    /// Closes the accounts of io and memory: what they count from now on is the children's.
    public mutating func closeHoldings() {
        (io, ioSince, memory) = ([:], nil, [:])
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
        advance.add(
            .meter(.cpu), Int128(usage - last.value - cpuAhead), since: last.bootMicroseconds,
            until: moment)
        cpuAhead = min(0, usage - last.value - cpuAhead) * -1
        cpu = Mark(usage, at: moment.bootMicroseconds)
    }

    private mutating func advanceIO(
        _ sample: Sample, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let devices = sample.io else { return }
        if !sample.hasUnknownDevices {
            advance.endedDevices = io.keys.filter { devices[$0] == nil }.sorted()
            for device in advance.endedDevices { io[device] = nil }
        }
        let baselineTaken = ioSince != nil
        let since = ioSince ?? moment.bootMicroseconds
        for device in devices.keys.sorted() {
            guard let now = devices[device] else { continue }
            // A device without a line has not been used: its counters were 0 when last looked at.
            let zero = IOCounters(readBytes: 0, writeBytes: 0, readOps: 0, writeOps: 0)
            let last = io[device] ?? Mark(baselineTaken ? zero : now, at: since)
            let began = Self.ioMeters.contains { _, counter in
                (now[keyPath: counter] ?? 0) < (last.value[keyPath: counter] ?? 0)
            }
            if began {
                // The device went away and came back: a new account that began at 0.
                advance.anomalies.append("io.stat \(device) began anew")
            }
            for (meter, counter) in Self.ioMeters {
                let before = began ? 0 : last.value[keyPath: counter] ?? 0
                advance.add(
                    .meter(meter), Int128((now[keyPath: counter] ?? 0) - before),
                    since: last.bootMicroseconds, until: moment)
            }
            io[device] = Mark(now, at: moment.bootMicroseconds)
        }
        ioSince = moment.bootMicroseconds
    }

    private mutating func advanceMemory(
        _ formula: MemoryFormula, _ bytes: Int64?, _ moment: Moment, _ longestHold: Int64,
        _ advance: inout Advance
    ) {
        let now = moment.bootMicroseconds
        let last = memory[formula] ?? Held(bytes: nil, at: now, carry: 0)
        guard let before = last.bytes, let bytes, now - last.bootMicroseconds <= longestHold else {
            memory[formula] = Held(bytes: bytes, at: now, carry: last.carry)
            return
        }
        // The trapezoid (a + b) / 2 × t, in half byte-microseconds so that it stays whole.
        let held =
            (Int128(before) + Int128(bytes)) * Int128(now - last.bootMicroseconds)
            + Int128(last.carry)
        let (byteSeconds, carry) = held.quotientAndRemainder(dividingBy: 2_000_000)
        advance.add(.memory(formula), byteSeconds, since: last.bootMicroseconds, until: moment)
        memory[formula] = Held(bytes: bytes, at: now, carry: Int64(carry))
    }

    private static var ioMeters: [(Meter, KeyPath<IOCounters, Int64?>)] {
        [
            (.ioReadBytes, \.readBytes), (.ioWriteBytes, \.writeBytes), (.ioReadOps, \.readOps),
            (.ioWriteOps, \.writeOps),
        ]
    }
}

extension Advance {
    /// Adds what was used from `since` (µs after boot) to `until`, split at hour ends.
    fileprivate mutating func add(
        _ meter: LedgerMeter, _ quantity: Int128, since: Int64, until: Moment
    ) {
        guard quantity > 0 else { return }
        guard quantity < Self.mostInOneTick else {
            anomalies.append("\(meter.name) rose by \(quantity) in one tick, which is not billed")
            return
        }
        // The start by wall is counted back from the end, so a stepped clock cannot stretch it.
        let milliseconds = (until.bootMicroseconds - since) / 1000
        let start = Instant(milliseconds: until.wall.milliseconds - milliseconds)
        guard let period = Period(start: start, end: until.wall) else {
            parts.append(Part(meter: meter, hour: until.wall.startOfHour, quantity: quantity))
            return
        }
        for part in period.splitByHour(quantity) where part.quantity > 0 {
            parts.append(Part(meter: meter, hour: part.hour, quantity: part.quantity))
        }
    }
}
