import CgroupFormat
import Units

/// Where a container's account stands: what its next sample is counted from.
///
/// It holds the last reading of every counter and gauge. The store commits it in the same
/// transaction as the sample, so a collector that restarts continues exactly where the last commit
/// stopped.
public struct Position: Hashable, Sendable {
    /// A counter's last reading, and what was billed of it.
    ///
    /// Example: with `value` 1000 and `ahead` -40, 960 of the counter's 1000 were billed, and 40
    /// are pending.
    public struct Mark: Hashable, Sendable {
        /// The counter at its last reading, in base units.
        public var value: Int64
        /// How much more than `value` was billed; negative if less was billed.
        ///
        /// The difference comes from the apportionment below a tenant root. Outside tenant roots it
        /// is 0.
        public var ahead: Int64
        /// When the counter was read (`CLOCK_BOOTTIME`, µs).
        public var bootMicroseconds: Int64

        public init(_ value: Int64, ahead: Int64 = 0, at bootMicroseconds: Int64) {
            (self.value, self.ahead, self.bootMicroseconds) = (value, ahead, bootMicroseconds)
        }

        /// The part of `value` that is not billed yet; 0 if everything was billed.
        public var pending: Int64 { Int64(clamping: max(0, -Int128(ahead))) }

        /// Everything that was billed since the counter was 0.
        public var billed: Int64 { Int64(clamping: max(0, Int128(value) + Int128(ahead))) }

        /// What a new reading shows and was not billed yet; below 0 if more was billed.
        func due(at reading: Int64) -> Int128 { Int128(reading) - Int128(value) - Int128(ahead) }
    }

    /// The same for the four counters of one device.
    public struct DeviceMark: Hashable, Sendable {
        /// The counters at their last reading; `nil` for a counter that was never read.
        public var counters: IOCounters
        /// `Mark.ahead` of each counter, at the index `IOCounter.rawValue`.
        public var ahead: SIMD4<Int64>
        /// When the counters were read (`CLOCK_BOOTTIME`, µs).
        public var bootMicroseconds: Int64

        public init(
            _ counters: IOCounters, ahead: SIMD4<Int64> = .zero, at bootMicroseconds: Int64
        ) {
            (self.counters, self.ahead) = (counters, ahead)
            self.bootMicroseconds = bootMicroseconds
        }
    }

    /// The counters of a network namespace at their last reading.
    public struct NetworkMark: Hashable, Sendable {
        /// The namespace and its counters.
        public var sample: NetworkSample
        /// When the counters were read (`CLOCK_BOOTTIME`, µs).
        public var bootMicroseconds: Int64

        public init(_ sample: NetworkSample, at bootMicroseconds: Int64) {
            (self.sample, self.bootMicroseconds) = (sample, bootMicroseconds)
        }
    }

    /// A gauge's last value, and the fraction of a unit that is not billed yet.
    public struct GaugeState: Hashable, Sendable {
        /// The value; `nil` if the last reading gave none.
        public var value: Int64?
        /// When the gauge was read (`CLOCK_BOOTTIME`, µs).
        public var bootMicroseconds: Int64
        /// What is left below one unit of the meter.
        ///
        /// Its own unit is 1 ÷ `GaugeKind.divisor` of the meter's. It is added to the next
        /// interval, so that rounding loses nothing in the long run.
        public var carry: Int64

        public init(_ value: Int64?, at bootMicroseconds: Int64, carry: Int64) {
            (self.value, self.bootMicroseconds) = (value, bootMicroseconds)
            self.carry = carry
        }
    }

    /// The CPU counter; `nil` if it was never read.
    public var cpu: Mark?
    /// When io.stat was last read, in µs after boot; `nil` if it never was.
    ///
    /// A device that first appears after that began at 0.
    public var ioSince: Int64?
    /// The devices that have an account.
    public var io: [DeviceNumber: DeviceMark] = [:]
    /// From when on the container's network is known, in µs after boot.
    ///
    /// An interface that first appears after that began at 0.
    public var networkSince: Int64?
    /// The network at its last reading; `nil` if it was never read.
    public var network: NetworkMark?
    /// Memory by the formula `current`, in bytes.
    public var memoryCurrent: GaugeState?
    /// Memory by the formula `working_set`, in bytes.
    public var memoryWorkingSet: GaugeState?
    /// Memory by the formula `unreclaimable`, in bytes.
    public var memoryUnreclaimable: GaugeState?
    /// The CPU limit in force, in billionths of a core.
    public var cpuReserved: GaugeState?
    /// The memory limit in force, in bytes.
    public var memoryReserved: GaugeState?

    /// The position of an account that was never read.
    public init() {}

    /// When a gauge of a kernel file was last read, in µs after boot.
    ///
    /// If the next reading fails, its time is unmeasured from then on.
    ///
    /// - Parameter file: a file as absences name it, such as `memory.current`.
    /// - Returns: `nil` if the last reading failed as well, or if the file has no gauge.
    public func lastGauge(of file: String) -> Int64? {
        let formulas: [MemoryFormula] =
            switch file {
            case "memory.current": [.current]
            case "memory.stat": [.unreclaimable, .workingSet]
            case LedgerMeter.unreclaimable: [.unreclaimable]
            case LedgerMeter.inactiveFile: [.workingSet]
            default: []
            }
        return formulas.compactMap { self[.memory($0)] }
            .filter { $0.value != nil }.map(\.bootMicroseconds).max()
    }

