import Units

/// The meters of what limits grant, used or not.
///
/// Their values come from `Reservation`, which knows the limits of a cgroup and of all above it.
enum ReservationMeter {
    /// The CPU limit in force, in billionths of a core; the meter counts core-µs.
    static let cpu = Gauge(
        code: 3, meter: .meter(.cpuReserved), files: ["cpu.max"], divisor: 1_000_000_000,
        source: .granted(\.cpu))

    /// The memory limit in force, in bytes; the meter counts byte-seconds.
    static let memory = Gauge(
        code: 4, meter: .meter(.memoryReserved), files: ["memory.max"], divisor: 1_000_000,
        source: .granted(\.memory))

    /// Both.
    static let all = [
        HostMeter(cpu, .cpuTime, .compute, columns: ["cpu_limit_nanocores"]),
        HostMeter(memory, .byteTime, .compute, columns: ["memory_limit_bytes"]),
    ]
}

extension Position {
    /// Bills what limits granted since the last tick.
    ///
    /// The limits that count are those that were read at the last tick; the new ones count from now
    /// on.
    ///
    /// - Parameter granted: the limits in force now; `nil` in it where nothing is reserved.
    public mutating func advance(
        reserving granted: Reservation, at moment: Moment, longestHold: Int64,
        in zone: BillingZone = .utc
    ) -> Advance {
        var advance = Advance(in: zone)
        for gauge in HostMeter.gauges {
            guard case .granted(let value) = gauge.source else { continue }
            hold(gauge, value(granted), moment, longestHold, &advance)
        }
        return advance
    }
}
