import Testing
import Units

@Suite struct ControlCharactersTests {
    @Test(arguments: [
        ("a\nb\tc", "a\nb\tc"), ("a\r\nb", "a\r\nb"), ("a\rb\r", "a\\u{D}b\\u{D}"),
        ("\u{1B}[31mx", "\\u{1B}[31mx"), ("\u{9B}31m\u{7F}\u{0}", "\\u{9B}31m\\u{7F}\\u{0}"),
        ("a\u{202E}b\u{2066}\u{200F}", "a\\u{202E}b\\u{2066}\\u{200F}"),
        ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
        // Letters of a name that are not seen: joiners in Persian and in emoji.
        ("\u{645}\u{6CC}\u{200C}\u{62E}", "\u{645}\u{6CC}\u{200C}\u{62E}"),
        ("\u{1F468}\u{200D}\u{1F33E} \u{20AC}", "\u{1F468}\u{200D}\u{1F33E} \u{20AC}"),
    ])
    func whatATerminalObeysIsEscaped(text: String, safe: String) {
        #expect(escapingTerminalControls(text).utf8.elementsEqual(safe.utf8))
        #expect(escapingTerminalControls(safe) == safe, "once is enough")
    }

    @Test func everyControlOfUnicodeIsEscaped() {
        for value in (0...0x20FF as ClosedRange<UInt32>) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = escapingTerminalControls("x" + String(scalar) + "x")
            let isKept = text.unicodeScalars.contains(scalar)
            let isControl = value < 0x20 || (0x7F..<0xA0).contains(value)
            if isControl { #expect(isKept == (value == 9 || value == 10), "\(value)") }
            if isControl {
                #expect(!escapingControlCharacters(String(scalar)).unicodeScalars.contains(scalar))
            }
        }
    }
}
