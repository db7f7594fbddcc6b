/// The text with control, format and direction-changing characters escaped as `\u{…}`.
public func escapingControlCharacters(_ text: String) -> String {
    escaped(text) { scalar, _ in
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            true
        default: false
        }
    }
}

/// The text with what a terminal obeys escaped as `\u{…}`; line ends, `\r\n` among them, and tabs stay.
///
/// Data goes out by this rule: unlike `harmless` it leaves letters that are only not seen, as the
/// joiners of Persian words and of emoji, which belong to a name.
public func escapingTerminalControls(_ text: String) -> String {
    escaped(text) { scalar, next in
        switch scalar {
        case "\n", "\t": false
        // Alone it would let what follows hide what stands before it.
        case "\r": next != "\n"
        default: scalar.steersTerminals
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal obeys it instead of showing it: it moves the cursor, ends a line, or turns
    /// the direction of what follows.
    public var steersTerminals: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: properties.isBidiControl
        default: false
        }
    }

    /// As escaped texts show it: `\u{1B}`.
    fileprivate var escape: String { "\\u{" + String(value, radix: 16, uppercase: true) + "}" }
}

/// - Parameter isEscaped: gets a scalar and the one behind it.
private func escaped(
    _ text: String, _ isEscaped: (Unicode.Scalar, Unicode.Scalar?) -> Bool
) -> String {
    // Most texts are printable ASCII.
    if text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7F }) { return text }
    var result = ""
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
        if !scalar.isPrintableASCII, isEscaped(scalar, rest.first) {
            result += scalar.escape
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

extension Unicode.Scalar {
    public var isPrintableASCII: Bool { 0x20 <= value && value < 0x7F }
}

/// A foreign text as complaints show it: short, harmless and in quotes.
public func quoted(_ text: String) -> String {
    "\"" + escapingControlCharacters(shortened(text, to: 120)) + "\""
}

/// The text; of one with more than `limit` characters, its first and its last.
///
/// Unicode scalars are counted: what a reader takes for one character may be as long as a file.
public func shortened(_ text: String, to limit: Int) -> String {
    let scalars = text.unicodeScalars
    guard text.utf8.count > limit, scalars.count > limit else { return text }
    return String(scalars.prefix(limit * 2 / 3)) + " … (\(scalars.count) characters) … "
        + String(scalars.suffix(limit / 6))
}
