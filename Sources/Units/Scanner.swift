/// Reads texts of a fixed form, such as `2026-11`, from left to right.
///
/// Each method returns `nil` or `false` if the text does not go on as asked, and the caller gives
/// up.
struct Scanner {
    /// What has not been read yet.
    private var rest: Substring

    init(_ text: some StringProtocol) { rest = Substring(text) }

    var isAtEnd: Bool { rest.isEmpty }

    /// Skips the given character if it comes next.
    ///
    /// - Returns: whether it was there.
    mutating func skip(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// Skips one of two characters: a letter in upper or lower case.
    mutating func skip(_ upper: Character, or lower: Character) -> Bool {
        if skip(upper) { return true }
        return skip(lower)
    }

    /// Reads exactly `count` ASCII digits as a number.
    mutating func digits(_ count: Int) -> Int64? {
        let head = rest.prefix(count)
        guard head.utf8.count == count, head.utf8.allSatisfy(isDigit) else { return nil }
        rest.removeFirst(count)
        return Int64(head)
    }

    /// Reads all ASCII digits up to another character; `nil` if there are none.
    mutating func run() -> String? {
        let head = rest.prefix { $0.utf8.count == 1 && $0.utf8.allSatisfy(isDigit) }
        rest.removeFirst(head.count)
        return head.isEmpty ? nil : String(head)
    }

    /// Reads `Z`, `+02:00` or `-05:30` as seconds east of UTC.
    mutating func offset() -> Int64? {
        if skip("Z", or: "z") { return 0 }
        let sign: Int64 = skip("+") ? 1 : skip("-") ? -1 : 0
        guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours < 24,
            minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}

/// Whether the byte is one of 0-9 in ASCII.
func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
