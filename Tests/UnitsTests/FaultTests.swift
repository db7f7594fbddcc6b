import Testing
import Units

@Suite struct FaultTests {
    @Test func aShortTextStaysAsItIs() {
        #expect(shortened("", to: 10) == "" && shortened("0123456789", to: 10) == "0123456789")
        #expect(quoted("caf\u{E9}") == "\"caf\u{E9}\"")
        #expect(quoted("a\n\u{202E}") == "\"a\\u{A}\\u{202E}\"")
    }

    @Test func ofALongTextTheEndsStay() {
        let text = String(repeating: "a", count: 500) + "z"
        let short = shortened(text, to: 60)
        #expect(
            short == String(repeating: "a", count: 40) + " \u{2026} (501 characters) \u{2026} "
                + String(repeating: "a", count: 9) + "z")
        // One character to a reader, and as long as a file.
        let marks = "e" + String(repeating: "\u{301}", count: 5000)
        #expect(shortened(marks, to: 60).unicodeScalars.count < 120)
    }

    @Test func everyPartOfAFaultIsShort() {
        let long = String(repeating: "x", count: 1 << 20)
        let fault = Fault(.badData, at: long, problem: long, suggestion: long)
        #expect("\(fault)".count < 1900)
        #expect("\(fault.within(long))".count < 1900)
    }

    /// No name that a complaint repeats can move the cursor, or pass for a line of its own.
    @Test func aFaultIsOneHarmlessLine() {
        let name = "a\nb\r\u{1B}[2J\u{202E}"
        let fault = Fault(.badData, at: name, problem: name, suggestion: name)
        let safe = "a\\u{A}b\\u{D}\\u{1B}[2J\\u{202E}"
        #expect("\(fault)" == "\(safe): \(safe). \(safe).")
        #expect("\(fault.within("x:"))" == "x:\(safe): \(safe). \(safe).")
        let escapes = String(repeating: "\u{1B}", count: 5000)
        #expect(
            "\(Fault(.badData, at: escapes, problem: escapes, suggestion: escapes))".count < 1900)
    }
}
