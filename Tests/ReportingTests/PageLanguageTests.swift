import BigInt
import Foundation
@testable import Reporting
import TestSupport
import Testing
import Units

/// Words, numbers and names as the invoice page writes them.
@Suite struct PageLanguageTests {
    private func text(_ language: PageLanguage, _ labels: [String: String] = [:]) -> PageText {
        PageText(language: language, labels: labels)
    }

    @Test(arguments: [
        ("0", "0", "0"), ("7.50", "7.50", "7,50"), ("999", "999", "999"),
        ("1000", "1,000", "1\u{202F}000"), ("-0.01", "\u{2212}0.01", "\u{2212}0,01"),
        ("1234567.89", "1,234,567.89", "1\u{202F}234\u{202F}567,89"),
        ("-12345", "\u{2212}12,345", "\u{2212}12\u{202F}345"),
        // Digits after the point are not grouped.
        ("0.000011244", "0.000011244", "0,000011244"),
        ("123456.1234567", "123,456.1234567", "123\u{202F}456,1234567"),
    ])
    func numbersAreGrouped(number: String, english: String, french: String) {
        #expect(text(.en).number(number) == english)
        #expect(text(.fr).number(number) == french)
    }

    @Test(arguments: [
        ("EUR", 123_456, "1,234.56", "1\u{202F}234,56"),
        ("JPY", 1_234_567, "1,234,567", "1\u{202F}234\u{202F}567"),
        ("BHD", -5, "\u{2212}0.005", "\u{2212}0,005"), ("EUR", 0, "0.00", "0,00"),
    ])
    func moneyHasTheDigitsOfItsCurrency(
        code: String, minor: Int, english: String, french: String
    ) throws {
        let currency = try #require(Currency(code))
        #expect(text(.en).money(BigInt(minor), currency) == english)
        #expect(text(.fr).money(BigInt(minor), currency) == french)
    }

    /// A number and its unit stay on one line, and a quantity's own commas are written anew.
    @Test(arguments: [
        ("12,345.600 GiB-hour", "12,345.600\u{A0}GiB-hour", "12\u{202F}345,600\u{A0}GiB-hour"),
        ("-5 op", "\u{2212}5\u{A0}op", "\u{2212}5\u{A0}op"), ("1204", "1,204", "1\u{202F}204"),
        ("0.5 my unit", "0.5\u{A0}my unit", "0,5\u{A0}my unit"),
    ])
    func quantitiesKeepTheirUnit(quantity: String, english: String, french: String) {
        #expect(text(.en).words(quantity) == english)
        #expect(text(.fr).words(quantity) == french)
    }

    @Test func percentagesFollowTheLanguage() {
        #expect(text(.en).percent("5.5") == "5.5%")
        #expect(text(.fr).percent("5.5") == "5,5\u{A0}%")
    }

    /// A label without words is its key, so that a missing one is seen.
    @Test func labelsTakeValues() {
        let page = text(.en, ["a": "from {x} to {y}, {x}", "b": "{x"])
        #expect(page.label("a", ["x": "1", "y": "2"]) == "from 1 to 2, 1")
        #expect(page.label("a", ["x": "1"]) == "from 1 to {y}, 1")
        #expect(page.label("b", ["x": "1"]) == "{x" && page.label("none") == "none")
    }

    /// Both languages have the same labels, with the same values in them.
    @Test func noLanguageLacksALabel() throws {
        let (english, french) = (try Made.labels(.en), try Made.labels(.fr))
        #expect(Set(english.keys) == Set(french.keys))
        func values(_ text: String?) -> Set<String> {
            Set((text ?? "").matches(of: /\{[a-z_]+\}/).map { String($0.output) })
        }
        for key in english.keys {
            #expect(values(english[key]) == values(french[key]), "\(key)")
            #expect(french[key]?.isEmpty == false)
        }
    }

    @Test(arguments: [
        ("web-1", "web-1"), ("a\tb\nc", "a\tb\nc"),
        ("a\u{0}\u{1B}\u{7F}\u{9F}b", "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}b"),
        ("\r", "\u{FFFD}"), ("\u{FFFE}\u{FFFF}", "\u{FFFD}\u{FFFD}"),
        ("a\u{202E}b", "a\u{27E8}U+202E\u{27E9}b"), ("\u{61C}", "\u{27E8}U+61C\u{27E9}"),
        ("\u{2066}\u{2069}", "\u{27E8}U+2066\u{27E9}\u{27E8}U+2069\u{27E9}"),
        // Joiners belong to words and to emoji, and markup is the template's business.
        ("\u{645}\u{6CC}\u{200C}\u{62E}", "\u{645}\u{6CC}\u{200C}\u{62E}"), ("<b>&", "<b>&"),
        ("\u{A0}\u{E9}\u{1F600}", "\u{A0}\u{E9}\u{1F600}"),
    ])
    func aNameDoesNoHarm(name: String, said: String) {
        #expect(text(.en).name(name).unicodeScalars.elementsEqual(said.unicodeScalars))
    }

    @Test(arguments: [
        ("Invoice OCT-000001 v1.2", "Invoice OCT-000001 v1.2"), ("a\"b", "a\\000022b"),
        ("\\", "\\00005c"), ("a\nb", "a\\00000ab"), ("\u{E9}", "\\0000e9"),
        ("\u{1F600}", "\\01f600"), ("</style>", "\\00003c\\00002fstyle\\00003e"), ("_", "\\00005f"),
    ])
    func textInAStyleCannotEndIt(text: String, said: String) {
        #expect(self.text(.en).css(text) == said)
    }

    /// Whatever a text is, a style sheet's string of it is made of few characters.
    @Test func aStyleIsMadeOfHarmlessCharacters() throws {
        var random = SeededRandom(seed: 61)
        for _ in 0..<500 {
            let text = (0..<6).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &random)).map(String.init)
            }.joined()
            let said = self.text(.fr).css(text)
            #expect(said.wholeMatch(of: /(?:[A-Za-z0-9 .-]|\\[0-9a-f]{6})*/) != nil, "\(said)")
        }
    }

    /// Days and times are those of the billing zone, also across a change of clocks.
    @Test func timesAreThoseOfTheZone() throws {
        let paris = BillingZone(
            name: "Europe/Paris",
            offsets: [
                .init(since: try #require(Instant(rfc3339: "2026-03-29T01:00:00Z")), seconds: 7200),
                .init(since: try #require(Instant(rfc3339: "2026-10-25T01:00:00Z")), seconds: 3600),
            ])
        let page = text(.en)
        for (instant, time) in [
            ("2026-10-24T22:00:00Z", "2026-10-25\u{A0}00:00"),
            ("2026-10-25T00:59:59Z", "2026-10-25\u{A0}02:59"),
            ("2026-10-25T01:00:00Z", "2026-10-25\u{A0}02:00"),
            ("2026-10-31T23:30:00Z", "2026-11-01\u{A0}00:30"),
        ] {
            let instant = try #require(Instant(rfc3339: instant))
            #expect(page.time(instant, paris) == time)
            #expect(page.day(instant, paris) == String(time.prefix(10)))
        }
        let noon = Instant(milliseconds: 43_200_999)
        #expect(page.time(noon, .utc) == "1970-01-01\u{A0}12:00")
    }
}
