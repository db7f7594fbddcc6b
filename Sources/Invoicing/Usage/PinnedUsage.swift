import Pricing

/// Usage that an invoice was computed from, kept with the invoice.
public struct PinnedUsage: Sendable {
    /// The invoice that bills this time; empty for the new one itself.
    ///
    /// See `BillingGroup.aroundKey`.
    public var corrects: String
    /// The segments that `segment` of the usage counts through.
    public var segments: [Segment]
    public var usage: [AccountUsage]

    public init(corrects: String, segments: [Segment], usage: [AccountUsage]) {
        (self.corrects, self.segments, self.usage) = (corrects, segments, usage)
    }

    /// Whether it is the usage of an invoice that was issued before.
    public var isOfAnother: Bool {
        !corrects.isEmpty && !corrects.hasPrefix(BillingGroup.around)
    }
}
