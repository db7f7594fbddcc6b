import Units

/// One row of usage that was measured by another source and is imported.
public struct ImportedUsage: Hashable, Sendable {
    /// The time in which it was used.
    public var period: Period
    /// The tenant's id.
    public var tenant: String
    /// The name that usage reports show as the container.
    public var container: String
    public var meter: Meter
    /// In base units of the meter.
    public var quantity: Int128
    /// The row in the imported file; the header is row 1.
    public var row: Int

    public init(
        period: Period, tenant: String, container: String, meter: Meter, quantity: Int128, row: Int
    ) {
        (self.period, self.tenant, self.container) = (period, tenant, container)
        (self.meter, self.quantity, self.row) = (meter, quantity, row)
    }
}
