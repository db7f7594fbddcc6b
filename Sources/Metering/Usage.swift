import Units

/// How far a usage figure can be trusted.
public enum Assurance: String, Sendable, CaseIterable, Codable {
    /// Adds up to the counter of the tenant root, exactly.
    case conserved
    /// The same in total; how much of it is this container's is an estimate.
    case estimatedSplit = "estimated_split"
    /// From the container's own counters.
    case sampled
    /// Brought in from another source.
    case imported
}

/// A meter's whole-number quantity, for a tenant or one container, over a period.
public struct Usage: Hashable, Sendable {
    public var period: Period
    /// `nil` where the row covers all tenants; `unattributed` where it is nobody's.
    public var tenant: String?
    /// The container's path or imported name; `nil` where the row covers several.
    public var container: String?
    public var meter: Meter
    /// In base units of the meter.
    public var quantity: Int128
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
    /// The number that the ledger keeps it by.
    public var code: Int64 {
        switch self {
        case .conserved: 0
        case .sampled: 1
        case .estimatedSplit: 2
        case .imported: 3
        }
    }

    /// `nil` if no assurance has this number.
    public init?(code: Int64) {
        guard let own = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = own
    }
}
