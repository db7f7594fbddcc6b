/// Reads fixed shapes, such as `2026-11`, off the front of a text.
struct Scanner {
    private var rest: Substring

    init(_ text: some StringProtocol) { rest = Substring(text) }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// One character, in capitals or not.
    mutating func skip(_ upper: Character, or lower: Character) -> Bool {
        if skip(upper) { return true }
        return skip(lower)
    }

    /// Exactly `count` ASCII digits.
    mutating func digits(_ count: Int) -> Int64? {
        let head = rest.prefix(count)
        guard head.utf8.count == count, head.utf8.allSatisfy(isDigit) else { return nil }
        rest.removeFirst(count)
        return Int64(head)
    }

    /// All ASCII digits up to the first other character; `nil` if there is none.
    mutating func run() -> String? {
        let head = rest.prefix { $0.utf8.count == 1 && $0.utf8.allSatisfy(isDigit) }
        rest.removeFirst(head.count)
        return head.isEmpty ? nil : String(head)
    }

    /// `Z`, `+02:00` or `-05:30`, as seconds east of UTC.
    mutating func offset() -> Int64? {
        if skip("Z", or: "z") { return 0 }
        let sign: Int64 = skip("+") ? 1 : skip("-") ? -1 : 0
        guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours < 24,
            minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