    /// The state of one gauge.
    public subscript(_ gauge: GaugeKind) -> GaugeState? {
        get {
            switch gauge {
            case .memory(.current): memoryCurrent
            case .memory(.workingSet): memoryWorkingSet
            case .memory(.unreclaimable): memoryUnreclaimable
            case .cpuReserved: cpuReserved
            case .memoryReserved: memoryReserved
            }
        }
        set {
            switch gauge {
            case .memory(.current): memoryCurrent = newValue
            case .memory(.workingSet): memoryWorkingSet = newValue
            case .memory(.unreclaimable): memoryUnreclaimable = newValue
            case .cpuReserved: cpuReserved = newValue
            case .memoryReserved: memoryReserved = newValue
            }
        }
    }

    /// States that nothing was used until a moment, and moves the account's times there.
    ///
    /// It has no effect on counters if a gauge is above 0: memory that is held, or a limit that is
    /// granted, goes on counting.
    public mutating func markIdle(until bootMicroseconds: Int64) {
        for gauge in GaugeKind.all {
            guard let held = self[gauge] else { continue }
            guard held.value == nil || held.value == 0 else { return }
            self[gauge]?.bootMicroseconds = bootMicroseconds
        }
        cpu?.bootMicroseconds = bootMicroseconds
        if ioSince != nil { ioSince = bootMicroseconds }
        if networkSince != nil { networkSince = bootMicroseconds }
        network?.bootMicroseconds = bootMicroseconds
        for device in io.keys { io[device]?.bootMicroseconds = bootMicroseconds }
    }

    /// The same position, as if exactly what the counters show had been billed.
    public var withoutAhead: Position {
        var position = self
        position.cpu?.ahead = 0
        for device in io.keys { position.io[device]?.ahead = .zero }
        return position
    }

    /// Starts the account of a device at its first reading, so that its past is not billed.
    ///
    /// Only while io.stat was never read completely. Later, a new device began at 0.
    public mutating func beginDevice(_ device: DeviceNumber, _ sample: Sample, at moment: Moment) {
        guard ioSince == nil, io[device] == nil, let counters = sample.io?[device] else { return }
        io[device] = DeviceMark(counters.beginning, at: moment.bootMicroseconds)
    }

    /// Whether nothing was used since the last reading, and nothing goes on counting.
    ///
    /// The tick then needs to write nothing for this account.
    public func isUnchanged(by sample: Sample) -> Bool {
        guard let cpu, sample.cpu?.usageMicroseconds == cpu.value, cpu.ahead >= 0 else {
            return false
        }
        // A granted limit goes on counting, with or without processes.
        guard cpuReserved?.value == nil, memoryReserved?.value == nil else { return false }
        // Memory that is still held goes on counting, with or without processes.
        let holds = MemoryFormula.allCases.contains { ($0.bytes(of: sample) ?? 0) > 0 }
        guard !holds else { return false }
        guard network == nil || sample.network == network?.sample else { return false }
        guard let devices = sample.io else { return io.isEmpty }
        return devices.count == io.count
            && devices.allSatisfy {
                io[$0.key]?.counters == $0.value.beginning && io[$0.key]?.ahead == .zero
            }
    }

    /// The position of a cgroup that was created after `moment`: every counter was 0 then.
    public static func born(after moment: Moment) -> Position {
        var position = Position()
        position.cpu = Mark(0, at: moment.bootMicroseconds)
        position.ioSince = moment.bootMicroseconds
        position.networkSince = moment.bootMicroseconds
        return position
    }

    /// The mark of a counter; `nil` if it was never read.
    public func mark(of counter: Counter) -> Mark? {
        switch counter {
        case .cpu: return cpu
        case .io(let device, let counter):
            if let mark = io[device] {
                return mark.counters[counter].map {
                    Mark($0, ahead: mark.ahead[counter.rawValue], at: mark.bootMicroseconds)
                }
            }
            // A device without a line had not been used when io.stat was last read.
            return ioSince.map { Mark(0, at: $0) }
        }
    }

    /// Moves the mark of a counter.
    public mutating func set(_ counter: Counter, _ mark: Mark) {
        switch counter {
        case .cpu: cpu = mark
        case .io(let device, let counter):
            // Until io.stat was first read, nothing is known of the other counters. Afterwards a
            // new device began at 0.
            let begun = ioSince == nil ? IOCounters() : .zero
            var now = io[device] ?? DeviceMark(begun, at: mark.bootMicroseconds)
            now.counters[counter] = mark.value
            now.ahead[counter.rawValue] = mark.ahead
            // The time of the mark stays, for the device's other counters. `settleDevices` moves
            // it.
            io[device] = now
        }
    }
}

/// What is billed by its amount over time: memory that is held, or a limit that is granted.
public enum GaugeKind: Hashable, Sendable {
    /// Memory by one of the formulas, in bytes.
    case memory(MemoryFormula)
    /// The CPU limit, in billionths of a core.
    case cpuReserved
    /// The memory limit, in bytes.
    case memoryReserved

    /// Every gauge.
    static let all: [GaugeKind] =
        MemoryFormula.allCases.map { .memory($0) } + [.cpuReserved, .memoryReserved]

    /// The meter that the gauge is billed by.
    var meter: LedgerMeter {
        switch self {
        case .memory(let formula): .memory(formula)
        case .cpuReserved: .meter(.cpuReserved)
        case .memoryReserved: .meter(.memoryReserved)
        }
    }

    /// How many units of value × µs make one base unit of the meter.
    var divisor: Int64 {
        switch self {
        // Memory adds the values at both ends of an interval, which is twice the mean (the
        // trapezoid rule). Therefore 2,000,000 byte-µs make a byte-second, and all numbers stay
        // whole.
        case .memory: 2_000_000
        // A core has 1,000,000,000 billionths, and the meter counts core-µs.
        case .cpuReserved: 1_000_000_000
        // The meter counts byte-seconds.
        case .memoryReserved: 1_000_000
        }
    }
}
