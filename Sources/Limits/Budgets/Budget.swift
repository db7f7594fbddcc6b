import Units

/// The money that a tenant may spend in each day or month, and the ladder that enforces it.
public struct Budget: Hashable, Sendable, Codable {
    /// The period of a budget, in the billing zone.
    ///
    /// At its start, spending counts from 0 again.
    public enum Span: String, Sendable, CaseIterable, Codable {
        /// A civil day.
        case day
        /// A billing month.
        case month
    }

    /// The id of the tenant.
    public var tenant: String
    /// The money that may be spent in each period, before tax.
    public var amount: Amount
    /// The period.
    public var per: Span
    /// The id of the ladder; without one, spending is only shown.
    public var ladder: String?
    /// The end of the tenant's exemption, exclusive; until then nothing is enforced.
    public var exemptUntil: Instant?
    /// Why the tenant is exempt, in the operator's words.
    public var exemptReason: String?

    public init(
        tenant: String, amount: Amount, per: Span, ladder: String? = nil,
        exemptUntil: Instant? = nil, exemptReason: String? = nil
    ) {
        (self.tenant, self.amount, self.per, self.ladder) = (tenant, amount, per, ladder)
        (self.exemptUntil, self.exemptReason) = (exemptUntil, exemptReason)
    }

    /// The budget in words: `500.00 a month, ladder gentle, exempt until 2026-12-01T00:00:00Z`.
    public var words: String {
        [
            "\(amount) a \(per.rawValue)", ladder.map { "ladder \($0)" } ?? "no ladder",
            exemptUntil.map { "exempt until \($0)" },
        ].compactMap(\.self).joined(separator: ", ")
    }

    /// Whether the tenant is exempt at an instant.
    public func isExempt(at instant: Instant) -> Bool { exemptUntil.map { instant < $0 } ?? false }
}

extension Budget {
    /// Money as it was written: exact decimal text, in major units of the currency.
    public struct Amount: Hashable, Sendable, CustomStringConvertible, Codable {
        /// The exact value in major units.
        public let value: Rational
        /// The text as it was written.
        public let description: String

        /// Reads a plain decimal such as `500.00`; `nil` for any other text, and below zero.
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
