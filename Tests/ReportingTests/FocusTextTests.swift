import Foundation
@testable import Reporting
import TestSupport
import Testing
import Units

/// Texts and numbers as FOCUS takes them.
@Suite struct FocusTextTests {
    @Test(arguments: [
        ("Caf\u{E9} Zo\u{EB}", "Cafe Zoe"), ("cafe\u{301}", "cafe"), ("\u{152}uvre", "OEuvre"),
        ("\u{E6}on", "aeon"), ("Stra\u{DF}e", "Strasse"), ("\u{1E9E}", "SS"),
        ("\u{D8}re", "Ore"), ("\u{141}\u{F3}d\u{17A}", "Lodz"), ("\u{3A9}-Dev", "?-Dev"),
        ("a\tb\r\nc", "a b c"), ("  a   b  ", "a b"), ("a\u{200B}b\u{202E}c", "abc"),
        ("a\u{7F}b\u{0}c", "a b c"), ("\u{1F600}", "?"), ("a\u{A0}b", "a?b"), ("=1+1", "=1+1"),
    ])
    func aNameIsInASCII(name: String, said: String) {
        #expect(focusName(name) == said)
    }

    @Test(arguments: [
        "", " ", "\n\t", "\u{301}", "\u{200B}", "null", "NULL", "None", "n/a", " N/A ", "-", "NaN",
        "Infinity", "not applicable", "Not  Applicable", "#N/A", "\u{F1}il",
    ])
    func whatReadsAsNothingIsNothing(name: String) {
        #expect(focusName(name) == nil)
        #expect(focusName(nil) == nil)
    }

    @Test(arguments: [
        ("/docker/web", "/docker/web"), ("a b", "a%20b"), ("50%", "50%25"), ("%20", "%2520"),
        ("\u{E9}", "%C3%A9"), ("\n", "%0A"), ("\u{7F}", "%7F"), ("none", "%6Eone"),
        ("NONE", "%4EONE"), ("-", "%2D"), ("-x", "-x"), ("nones", "nones"), ("", ""),
        ("not applicable", "%6Eot%20applicable"),
    ])
    func anIdIsInASCIIWithoutBlanks(id: String, said: String) {
        #expect(focusID(id) == said)
    }

    /// Two ids stay two: what was escaped can be read back.
    @Test func noTwoIdsBecomeOne() throws {
        var random = SeededRandom(seed: 21)
        let pieces = ["%", "2", "0", " ", "n", "il", "/", "\u{E9}", "e\u{301}", "\u{1F600}", "-"]
        for _ in 0..<3000 {
            let id = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let said = focusID(id)
            #expect(said.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            let back = try #require(said.removingPercentEncoding)
            #expect(back.utf8.elementsEqual(id.utf8), "\(quoted(id)) is \(said)")
        }
    }

    @Test(arguments: [
        ("2", "2.0"), ("2.0", "2.0"), ("2.50", "2.5"), ("1.500", "1.5"), ("100", "100.0"),
        ("0.00", "0.0"), ("-0.00", "0.0"), ("-1.20", "-1.2"), ("10.010", "10.01"),
        ("-0.01", "-0.01"),
    ])
    func aDecimalHasAPointAndNoNeedlessZeros(text: String, said: String) {
        #expect(focusDecimal(text) == said)
    }

    @Test(arguments: [
        (1, 3, "0.333333333333"), (2, 3, "0.666666666667"), (-2, 3, "-0.666666666667"),
        (1, 3_000_000_000_000, "0.0"), (-1, 3_000_000_000_000, "0.0"),
        // What ends is exact, however long it is.
        (1, 1_000_000_000_000_000, "0.000000000000001"), (7, 1, "7.0"), (5, 4, "1.25"),
        (10, 3, "3.333333333333"), (2_000_000_000_000, 3, "666666666666.666666666667"),
    ])
    func aFractionHasTwelveDecimals(numerator: Int, denominator: Int, said: String) {
        #expect(focusDecimal(Rational(numerator) / Rational(denominator)) == said)
    }

    @Test(arguments: [
        ("1 vCPU-hour", "vCPU-Hours", "1"), ("vCPU-hour", "vCPU-Hours", "1"),
        ("744 GiB-hour", "744 GiB Hours", "1"), ("1000000 operation", "1000000 Requests", "1"),
        ("1 operation", "Requests", "1"), ("0.5 GB", "5 GB", "10"), ("0.125 GB", "125 GB", "1000"),
        ("1.0 GB", "GB", "1"), ("0.1 GB", "GB", "10"), ("1.5 GiB-month", "15 GiB Months", "10"),
        ("2.50 kB", "25 KB", "10"), ("1 byte", "B", "1"), ("1 B", "B", "1"),
        ("1 tier", "Tiers", "1"), ("2592000 second", "2592000 Seconds", "1"),
        ("1 month", "Months", "1"), ("1 GPU-day", "GPU-Days", "1"),
        ("3 my_thing", "3 my thing", "1"), ("my_thing-minute", "my thing-Minutes", "1"),
    ])
    func aUnitHasAWholeNumber(per: String, unit: String, factor: String) {
        let found = focusUnit(per)
        #expect(found.unit == unit && found.factor.description == factor)
    }

    @Test func anObjectIsInASCIIAndSorted() throws {
        #expect(focusJSON([:]) == "{}")
        #expect(focusJSON(["b": "2", "a": "1"]) == "{\"a\":\"1\",\"b\":\"2\"}")
        var random = SeededRandom(seed: 22)
        let pieces = [
            "\"", "\\", "\n", "\u{1}", "\u{7F}", "\u{E9}", "\u{1F600}", "\u{2028}", "x", "{", ":",
        ]
        func text() -> String {
            (0..<Int.random(in: 0...5, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
        }
        for _ in 0..<500 {
            let members = ["a" + text(): text(), "b" + text(): text()]
            let json = focusJSON(members)
            #expect(json.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            let read = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String]
            #expect(read == members, "\(json)")
        }
    }
}
