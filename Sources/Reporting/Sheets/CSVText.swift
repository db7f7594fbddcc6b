import Units

/// A text as a cell of CSV holds it, so that no program that opens the file obeys it.
///
/// An apostrophe goes in front of what a spreadsheet might run as a formula, and what steers a
/// terminal is written `\u{1B}`. `textOfCSV` is the way back.
func csvText(_ text: String) -> String {
    let safe = escapingTerminalControls(text.replacing("\\u{", with: "\\u{5C}u{"))
    return needsGuard(text) ? "'" + safe : safe
}

/// The text that a cell of CSV was written from.
func textOfCSV(_ field: String) -> String {
    guard field.utf8.contains(where: { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\\") }) else {
        return field
    }
    if field.unicodeScalars.first == "'" {
        let rest = unescaped(String(field.unicodeScalars.dropFirst()))
        if needsGuard(rest) { return rest }
    }
    return unescaped(field)
}

/// Whether a spreadsheet might take a text for a formula: it begins with a formula's sign, of either
/// width, or with a character that is not seen, which some spreadsheets drop before they look.
///
/// A number below zero is a number. Apostrophes in front do not count: the guard itself is one.
private func needsGuard(_ text: String) -> Bool {
    let rest = text.unicodeScalars.drop { $0 == "'" }
    guard let first = rest.first, !isNegativeNumber(String(rest)) else { return false }
    if formulaSigns.contains(first) { return true }
    if first.isPrintableASCII { return first == " " }
    let properties = first.properties
    return properties.isWhitespace || properties.isDefaultIgnorableCodePoint
        || [.control, .format].contains(properties.generalCategory)
}

/// `=`, `+`, `-` and `@`, then the same in full width and small, as East Asian input methods type them.
private let formulaSigns: Set<Unicode.Scalar> = [
    "=", "+", "-", "@", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}", "\u{FE66}", "\u{FE62}",
    "\u{FE63}", "\u{FE6B}",
]

/// Whether a text is plain decimal below zero, perhaps with an exponent: `-5.00`, `-1.5e-07`.
private func isNegativeNumber(_ text: String) -> Bool {
    guard text.utf8.first == UInt8(ascii: "-") else { return false }
    let parts = text.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    guard Rational(decimal: parts[0]) != nil else { return false }
    guard parts.count == 2 else { return true }
    let digits = parts[1].utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    return !digits.isEmpty && parts[1].utf8.count - digits.count <= 1
        && digits.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
}

/// The text with `\u{1B}` and the like as the characters that they stand for.
///
/// Only what `csvText` escapes: another backslash is the text's own.
private func unescaped(_ text: String) -> String {
    var parts = text.split(separator: "\\u{", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return text }
    var result = String(parts.removeFirst())
    for part in parts {
        let digits = part.prefix { $0 != "}" }
        if digits.utf8.count < part.utf8.count, digits.utf8.count <= 6,
            let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value),
            scalar == "\\" || scalar.steersTerminals
        {
            result.unicodeScalars.append(scalar)
            result += part.dropFirst(digits.count + 1)
        } else {
            result += "\\u{" + part
        }
    }
    return result
}
