import Units

/// Makes a text safe in CSV, for spreadsheets and for terminals.
///
/// A spreadsheet runs a cell that starts with `=` as a formula, so such a text gets an apostrophe
/// in front. Characters that a terminal obeys are escaped, as in `\u{1B}`. `textOfCSV` restores the
/// original.
///
/// Example: `=1+1` becomes `'=1+1`.
func csvText(_ text: String) -> String {
    let safe = escapingTerminalControls(text.replacing("\\u{", with: "\\u{5C}u{"))
    return needsGuard(text) ? "'" + safe : safe
}

/// Restores the text that `csvText` made safe.
///
/// Texts from other sources come back unchanged, unless they look as if `csvText` had made them.
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

/// Whether a spreadsheet might run a text as a formula.
///
/// That is so if the first character is a sign of formulas. It is also so for a blank and for
/// invisible characters, because some spreadsheets remove them before they look. A negative number
/// is no formula.
///
/// Leading apostrophes are skipped, so that a text with the guard in front still counts as one that
/// needs it.
private func needsGuard(_ text: String) -> Bool {
    let rest = text.unicodeScalars.drop { $0 == "'" }
    guard let first = rest.first, !isNegativeNumber(String(rest)) else { return false }
    if formulaSigns.contains(first) { return true }
    if first.isPrintableASCII { return first == " " }
    let properties = first.properties
    return properties.isWhitespace || properties.isDefaultIgnorableCodePoint
        || [.control, .format].contains(properties.generalCategory)
}

/// The characters that start a formula: `=`, `+`, `-` and `@`.
///
/// Input methods for East Asian languages also type full-width and small forms of them.
private let formulaSigns: Set<Unicode.Scalar> = [
    "=", "+", "-", "@", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}", "\u{FE66}", "\u{FE62}",
    "\u{FE63}", "\u{FE6B}",
]

/// Whether a text is a negative decimal, possibly with an exponent: `-5.00`, `-1.5e-07`.
private func isNegativeNumber(_ text: String) -> Bool {
    guard text.utf8.first == UInt8(ascii: "-") else { return false }
    let parts = text.split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    guard Rational(decimal: parts[0]) != nil else { return false }
    guard parts.count == 2 else { return true }
    let digits = parts[1].utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    return !digits.isEmpty && parts[1].utf8.count - digits.count <= 1
        && digits.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
}

/// Replaces escapes such as `\u{1B}` by their characters.
///
/// Only the escapes that `csvText` writes are replaced. Any other backslash belongs to the text.
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
