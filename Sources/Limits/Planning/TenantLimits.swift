/// The limits that a tenant's contract grants; a limit that is not named is not touched.
public struct TenantLimits: Hashable, Sendable {
    /// One limit, and its place in its file: `limits.yaml:4: limits[0].cpu`.
    public struct Setting: Hashable, Sendable {
        public var spec: LimitSpec
        public var place: String

        public init(_ spec: LimitSpec, at place: String) { (self.spec, self.place) = (spec, place) }
    }

    /// The id of the tenant.
    public var tenant: String
    /// The limits in the order of the file.
    public var settings: [Setting]
    /// What to do when somebody else changes a limit; `nil` is `reassert`.
    public var drift: DriftPolicy?

    public init(tenant: String, settings: [Setting], drift: DriftPolicy? = nil) {
        (self.tenant, self.settings, self.drift) = (tenant, settings, drift)
    }
}
