import Testing
import Units

@Suite struct HexadecimalTests {
    @Test(arguments: [
        (String(repeating: "0a", count: 32), true), (String(repeating: "F9", count: 32), true),
        ("", false), ("ab", false), (String(repeating: "a", count: 63), false),
        (String(repeating: "a", count: 65), false), (String(repeating: "g", count: 64), false),
        (String(repeating: "a", count: 63) + "\n", false),
        // Digits of other scripts, and what differs from a digit in one bit.
        (String(repeating: "１", count: 64), false), (String(repeating: "\u{10}", count: 64), false),
    ])
    func aHashIs64HexadecimalDigits(text: String, isOne: Bool) { #expect(isHash(text) == isOne) }
}
