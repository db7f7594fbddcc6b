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
    /// Memory that is held, and limits that are granted.
    public var gauges = GaugeStates()

    /// The position of an account that was never read.
    public init() {}

    /// When a gauge of a kernel file was last read, in µs after boot.
    ///
    /// If the next reading fails, its time is unmeasured from then on.
    ///
    /// - Parameter file: a file as absences name it, such as `memory.current`.
    /// - Returns: `nil` if the last reading failed as well, or if the file has no gauge.
    public func lastGauge(of file: String) -> Int64? {
        HostMeter.gauges.filter { !$0.isGranted && $0.files.contains(file) }
            .compactMap { gauges[$0] }.filter { $0.value != nil }.map(\.bootMicroseconds).max()
    }

    /// States that nothing was used until a moment, and moves the account's times there.
    ///
    /// It has no effect on counters if a gauge is above 0: memory that is held, or a limit that is
    /// granted, goes on counting.
    public mutating func markIdle(until bootMicroseconds: Int64) {
        guard gauges.areAtZero else { return }
        gauges.moveTimes(to: bootMicroseconds)
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

    /// Whether nothing was used since the last reading, and nothing goes on counting.
    ///
    /// The tick then needs to write nothing for this account.
    public func isUnchanged(by sample: Sample) -> Bool {
        guard let cpu, sample.cpu?.usageMicroseconds == cpu.value, cpu.ahead >= 0 else {
            return false
        }
        // What is granted or still held goes on counting, with or without processes.
        let holds = HostMeter.gauges.contains { ($0.held(sample) ?? 0) > 0 }
        guard !gauges.grantsAnything, !holds else { return false }
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
