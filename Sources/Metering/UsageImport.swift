import Units

/// One row of usage that another source measured.
public struct ImportedUsage: Hashable, Sendable {
    public var period: Period
    public var tenant: String
    public var container: String
    public var meter: Meter
    /// In base units of the meter.
    public var quantity: Int128
    /// The row of the file it stood in, counted from 1 for the header.
    public var row: Int

    public init(
        period: Period, tenant: String, container: String, meter: Meter, quantity: Int128, row: Int
    ) {
        (self.period, self.tenant, self.container) = (period, tenant, container)
        (self.meter, self.quantity, self.row) = (meter, quantity, row)
    }
}
