/// Escapes control, format, private-use and unassigned characters of a text as `\u{…}`.
///
/// Use it for text from outside (paths, labels, file contents) in messages. The text can then
/// neither move the cursor, reverse the direction of writing nor forge a line of output. Example:
/// a newline becomes `\u{A}`.
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

/// Escapes only the characters that a terminal obeys.
///
/// Newline, `\r\n` and tab stay. Use it for data output. Unlike `escapingControlCharacters` it
/// keeps invisible characters that belong to names, such as the joiners in Persian words and in
/// emoji.
public func escapingTerminalControls(_ text: String) -> String {
    escaped(text) { scalar, next in
        switch scalar {
        case "\n", "\t": false
        // Without a newline, a carriage return lets the text after it overwrite the text before it.
        case "\r": next != "\n"
        default: scalar.steersTerminals
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal obeys this character instead of showing it.
    ///
    /// Such characters move the cursor, end a line, or change the direction of the text that
    /// follows (Unicode `Bidi_Control`).
    public var steersTerminals: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: properties.isBidiControl
        default: false
        }
    }

    /// The escape that stands for this character, such as `\u{1B}`.
    fileprivate var escape: String { "\\u{" + String(value, radix: 16, uppercase: true) + "}" }
}

/// Escapes the characters that a predicate selects.
///
/// Printable ASCII is never escaped.
///
/// - Parameter isEscaped: receives a scalar and the scalar after it, if any.
private func escaped(
    _ text: String, _ isEscaped: (Unicode.Scalar, Unicode.Scalar?) -> Bool
) -> String {
    // Most texts are printable ASCII, so this saves a walk over their scalars.
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
    /// Whether it is one of the 95 characters from space to `~`.
    public var isPrintableASCII: Bool { 0x20 <= value && value < 0x7F }
}

/// A text from outside as error messages show it: escaped, in quotes, and not too long.
///
/// Of a text with more than 120 characters, the beginning and the end are kept; see `shortened`.
public func quoted(_ text: String) -> String {
    "\"" + escapingControlCharacters(shortened(text, to: 120)) + "\""
}

/// Shortens a long text to its beginning and its end, with the number of characters in between.
///
/// The beginning is two thirds of `limit` and the end one sixth. The note in the middle comes on
/// top. Unicode scalars are counted, not `Character`s: one `Character` can be as long as a whole
/// file.
///
/// - Parameter limit: texts of at most this many scalars are returned unchanged.
public func shortened(_ text: String, to limit: Int) -> String {
    let scalars = text.unicodeScalars
    guard text.utf8.count > limit, scalars.count > limit else { return text }
    return String(scalars.prefix(limit * 2 / 3)) + " … (\(scalars.count) characters) … "
        + String(scalars.suffix(limit / 6))
}
