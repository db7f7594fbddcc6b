/// Walks over the lines of a kernel file without copying them.
struct LineCursor {
    /// Where the next line starts.
    private var position = 0
    /// The number of the line that `next` returned last, counted from 1; 0 before the first.
    private(set) var line = 0
    /// Whether the line that `next` returned last has no newline.
    ///
    /// The kernel ends every line with one, so the text was cut off in this line.
    private(set) var isTorn = false

    /// The range of the next line, without its newline; `nil` at the end.
    mutating func next(in text: Span<UInt8>) -> Range<Int>? {
        guard position < text.count else { return nil }
        line += 1
        let start = position
        while position < text.count {
            if text[position] == UInt8(ascii: "\n") {
                defer { position += 1 }
                return start..<position
            }
            position += 1
        }
        isTorn = true
        return start..<position
    }

    /// The only line of a file that consists of one line.
    ///
    /// - Parameter expected: the form of the line, for the error.
    /// - Throws: `FormatError` if the file is empty, has no final newline, or has more lines.
    static func only(of text: Span<UInt8>, _ expected: String) throws(FormatError) -> Range<Int> {
        var cursor = LineCursor()
        guard let line = cursor.next(in: text) else { throw emptyFile }
        guard !cursor.isTorn, line.upperBound + 1 == text.count else {
            throw FormatError(
                line: 1, found: quoted(text, 0..<text.count), expected: "one line, \(expected)")
        }
        return line
    }
}

/// The error for a file without a single byte.
let emptyFile = FormatError(line: 0, found: "an empty file", expected: "at least one line")

/// The unsigned decimal number that fills the range.
///
/// `nil` if the range is empty, contains anything but ASCII digits, or exceeds `Int64.max`.
func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    guard !range.isEmpty else { return nil }
    var value: Int64 = 0
    for index in range {
        let digit = Int64(text[index]) - Int64(UInt8(ascii: "0"))
        guard (0...9).contains(digit) else { return nil }
        let (tenfold, over) = value.multipliedReportingOverflow(by: 10)
        let (sum, overAgain) = tenfold.addingReportingOverflow(digit)
        guard !over, !overAgain else { return nil }
        value = sum
    }
    return value
}

/// The position of the first such byte in the range.
func firstIndex(of byte: UInt8, in text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for index in range where text[index] == byte { return index }
    return nil
}

/// The position of the last such byte in the range.
func lastIndex(of byte: UInt8, in text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for index in range.reversed() where text[index] == byte { return index }
    return nil
}

/// The next word of the range, starting at `position`; words are separated by blanks.
///
/// `position` moves to the end of the word. `nil` if only blanks are left.
func nextWord(
    _ text: Span<UInt8>, _ range: Range<Int>, from position: inout Int
) -> Range<Int>? {
    while position < range.upperBound, text[position] == UInt8(ascii: " ") { position += 1 }
    guard position < range.upperBound else { return nil }
    let rest = position..<range.upperBound
    let end = firstIndex(of: UInt8(ascii: " "), in: text, rest) ?? range.upperBound
    defer { position = end }
    return position..<end
}

/// Whether the range of `text` is exactly the ASCII text `word`.
func matches(_ text: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
    guard range.count == word.utf8CodeUnitCount else { return false }
    return word.withUTF8Buffer { bytes in
        for offset in 0..<bytes.count where text[range.lowerBound + offset] != bytes[offset] {
            return false
        }
        return true
    }
}

/// The first 60 bytes of the range in quotes; bytes that are not printable ASCII are escaped.
func quoted(_ text: Span<UInt8>, _ range: Range<Int>) -> String {
    var result = "\""
    for index in range.prefix(60) { result += printable(text[index]) }
    return result + (range.count > 60 ? "…\"" : "\"")
}

/// A byte as text: itself if it is printable ASCII, otherwise `\xHH`.
public func printable(_ byte: UInt8) -> String {
    guard !(0x20...0x7E).contains(byte) else { return String(UnicodeScalar(byte)) }
    let hex = String(byte, radix: 16, uppercase: true)
    return "\\x" + (byte < 16 ? "0" : "") + hex
}
