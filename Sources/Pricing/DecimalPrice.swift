import Units

/// A price as written: exact decimal text in major units of the currency.
public struct DecimalPrice: Hashable, Sendable, CustomStringConvertible {
    public let value: Rational
    public let description: String

    /// `nil` unless the text is a plain decimal that is not below zero.
    ///
    /// Zeros in front say nothing, and are left out: `01.50` is `1.50`.
    public init?(_ text: String) {
        guard let value = Rational(decimal: text), value >= .zero, text.first != "-" else {
            return nil
        }
        self.value = value
        let digits = text.drop { $0 == "0" }
        description = digits.isEmpty || digits.first == "." ? "0" + digits : String(digits)
    }
}

extension DecimalPrice {
    public static let zero = DecimalPrice(known: .zero, "0")

    private init(known value: Rational, _ description: String) {
        (self.value, self.description) = (value, description)
    }
}

extension DecimalPrice: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ DecimalPrice($0) }, "a plain decimal")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}
