import Testing
import Units

@Suite struct ByteEscapeTests {
    @Test(arguments: [
        (ByteEscape.hexadecimal, #"web\x2d1"#, "web-1"), (.hexadecimal, #"web\x2D1"#, "web-1"),
        (.hexadecimal, #"a\x+F"#, #"a\x+F"#), (.hexadecimal, #"a\x2"#, #"a\x2"#),
        (.hexadecimal, #"\x5cx41"#, #"\x41"#), (.upperHexadecimal, #"a\x2D"#, "a-"),
        (.upperHexadecimal, #"a\x2d"#, #"a\x2d"#), (.octal, #"my\040disk"#, "my disk"),
        (.octal, #"a\4"#, #"a\4"#), (.octal, #"a\+07"#, #"a\+07"#), (.octal, #"\777"#, #"\777"#),
        (.octal, #"\"#, #"\"#), (.octal, "", ""),
    ])
    func onlyWholeEscapesAreDecoded(escape: ByteEscape, text: String, decoded: String) {
        #expect(String(decoding: escape.decode(text) { _ in true }, as: UTF8.self) == decoded)
        #expect(escape.decode(text) { _ in false } == Array(text.utf8))
    }
}
