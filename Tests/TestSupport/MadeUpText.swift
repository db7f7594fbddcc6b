/// Generates what the kernel may print: the text of one file, and what a parser must find in it.
///
/// Known keys come in any order among foreign keys with any value. Lines are empty, doubled, joined
/// and torn. Values include every edge case. The generator knows nothing of Octroi's parsers: it knows
/// what must be found because it made the text.
public struct MadeUpText: Sendable {
    public var text = ""
    /// The values that must be read, exactly.
    ///
    /// A key that is neither here nor in `odd` has no line and no value.
    public var values: [String: Int64] = [:]
    /// The keys without a value that the parser must report.
    public var odd: Set<String> = []
    /// Whether the text was cut off in its last line.
    public var isTorn = false
}

/// Edge cases of the numbers that the kernel and 64 bits can hold.
public let edgeNumbers: [Int64] = [
    0, 1, 9, 10, 4095, 4096, 1 << 31, 1 << 32, (1 << 53) - 1, 1 << 53, 1 << 62, .max - 1, .max,
]

/// Texts in place of a number that are not numbers, or do not fit 64 bits with a sign.
public let oddNumbers = [
    "", "-1", "9223372036854775808", "18446744073709547520", "18446744073709551615",
    "99999999999999999999999999", "x", "max", "1.5", "1e3", "0x10", "+1", "1 2", " 1", "1\t", "1\r",
    "\u{FF11}", "N/A", "1,000", "--",
]

/// One key of a text of `key value` lines.
public struct MadeUpKey: Sendable {
    public var name: String
    /// `nil` if the key has no line.
    public var value: Int64?
    /// Whether something other than the value is on the line.
    public var isOdd: Bool

    public init(_ name: String, _ value: Int64?, isOdd: Bool = false) {
        (self.name, self.value, self.isOdd) = (name, value, isOdd)
    }
}

extension MadeUpText {
    /// How a text may be damaged as a whole.
    public enum Damage: CaseIterable, Sendable {
        case nothing
        /// The last line is cut off.
        case torn
        /// A line has lost its newline, so that the next line is joined to it.
        case joined
        /// A line is there twice.
        case doubled
        /// A key is there twice, with two values.
        case contradicted
    }

    /// A line before damage; `key` is `nil` if no parser uses it.
    private struct Line {
        var key: String?
        var value: Int64?
        var text: String
    }

    /// Makes a flat keyed file of some keys with random values.
    ///
    /// - Parameter keys: all keys that a parser may use, even if they get no line.
    public init(flat keys: [String], using random: inout SeededRandom) {
        let keys = keys.map { name in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: MadeUpKey(name, nil)
            case 1: MadeUpKey(name, 0, isOdd: true)
            default: MadeUpKey(name, edgeNumbers.randomElement(using: &random) ?? 0)
            }
        }
        let damage = Damage.allCases.randomElement(using: &random) ?? .nothing
        self.init(flat: keys, damage: damage, using: &random)
    }

    /// Makes a flat keyed file of the given keys and damage.
    public init(flat keys: [MadeUpKey], damage: Damage, using random: inout SeededRandom) {
        let names = Set(keys.map(\.name))
        var lines = keys.filter { $0.value != nil }.map { key in
            let odd = oddNumbers.randomElement(using: &random) ?? ""
            let value = key.isOdd ? nil : key.value
            return Line(
                key: key.name, value: value,
                text: "\(key.name) \(value.map { String($0) } ?? odd)")
        }
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            lines.append(Self.foreignLine(besides: names, using: &random))
        }
        lines.shuffle(using: &random)
        Self.damage(&lines, damage, &random)
        text = lines.map { $0.text + "\n" }.joined()
        if damage == .torn, var last = lines.last, !last.text.isEmpty {
            lines.removeLast()
            let left = Int.random(in: 1...last.text.utf8.count, using: &random)
            last.text = String(decoding: last.text.utf8.prefix(left), as: UTF8.self)
            text = lines.map { $0.text + "\n" }.joined() + last.text
            // The rest of a key may be the name of another one: `kernel` of `kernel_stack`.
            let word = last.text.prefix { $0 != " " }
            last.key = names.contains(String(word)) ? String(word) : nil
            last.value = nil
            lines.append(last)
            isTorn = true
        }
        judge(lines)
    }

    private static func foreignLine(
        besides names: Set<String>, using random: inout SeededRandom
    ) -> Line {
        let some = names.sorted().randomElement(using: &random) ?? "key"
        let key =
            ["x\(some)", "\(some)2", "new_key", "", "\u{E9}", "8:0"]
            .filter { !names.contains($0) }.randomElement(using: &random) ?? "new_key"
        let isNumber = Bool.random(using: &random)
        let value =
            isNumber
            ? String(edgeNumbers.randomElement(using: &random) ?? 0)
            : oddNumbers.randomElement(using: &random) ?? ""
        let isEmpty = Int.random(in: 0..<4, using: &random) == 0
        return Line(key: nil, value: nil, text: isEmpty ? "" : "\(key) \(value)")
    }

    private static func damage(
        _ lines: inout [Line], _ damage: Damage, _ random: inout SeededRandom
    ) {
        guard let index = lines.indices.randomElement(using: &random) else { return }
        switch damage {
        case .nothing, .torn: return
        case .doubled:
            lines.insert(lines[index], at: .random(in: 0...lines.count, using: &random))
        case .contradicted:
            guard let key = lines[index].key, let value = lines[index].value else { return }
            let other = value ^ 1
            lines.insert(
                Line(key: key, value: other, text: "\(key) \(other)"),
                at: .random(in: 0...lines.count, using: &random))
        case .joined:
            guard index + 1 < lines.count else { return }
            let next = lines.remove(at: index + 1)
            // Joined to an empty line, a line is still complete.
            if next.text.isEmpty { return }
            if lines[index].text.isEmpty {
                lines[index] = next
            } else {
                lines[index].text += next.text
                lines[index].value = nil
            }
        }
    }

    /// Finds what must be read: a key has a value if all its lines have the same number.
    private mutating func judge(_ lines: [Line]) {
        for line in lines {
            guard let key = line.key, !odd.contains(key) else { continue }
            if let value = line.value, values[key] ?? value == value {
                values[key] = value
            } else {
                values[key] = nil
                odd.insert(key)
            }
        }
    }
}
