import Pricing

/// The usage that a document was computed from, kept with it so that it can be verified later.
public struct PinnedUsage: Sendable {
    /// The number of the invoice that bills this time; empty for the new document itself.
    ///
    /// Time that no invoice bills has a key of its own: see `BillingGroup.aroundKey`.
    public var corrects: String
    /// The segments that `segment` of the usage counts through.
    public var segments: [Segment]
    /// The usage by account.
    public var usage: [AccountUsage]

    public init(corrects: String, segments: [Segment], usage: [AccountUsage]) {
        (self.corrects, self.segments, self.usage) = (corrects, segments, usage)
    }

    /// Whether it is the usage of an invoice that was issued before.
    public var isOfAnother: Bool {
        !corrects.isEmpty && !corrects.hasPrefix(BillingGroup.around)
    }
}
