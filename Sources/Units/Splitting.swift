/// The part of a quantity that belongs to one hour of the ledger.
public struct HourPart: Hashable, Sendable {
    /// The start of the hour.
    public let hour: Instant
    /// A whole number of the meter's base units.
    public let quantity: Int128

    public init(hour: Instant, quantity: Int128) {
        (self.hour, self.quantity) = (hour, quantity)
    }
}

extension Period {
    /// Splits a quantity over the ledger hours of this period, in proportion to time.
    ///
    /// The parts are whole numbers and add up to `quantity` exactly. The sum of the parts up to
    /// each hour's end is rounded down, so an odd unit goes to a later hour. Example: 10 units over
    /// a period from 13:40 to 15:00. After 20 of 80 minutes 2.5 units are due, so the first hour
    /// gets 2 and the second 8.
    ///
    /// - Parameters:
    ///   - quantity: in base units, not negative.
    ///   - zone: whose ledger hours are used (`BillingZone.ledgerHour`).
    public func splitByHour(_ quantity: Int128, in zone: BillingZone) -> [HourPart] {
        let length = Int128(end.milliseconds - start.milliseconds)
        var parts: [HourPart] = []
        var given: Int128 = 0
        var hour = zone.ledgerHour(of: start)
        while true {
            let until = Int128(min(hour.end, end).milliseconds - start.milliseconds)
            // quantity × until may exceed 128 bits, so quotient and remainder are scaled
            // separately.
            let (whole, rest) = quantity.quotientAndRemainder(dividingBy: length)
            let cumulative = whole * until + rest * until / length
            parts.append(HourPart(hour: hour.start, quantity: cumulative - given))
            guard hour.end < end else { return parts }
            given = cumulative
            hour = zone.ledgerHour(of: hour.end)
        }
    }
}
