/// The law of what the kernel may print, as a generator: the text of one file, and what is true of it.
///
/// Known keys come in any order among foreign keys with any value; lines are empty, doubled, joined
/// and torn; values lie at every edge. It knows nothing of Octroi's parsers: what it says of a text
/// comes from how the text was made.
public struct MadeUpText: Sendable {
    public var text = ""
    /// What has to be read, exactly.
    ///
    /// What is neither here nor odd has no line and no value.
    public var values: [String: Int64] = [:]
    /// What has no value and has to be named.
    public var odd: Set<String> = []
    /// Whether it was cut off in its last line.
    public var isTorn = false
}

/// Numbers at the edges of what the kernel and 64 bits hold.
public let edgeNumbers: [Int64] = [
    0, 1, 9, 10, 4095, 4096, 1 << 31, 1 << 32, (1 << 53) - 1, 1 << 53, 1 << 62, .max - 1, .max,
]

/// What stands in a number's place and is none that 64 bits with a sign hold.
public let oddNumbers = [
    "", "-1", "9223372036854775808", "18446744073709547520", "18446744073709551615",
    "99999999999999999999999999", "x", "max", "1.5", "1e3", "0x10", "+1", "1 2", " 1", "1\t", "1\r",
    "\u{FF11}", "N/A", "1,000", "--",
]

/// What a text of `key value` lines is made of.
public struct MadeUpKey: Sendable {
    public var name: String
    /// `nil` for no line at all.
    public var value: Int64?
    /// Whether something else than the value stands there.
    public var isOdd: Bool

    public init(_ name: String, _ value: Int64?, isOdd: Bool = false) {
        (self.name, self.value, self.isOdd) = (name, value, isOdd)
    }
}

extension MadeUpText {
    /// How a text may be damaged as a whole.
    public enum Damage: CaseIterable, Sendable {
        case nothing
        /// The last line lost its end.
        case torn
        /// A line lost its newline to the next.
        case joined
        /// A line is there twice.
        case doubled
        /// A key is there twice and says two things.
        case contradicted
    }

    /// A line before damage: of a key that is used, or of none.
    private struct Line {
        var key: String?
        var value: Int64?
        var text: String
    }

    /// A flat keyed file of some keys with any values.
    ///
    /// - Parameter keys: all that a reader may use, those without a line included.
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

    /// The same of what the keys are to be.
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
            // What is left of one key may be another's name: `kernel` of `kernel_stack`.
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
            // A line that is joined to an empty one is whole.
            if next.text.isEmpty { return }
            if lines[index].text.isEmpty {
                lines[index] = next
            } else {
                lines[index].text += next.text
                lines[index].value = nil
            }
        }
    }

    /// Says what the lines come to: a key is read if all its lines say the same number.
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
