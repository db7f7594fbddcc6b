import BigInt
import Units

// Values as FOCUS writes them: printable ASCII, decimals with a point, UTC times.

/// An exact number as a decimal with at least one digit behind the point.
///
/// Rounded half to even at 12 digits if it has no end before.
func focusDecimal(_ number: Rational) -> String {
    let places = 12
    let scale = Rational(BigInt(10).power(places))
    let exact = number.description
    let text =
        exact.contains("/")
        ? decimalText(Rounding.halfEven.round(number * scale), places: places) : exact
    return focusDecimal(text)
}

/// Plain decimal text with at least one digit behind the point and no zeros at its end.
func focusDecimal(_ text: String) -> String {
    guard text.contains(".") else { return text + ".0" }
    var digits = text[...]
    while digits.hasSuffix("0"), !digits.hasSuffix(".0") { digits.removeLast() }
    return digits == "-0.0" ? "0.0" : String(digits)
}

/// What is read as null by some reader of CSV, in lower case.
private let nullWords: Set = [
    "null", "nil", "none", "na", "n/a", "#n/a", "nan", "-nan", "inf", "-inf", "infinity", "-",
    "not applicable", "invalid", "invalid_cost", "invalid_decimal", "invalid_int", "bad_date",
]

/// Text of people in ASCII: accents dropped, what has no letter there as `?`; `nil` if nothing is
/// left, or it reads as null.
func focusName(_ text: String?) -> String? {
    guard let text else { return nil }
    let folded = text.unicodeScalars.map(folded).joined()
    let words = folded.split(separator: " ").joined(separator: " ")
    return words.isEmpty || nullWords.contains(words.lowercased()) ? nil : words
}

private func folded(_ scalar: Unicode.Scalar) -> String {
    if scalar.isASCII {
        return (0x20..<0x7F).contains(scalar.value) ? String(scalar) : " "
    }
    let properties = scalar.properties
    if properties.generalCategory == .nonspacingMark || properties.generalCategory == .format {
        return ""
    }
    // LATIN SMALL LETTER E WITH ACUTE, LATIN CAPITAL LIGATURE OE
    let words = (properties.name ?? "").split(separator: " ")
    guard words.count >= 4, words[0] == "LATIN", ["LETTER", "LIGATURE"].contains(words[2]) else {
        return "?"
    }
    let letter = words[3] == "SHARP" ? "SS" : words[3].count <= 2 ? String(words[3]) : "?"
    return words[1] == "SMALL" ? letter.lowercased() : letter
}

/// An id in ASCII without blanks: other bytes as `%XX`, and the first one of what reads as null.
func focusID(_ text: String) -> String {
    let isNull = nullWords.contains(text.lowercased())
    return text.utf8.enumerated().map { index, byte in
        let isPlain = (0x21..<0x7F).contains(byte) && byte != UInt8(ascii: "%")
        if isPlain, !(isNull && index == 0) { return String(Unicode.Scalar(byte)) }
        let hex = String(byte, radix: 16, uppercase: true)
        return "%" + (hex.count < 2 ? "0" : "") + hex
    }.joined()
}

/// A flat JSON object with sorted keys, in ASCII.
func focusJSON(_ members: [String: String]) -> String {
    let parts = members.sorted { $0.key < $1.key }.map { key, value in
        asciiJSON(key) + ":" + asciiJSON(value)
    }
    return "{" + parts.joined(separator: ",") + "}"
}

private func asciiJSON(_ text: String) -> String {
    jsonString(text).utf16.map { unit in
        guard unit >= 0x7F else { return String(Unicode.Scalar(UInt8(unit))) }
        let hex = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }.joined()
}

/// A quantity with its unit as FOCUS names it, and the factor that made its count whole.
///
/// `1 vCPU-hour` is `vCPU-Hours`, `1000000 operation` is `1000000 Requests`, `0.5 GB` is `5 GB`.
func focusUnit(_ per: String) -> (unit: String, factor: Rational) {
    let words = per.split(separator: " ")
    let named = focusUnitName(words.last.map(String.init) ?? per)
    guard words.count == 2, let count = Rational(decimal: words[0]) else {
        return (named, Rational(1))
    }
    var factor = Rational(1)
    while (count * factor).denominator != 1 { factor = factor * Rational(10) }
    let whole = count * factor
    // Behind a number the hyphen is no part of a unit.
    return whole == Rational(1)
        ? (named, factor)
        : ("\(whole) " + named.replacing("-", with: " "), factor)
}

private func focusUnitName(_ unit: String) -> String {
    let things = [
        "byte": "B", "kB": "KB", "operation": "Requests", "month": "Months", "second": "Seconds",
        "tier": "Tiers",
    ]
    let parts = unit.split(separator: "-")
    let thing = String(parts.first ?? "")
    let name = things[thing] ?? thing.replacing("_", with: " ")
    guard parts.count == 2, let time = parts.last, let first = time.first else { return name }
    return name + "-" + first.uppercased() + time.dropFirst() + "s"
}
