import BigInt
import Units

/// Stores a decimal of any length in two columns: its digits, and how many of them are decimals.
///
/// The digits are a whole number in the form of `Rational.blobs`. Example: `-12.50` is stored as
/// -1250 with scale 2, so that the trailing zero is kept.
struct DecimalParts: Hashable {
    /// The digits as sign byte and magnitude.
    let digits: [UInt8]
    /// The number of digits after the point, 0 to 100.
    let scale: Int64
    /// The decimal as it was written, without leading zeros.
    let text: String

    /// Splits a decimal; `nil` if the text is not a plain decimal.
    init?(_ text: String) {
        guard Rational(decimal: text) != nil else { return nil }
        let scale = text.firstIndex(of: ".").map {
            text.distance(from: $0, to: text.endIndex) - 1
        }
        guard let number = BigInt(text.replacing(".", with: "")) else { return nil }
        self.init(digits: Rational.bytes(number), scale: Int64(scale ?? 0))
    }

    /// Reads the two columns; `nil` if they are not of this form.
    init?(digits: [UInt8], scale: Int64) {
        guard let number = Rational.number(digits), (0...100).contains(scale) else { return nil }
        (self.digits, self.scale) = (digits, scale)
        let all = String(number.magnitude)
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - all.count)) + all
        let whole = padded.dropLast(Int(scale))
        text = (number < 0 ? "-" : "") + whole + (scale > 0 ? "." + padded.suffix(Int(scale)) : "")
    }
}
