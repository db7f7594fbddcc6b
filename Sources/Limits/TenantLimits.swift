/// What a tenant's contract grants; a limit that is not named is not touched.
public struct TenantLimits: Hashable, Sendable {
    public var tenant: String
    public var settings: [LimitWish]
    /// `nil` is reassert.
    public var drift: DriftPolicy?

    public init(tenant: String, settings: [LimitWish], drift: DriftPolicy? = nil) {
        (self.tenant, self.settings, self.drift) = (tenant, settings, drift)
    }
}
