import Units

/// The money a tenant may spend in a period, and what is to happen as it is spent.
public struct Budget: Hashable, Sendable, Codable {
    /// What a budget is for: at the start of each it begins anew.
    public enum Span: String, Sendable, CaseIterable, Codable {
        case day
        case month
    }

    public var tenant: String
    public var amount: Amount
    public var per: Span
    /// The id of a ladder; without one, spending is only shown.
    public var ladder: String?
    /// Until before this moment nothing is enforced.
    public var exemptUntil: Instant?
    public var exemptReason: String?

    public init(
        tenant: String, amount: Amount, per: Span, ladder: String? = nil,
        exemptUntil: Instant? = nil, exemptReason: String? = nil
    ) {
        (self.tenant, self.amount, self.per, self.ladder) = (tenant, amount, per, ladder)
        (self.exemptUntil, self.exemptReason) = (exemptUntil, exemptReason)
    }

    /// `500.00 a month, ladder gentle, exempt until 2026-12-01T00:00:00Z`.
    public var words: String {
        [
            "\(amount) a \(per.rawValue)", ladder.map { "ladder \($0)" } ?? "no ladder",
            exemptUntil.map { "exempt until \($0)" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    public func isExempt(at instant: Instant) -> Bool { exemptUntil.map { instant < $0 } ?? false }
}

extension Budget {
    /// Money as it was written: exact decimal text in major units of the currency.
    public struct Amount: Hashable, Sendable, CustomStringConvertible, Codable {
        public let value: Rational
        public let description: String

        /// `nil` unless the text is a plain decimal that is not below zero.
        public init?(_ text: String) {
            guard let value = Rational(decimal: text), value >= .zero else { return nil }
            self.value = value
            description = text
        }

        public init(from decoder: any Decoder) throws {
            self = try decoder.value({ Amount($0) }, "a plain decimal")
        }

        public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
    }
}
