/// A whole-number part of a quantity, and the hour of the ledger it belongs to.
public struct HourPart: Hashable, Sendable {
    /// The start of the hour.
    public let hour: Instant
    public let quantity: Int128

    public init(hour: Instant, quantity: Int128) {
        (self.hour, self.quantity) = (hour, quantity)
    }
}

extension Period {
    /// Splits a quantity over the ledger's hours of this period, in proportion to time.
    ///
    /// The parts are whole and add up to `quantity` exactly: each cumulative part is rounded
    /// down, so an odd unit goes to the later hour.
    public func splitByHour(_ quantity: Int128, in zone: BillingZone) -> [HourPart] {
        let length = Int128(end.milliseconds - start.milliseconds)
        var parts: [HourPart] = []
        var given: Int128 = 0
        var hour = zone.ledgerHour(of: start)
        while true {
            let until = Int128(min(hour.end, end).milliseconds - start.milliseconds)
            // quantity × until may pass 128 bits, so the whole and the rest are scaled apart.
            let (whole, rest) = quantity.quotientAndRemainder(dividingBy: length)
            let cumulative = whole * until + rest * until / length
            parts.append(HourPart(hour: hour.start, quantity: cumulative - given))
            guard hour.end < end else { return parts }
            given = cumulative
            hour = zone.ledgerHour(of: hour.end)
        }
    }
}
