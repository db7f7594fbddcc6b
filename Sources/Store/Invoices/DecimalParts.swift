import BigInt
import Units

/// A decimal of any length as two columns: its digits as a whole number (as in `Rational.blobs`), and
/// how many of them stand behind the point.
struct DecimalParts: Hashable {
    let digits: [UInt8]
    let scale: Int64
    /// As it was written, but for zeros in front.
    let text: String

    /// `nil` unless the text is a plain decimal.
    init?(_ text: String) {
        guard Rational(decimal: text) != nil else { return nil }
        let scale = text.firstIndex(of: ".").map {
            text.distance(from: $0, to: text.endIndex) - 1
        }
        guard let number = BigInt(text.replacing(".", with: "")) else { return nil }
        self.init(digits: Rational.bytes(number), scale: Int64(scale ?? 0))
    }

    /// `nil` if the bytes are none that Octroi writes.
    init?(digits: [UInt8], scale: Int64) {
        guard let number = Rational.number(digits), (0...100).contains(scale) else { return nil }
        (self.digits, self.scale) = (digits, scale)
        let all = String(number.magnitude)
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - all.count)) + all
        let whole = padded.dropLast(Int(scale))
        text = (number < 0 ? "-" : "") + whole + (scale > 0 ? "." + padded.suffix(Int(scale)) : "")
    }
}
