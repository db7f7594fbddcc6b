import Units

/// A price as it was written: exact decimal text, in major units of the currency.
public struct DecimalPrice: Hashable, Sendable, CustomStringConvertible {
    /// The exact value, in major units: `0.04048` is 4048/100000.
    public let value: Rational
    /// The text as it was written, without leading zeros.
    public let description: String

    /// Reads a plain decimal; `nil` for any other text, and for a negative number.
    ///
    /// Exponents, thousands separators and signs are refused. Leading zeros are dropped: `01.50`
    /// becomes `1.50`. Trailing zeros stay, as an invoice shows the price as it was written.
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
    /// The price `0`.
    public static let zero = DecimalPrice(known: .zero, "0")

    private init(known value: Rational, _ description: String) {
        (self.value, self.description) = (value, description)
    }
}

/// A price is stored as a JSON string, so that no digit is lost to floating point.
extension DecimalPrice: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ DecimalPrice($0) }, "a plain decimal")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}
