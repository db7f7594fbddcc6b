import Units

/// How reliable a usage figure is.
public enum Assurance: String, Sendable, CaseIterable, Codable {
    /// Adds up exactly to the counter of the tenant root.
    case conserved
    /// The total adds up exactly, but this container's part of it is an estimate.
    ///
    /// That happens if several containers ended between two readings.
    case estimatedSplit = "estimated_split"
    /// From the container's own counters.
    ///
    /// Usage after its last reading may be missing.
    case sampled
    /// Imported from another source.
    case imported
}

/// The usage of one meter over a period, by a tenant or by one container.
public struct Usage: Hashable, Sendable {
    /// The time in which it was used.
    public var period: Period
    /// The tenant's id.
    ///
    /// `nil` if the row covers all tenants; `Tenant.unattributed` if the usage belongs to nobody.
    public var tenant: String?
    /// The container's path or its imported name; `nil` if the row covers several containers.
    public var container: String?
    public var meter: Meter
    /// In base units of the meter.
    public var quantity: Int128
    /// How reliable the figure is.
    public var assurance: Assurance

    public init(
        period: Period, tenant: String?, container: String?, meter: Meter, quantity: Int128,
        assurance: Assurance
    ) {
        (self.period, self.tenant, self.container) = (period, tenant, container)
        (self.meter, self.quantity, self.assurance) = (meter, quantity, assurance)
    }
}

extension Assurance {
    /// The number that stands for it in the ledger.
    ///
    /// Stored data depends on it, so it never changes.
    public var code: Int64 {
        switch self {
        case .conserved: 0
        case .sampled: 1
        case .estimatedSplit: 2
        case .imported: 3
        }
    }

    /// `nil` if no case has this number.
    public init?(code: Int64) {
        guard let own = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = own
    }
}
