import CgroupFormat
import Units

/// Where a container's account stands: the last counters and what its next sample counts from.
///
/// It is committed in the transaction of its sample, so that a restarted collector goes on
/// exactly where the last commit left off.
public struct Position: Hashable, Sendable {
    /// A counter's last reading, and when that was (`CLOCK_BOOTTIME`, µs).
    public struct Mark: Hashable, Sendable {
        public var value: Int64
        /// What was billed above `value`, on account of the tenant root; below it if negative.
        ///
        /// 0 outside tenant roots.
        public var ahead: Int64
        public var bootMicroseconds: Int64

        public init(_ value: Int64, ahead: Int64 = 0, at bootMicroseconds: Int64) {
            (self.value, self.ahead, self.bootMicroseconds) = (value, ahead, bootMicroseconds)
        }

        /// What waits to be billed: 0 if as much as `value` was, or more.
        public var pending: Int64 { Int64(clamping: max(0, -Int128(ahead))) }

        /// What was billed in all since the counter was 0.
        public var billed: Int64 { Int64(clamping: max(0, Int128(value) + Int128(ahead))) }

        /// What a reading says that was not billed yet; below 0 if more was billed.
        func due(at reading: Int64) -> Int128 { Int128(reading) - Int128(value) - Int128(ahead) }
    }

    /// The same for the counters of one device; a counter that was never read is `nil`.
    public struct DeviceMark: Hashable, Sendable {
        public var counters: IOCounters
        /// By `IOCounter`.
        public var ahead: SIMD4<Int64>
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
        public var sample: NetworkSample
        public var bootMicroseconds: Int64

        public init(_ sample: NetworkSample, at bootMicroseconds: Int64) {
            (self.sample, self.bootMicroseconds) = (sample, bootMicroseconds)
        }
    }

    /// A gauge's last value, with the part of a unit not yet billed.
    public struct GaugeState: Hashable, Sendable {
        /// `nil` if the last reading gave none.
        public var value: Int64?
        public var bootMicroseconds: Int64
        /// In what one unit was divided into: see `GaugeKind`.
        public var carry: Int64

        public init(_ value: Int64?, at bootMicroseconds: Int64, carry: Int64) {
            (self.value, self.bootMicroseconds) = (value, bootMicroseconds)
            self.carry = carry
        }
    }

    public var cpu: Mark?
    /// When io.stat was last read; a device first seen after that began at 0.
    public var ioSince: Int64?
    public var io: [DeviceNumber: DeviceMark] = [:]
    /// After which moment its network is known; counters first seen after that began at 0.
    public var networkSince: Int64?
    public var network: NetworkMark?
    public var memoryCurrent: GaugeState?
    public var memoryWorkingSet: GaugeState?
    public var memoryUnreclaimable: GaugeState?
    public var cpuReserved: GaugeState?
    public var memoryReserved: GaugeState?

    public init() {}

    /// When a gauge of a kernel file was last read, in µs after boot.
    ///
    /// From then on its time is not measured if the next reading fails. `nil` if the last one failed,
    /// too, or the file holds no gauge.
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

    /// Notes that nothing was used up to a moment, as far as this account can have been used.
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

    /// The same, with nothing billed above or below its counters.
    public var withoutAhead: Position {
        var position = self
        position.cpu?.ahead = 0
        for device in io.keys { position.io[device]?.ahead = .zero }
        return position
    }

    /// Lets a device that is seen for the first time begin at its reading.
    public mutating func beginDevice(_ device: DeviceNumber, _ sample: Sample, at moment: Moment) {
        guard ioSince == nil, io[device] == nil, let counters = sample.io?[device] else { return }
        io[device] = DeviceMark(counters.beginning, at: moment.bootMicroseconds)
    }

    /// Whether a sample's counters stand where this account stands.
    public func isUnchanged(by sample: Sample) -> Bool {
        guard let cpu, sample.cpu?.usageMicroseconds == cpu.value, cpu.ahead >= 0 else {
            return false
        }
        // A reservation goes on counting, with or without processes.
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

    /// Where a counter stands; `nil` if it was never read.
    public func mark(of counter: Counter) -> Mark? {
        switch counter {
        case .cpu: return cpu
        case .io(let device, let counter):
            if let mark = io[device] {
                return mark.counters[counter].map {
                    Mark($0, ahead: mark.ahead[counter.rawValue], at: mark.bootMicroseconds)
                }
            }
            // A device without a line had not been used when last looked at.
            return ioSince.map { Mark(0, at: $0) }
        }
    }

    /// Moves a counter's mark.
    public mutating func set(_ counter: Counter, _ mark: Mark) {
        switch counter {
        case .cpu: cpu = mark
        case .io(let device, let counter):
            // Before io.stat was first read, nothing is known of the others; after, they began at 0.
            let begun = ioSince == nil ? IOCounters() : .zero
            var now = io[device] ?? DeviceMark(begun, at: mark.bootMicroseconds)
            now.counters[counter] = mark.value
            now.ahead[counter.rawValue] = mark.ahead
            // The other counters count from where they stood: `settleDevices` moves the time.
            io[device] = now
        }
    }
}

/// A gauge that is held over time, or a limit that is granted over time.
public enum GaugeKind: Hashable, Sendable {
    case memory(MemoryFormula)
    /// In billionths of a core.
    case cpuReserved
    /// In bytes.
    case memoryReserved

    static let all: [GaugeKind] =
        MemoryFormula.allCases.map { .memory($0) } + [.cpuReserved, .memoryReserved]

    var meter: LedgerMeter {
        switch self {
        case .memory(let formula): .memory(formula)
        case .cpuReserved: .meter(.cpuReserved)
        case .memoryReserved: .meter(.memoryReserved)
        }
    }

    /// How many value-microseconds make one unit of the meter.
    var divisor: Int64 {
        switch self {
        // Byte-seconds in half byte-microseconds, so that the trapezoid stays whole.
        case .memory: 2_000_000
        case .cpuReserved: 1_000_000_000
        case .memoryReserved: 1_000_000
        }
    }
}
