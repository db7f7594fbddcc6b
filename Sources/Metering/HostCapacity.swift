import Units

/// The cores and the memory of a host.
public struct HostCapacity: Hashable, Sendable {
    /// The number of cores that are online.
    public var cpus: Int64
    /// Bytes of memory.
    public var memory: Int64

    public init(cpus: Int64, memory: Int64) { (self.cpus, self.memory) = (cpus, memory) }

    /// What could have been used between two moments of one boot, by ledger hour.
    ///
    /// Usage is compared with it, to show how busy the host was.
    ///
    /// - Returns: parts of the meter `cpu` in µs, and of the meter `memory` in byte-seconds.
    public func given(
        from start: Moment, to end: Moment, in zone: BillingZone
    ) -> [Advance.Part] {
        let elapsed = end.bootMicroseconds - start.bootMicroseconds
        // As for usage, the start is counted back from the end.
        let wall = Instant(milliseconds: end.wall.milliseconds - elapsed / 1000)
        guard let period = Period(start: wall, end: end.wall) else { return [] }
        // Differences of whole totals since boot: rounding never adds up from one interval to the
        // next.
        func held(_ moment: Moment) -> Int128 {
            Int128(memory) * Int128(moment.bootMicroseconds) / 1_000_000
        }
        let quantities: [(Meter, Int128)] = [
            (.cpu, Int128(cpus) * Int128(elapsed)), (.memory, held(end) - held(start)),
        ]
        return quantities.flatMap { meter, quantity in
            period.splitByHour(quantity, in: zone).map {
                Advance.Part(meter: .meter(meter), hour: $0.hour, quantity: $0.quantity)
            }
        }
    }
}
