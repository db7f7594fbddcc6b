import Units

/// What a host has to give.
public struct HostCapacity: Hashable, Sendable {
    /// Cores that are online.
    public var cpus: Int64
    /// Bytes of memory.
    public var memory: Int64

    public init(cpus: Int64, memory: Int64) { (self.cpus, self.memory) = (cpus, memory) }

    /// What could have been used from one moment to another of one boot, by the ledger's hour: µs of cpu,
    /// and byte-seconds.
    public func given(
        from start: Moment, to end: Moment, in zone: BillingZone
    ) -> [Advance.Part] {
        let elapsed = end.bootMicroseconds - start.bootMicroseconds
        // As usage: the start by wall is counted back from the end.
        let wall = Instant(milliseconds: end.wall.milliseconds - elapsed / 1000)
        guard let period = Period(start: wall, end: end.wall) else { return [] }
        // Whole byte-seconds up to each moment: from one to the next nothing is rounded away.
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
