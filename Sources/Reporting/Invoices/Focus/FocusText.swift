import BigInt
import Units

// Values as FOCUS writes them: printable ASCII, decimals with a point, UTC times.

/// An exact number as a decimal with at least one digit after the point.
///
/// If its decimals do not end, it is rounded half to even to 12 of them.
func focusDecimal(_ number: Rational) -> String {
    let places = 12
    let scale = Rational(BigInt(10).power(places))
    let exact = number.description
    let text =
        exact.contains("/")
        ? decimalText(Rounding.halfEven.round(number * scale), places: places) : exact
    return focusDecimal(text)
}

/// Decimal text with at least one digit after the point, and without needless zeros.
///
/// Examples: `2` becomes `2.0`, and `1.50` becomes `1.5`.
func focusDecimal(_ text: String) -> String {
    guard text.contains(".") else { return text + ".0" }
    var digits = text[...]
    while digits.hasSuffix("0"), !digits.hasSuffix(".0") { digits.removeLast() }
    return digits == "-0.0" ? "0.0" : String(digits)
}

/// Words that some readers of csv take for null or for an error, in small letters.
private let nullWords: Set = [
    "null", "nil", "none", "na", "n/a", "#n/a", "nan", "-nan", "inf", "-inf", "infinity", "-",
    "not applicable", "invalid", "invalid_cost", "invalid_decimal", "invalid_int", "bad_date",
]

/// A name for people in ASCII, such as `Cafe Zoe` for `Café Zoë`.
///
/// Accents are dropped. A character that is no Latin letter becomes `?`.
///
/// - Returns: `nil` if nothing is left, or if a reader of csv would take it for null.
func focusName(_ text: String?) -> String? {
    guard let text else { return nil }
    let folded = text.unicodeScalars.map(folded).joined()
    let words = folded.split(separator: " ").joined(separator: " ")
    return words.isEmpty || nullWords.contains(words.lowercased()) ? nil : words
}

/// A character in ASCII.
///
/// The Unicode name of a Latin letter tells its base letter: `é` is LATIN SMALL LETTER E WITH
/// ACUTE, so it becomes `e`.
private func folded(_ scalar: Unicode.Scalar) -> String {
    if scalar.isASCII {
        return (0x20..<0x7F).contains(scalar.value) ? String(scalar) : " "
    }
    let properties = scalar.properties
    if properties.generalCategory == .nonspacingMark || properties.generalCategory == .format {
        return ""
    }
    // For example LATIN SMALL LETTER E WITH ACUTE, or LATIN CAPITAL LIGATURE OE.
    let words = (properties.name ?? "").split(separator: " ")
    guard words.count >= 4, words[0] == "LATIN", ["LETTER", "LIGATURE"].contains(words[2]) else {
        return "?"
    }
    let letter = words[3] == "SHARP" ? "SS" : words[3].count <= 2 ? String(words[3]) : "?"
    return words[1] == "SMALL" ? letter.lowercased() : letter
}

/// An id in ASCII without blanks.
///
/// All bytes but visible ASCII characters become `%XX`, and so does `%`. So different ids stay
/// different. If a reader of csv would take the id for null, its first byte is escaped as well:
/// `none` becomes `%6Eone`.
func focusID(_ text: String) -> String {
    let isNull = nullWords.contains(text.lowercased())
    return text.utf8.enumerated().map { index, byte in
        let isPlain = (0x21..<0x7F).contains(byte) && byte != UInt8(ascii: "%")
        if isPlain, !(isNull && index == 0) { return String(Unicode.Scalar(byte)) }
        let hex = String(byte, radix: 16, uppercase: true)
        return "%" + (hex.count < 2 ? "0" : "") + hex
    }.joined()
}

/// A JSON object in ASCII, with its keys sorted and without blanks.
func focusJSON(_ members: [String: String]) -> String {
    let parts = members.sorted { $0.key < $1.key }.map { key, value in
        asciiJSON(key) + ":" + asciiJSON(value)
    }
    return "{" + parts.joined(separator: ",") + "}"
}

/// A JSON string in ASCII: other characters become `\uXXXX`, in UTF-16.
private func asciiJSON(_ text: String) -> String {
    jsonString(text).utf16.map { unit in
        guard unit >= 0x7F else { return String(Unicode.Scalar(UInt8(unit))) }
        let hex = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }.joined()
}

/// The unit of a price as FOCUS writes it, and a factor for the price.
///
/// The number in front of a unit is made whole. So a price for `0.5 GB` becomes ten times that
/// price for `5 GB`, and the factor is 10. Other examples: `1 vCPU-hour` is `vCPU-Hours`, and
/// `1000000 operation` is `1000000 Requests`, both with a factor of 1.
///
/// - Parameter per: what a price is for, as the price book writes it.
func focusUnit(_ per: String) -> (unit: String, factor: Rational) {
    let words = per.split(separator: " ")
    let named = focusUnitName(words.last.map(String.init) ?? per)
    guard words.count == 2, let count = Rational(decimal: words[0]) else {
        return (named, Rational(1))
    }
    var factor = Rational(1)
    while (count * factor).denominator != 1 { factor = factor * Rational(10) }
    let whole = count * factor
    // After a number, a unit has no hyphen: `744 GiB Hours`.
    return whole == Rational(1)
        ? (named, factor)
        : ("\(whole) " + named.replacing("-", with: " "), factor)
}

/// The name of a unit without a number: `GiB-hour` is `GiB-Hours`.
private func focusUnitName(_ unit: String) -> String {
    let things = [
        "byte": "B", "kB": "KB", "operation": "Requests", "month": "Months", "second": "Seconds",
        "tier": "Tiers",
    ]
    let parts = unit.split(separator: "-")
    let thing = String(parts.first ?? "")
    // A unit named nil or none would be read as a missing value (`focusName`).
    let own = thing.replacing("_", with: " ")
    let name = things[thing] ?? focusName(own) ?? "\(own) (unit)"
    guard parts.count == 2, let time = parts.last, let first = time.first else { return name }
    return name + "-" + first.uppercased() + time.dropFirst() + "s"
}
