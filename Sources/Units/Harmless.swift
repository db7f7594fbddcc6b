/// The text with control, format and direction-changing characters escaped as `\u{…}`.
public func harmless(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A foreign text as complaints show it: short, harmless and in quotes.
public func quoted(_ text: String) -> String { "\"" + harmless(shortened(text, to: 120)) + "\"" }

/// The text; of one with more than `limit` characters, its first and its last.
///
/// Unicode scalars are counted: what a reader takes for one character may be as long as a file.
public func shortened(_ text: String, to limit: Int) -> String {
    let scalars = text.unicodeScalars
    guard text.utf8.count > limit, scalars.count > limit else { return text }
    return String(scalars.prefix(limit * 2 / 3)) + " … (\(scalars.count) characters) … "
        + String(scalars.suffix(limit / 6))
}
