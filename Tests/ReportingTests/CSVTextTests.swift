import Metering
@testable import Reporting
import TestSupport
import Testing
import Units

@Suite struct CSVTextTests {
    /// The cell that a text becomes, with RFC 4180's quotes.
    private func cell(_ text: String) -> String {
        let csv = Sheet(columns: ["a"], rows: [[.text(text)]]).rendered(as: .csv)
        return String(csv.dropFirst(2).dropLast())
    }

    @Test(arguments: [
        "=1+1", "+1", "-1+1", "@SUM(A1)", " =1+1", "\u{A0}=1", "\u{3000}=1", "\t=1", "\n=1",
        "\r=1", "\r\n=1", " \t\n=1", " x", "\u{0}=1", "\u{200B}=1", "\u{200C}=1", "\u{200D}=1",
        "\u{200E}=1", "\u{200F}=1", "\u{FEFF}=1", "\u{2060}=1", "\u{AD}=1", "\u{FF1D}1",
        "\u{FF0B}1", "\u{FF0D}1", "\u{FF20}x", "\u{FE66}1", "'=1", "''=1", "'\u{200B}=1", "-",
        "-5.00%", "-5,00", "--5", "-1e", "-1e+-5", "-inf", "- 5", "-5.00\n", "+5.00",
    ])
    func whatASpreadsheetMightRunIsGuarded(text: String) throws {
        let csv = cell(text)
        let start = csv.utf8.drop { $0 == UInt8(ascii: "\"") }
        #expect(start.first == UInt8(ascii: "'"))
        #expect(textOfCSV(csvText(text)).utf8.elementsEqual(text.utf8))
    }

    @Test(arguments: [
        "", "a", "a=b", "5", "-5.00", "-5", "-0.5", "-1.5e-07", "-1e+20", "-1e9", "'a", "'", "''",
        "'-5.00", "/docker/web", "\u{E9}t\u{E9}", "\u{645}\u{6CC}\u{200C}\u{62E}", "_x", "\\x2d",
    ])
    func whatNoneRunsStaysAsItIs(text: String) {
        #expect(csvText(text) == text)
        #expect(textOfCSV(text) == text)
    }

    @Test(arguments: [
        ("a\u{1B}[31mb", "a\\u{1B}[31mb"), ("a\u{9B}b", "a\\u{9B}b"), ("a\u{202E}", "a\\u{202E}"),
        // What only looks like an escape comes back as it was.
        ("a\\u{1B}", "a\\u{5C}u{1B}"), ("\\u{", "\\u{5C}u{"), ("\\u{5C}u{1B}", "\\u{5C}u{5C}u{1B}"),
    ])
    func escapesAreTakenBack(text: String, field: String) {
        #expect(csvText(text) == field)
        #expect(textOfCSV(field) == text)
    }

    @Test(arguments: [
        "\\u{41}", "\\u{1B", "\\u{}", "\\u{D800}", "\\u{110000}", "\\u{00000001B}", "\\u",
    ])
    func whatOctroiDoesNotWriteIsTheTextsOwn(field: String) {
        #expect(textOfCSV(field) == field)
    }

    @Test func everyTextIsReadBack() throws {
        var random = SeededRandom(seed: 12)
        let pieces = [
            "'", "=", "-", "+", "@", "5", ".", "e", " ", "\t", "\n", "\r", "\u{1B}", "\\", "u{",
            "\\u{", "}", "1B", "5C", "\u{200B}", "\u{FF1D}", "\u{202E}", ",", "\"", "x", "\u{E9}",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            let field = csvText(text)
            #expect(textOfCSV(field).utf8.elementsEqual(text.utf8), "\(quoted(text))")
            #expect(escapingTerminalControls(field).utf8.elementsEqual(field.utf8))
        }
    }

    /// The name of a container that an export guarded is the same container to an import.
    @Test(arguments: ["=cmd()", "\u{200B}x", "a\u{1B}[1mb", "'=x", "\\x2d", "plain"])
    func anImportTakesTheGuardOff(container: String) throws {
        let row: [Cell] = [
            .text("2026-10-01T00:00:00Z"), .text("2026-10-01T01:00:00Z"), .text("acme"),
            .text(container), .text("gpu"), .integer(5),
        ]
        let columns = ["start", "end", "tenant", "container", "meter", "quantity"]
        var bytes = Array(Sheet(columns: columns, rows: [row]).rendered(as: .csv).utf8)
        var reader = try UsageImportReader { () throws(Fault) in
            defer { bytes = [] }
            return bytes
        }
        #expect(try reader.next()?.container.utf8.elementsEqual(container.utf8) == true)
    }
}

@Suite struct SafeOutputTests {
    private let name = "\u{1B}[2J\u{9B}m\u{202E}x"

    @Test(arguments: Format.allCases)
    func noNameReachesATerminalRaw(format: Format) {
        // Columns, titles and headings are chosen by whoever writes a report.
        var sheet = Sheet(
            columns: [name, "b"],
            rows: [
                [.text(name), .exact("1", display: name)], [.integer(1, display: name), .none],
            ],
            title: name, headings: ["b": name])
        let text = sheet.rendered(as: format)
        #expect(escapingTerminalControls(text) == text)
        let bold = sheet.rendered(as: format, onTerminal: true)
        #expect(
            escapingTerminalControls(
                bold.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[0m", with: "")) == text)
        sheet.above = ["b"]
        sheet.below = ([name], "b")
        #expect(escapingTerminalControls(sheet.rendered(as: format)) == sheet.rendered(as: format))
        #expect(escapingTerminalControls(sheet.page) == sheet.page)
    }

    @Test func jsonEscapesWhatItNeedNot() {
        let json = Sheet(columns: ["a"], rows: [[.text("\u{9B}\u{2028}\u{202E}\t\u{7F}\u{200D}")]])
            .rendered(as: .json)
        #expect(json.contains("\"\\u009b\\u2028\\u202e\\u0009\\u007f\u{200D}\""))
    }
}

@Suite struct DecimalTests {
    private func json(_ cell: Cell, _ others: [String] = []) -> String {
        let columns = ["q"] + others
        let row = [cell] + others.map { _ in Cell.none }
        let json = Sheet(columns: columns, rows: [row]).rendered(as: .json)
        return String(json.dropFirst(5).dropLast(4))
    }

    @Test(arguments: [
        (Int128(1) << 53, "\"q\": 9007199254740992"),
        (Int128(1) << 53 + 1, "\"q\": 9007199254740993, \"q_decimal\": \"9007199254740993\""),
        (-(Int128(1) << 53) - 1, "\"q\": -9007199254740993, \"q_decimal\": \"-9007199254740993\""),
        (Int128(-5), "\"q\": -5"),
    ])
    func wholeNumbersThatAReaderWouldChange(number: Int128, member: String) {
        #expect(json(.integer(number)) == member)
    }

    @Test(
        arguments: [
            (1, 3, "0.33333333333333333"), (-1, 3, "-0.33333333333333333"),
            (200, 3, "66.666666666666667"), (1, 7_000_000_000, "0.00000000014285714285714286"),
            (1_000_000_000_001, 7, "142857142857.285714285714"),
        ] as [(Int, Int, String)])
    func fractionsHaveDecimalsBeside(numerator: Int, denominator: Int, decimal: String) {
        let number = Rational(numerator) / Rational(denominator)
        #expect(
            json(.rational(number)) == "\"q\": \"\(number)\", \"q_decimal\": \"\(decimal)\"")
        #expect(json(.fraction(number)) == json(.rational(number)))
        let csv = Sheet(columns: ["q", "exact_q"], rows: [[.rational(number), .fraction(number)]])
        #expect(csv.rendered(as: .csv) == "q,exact_q\n\(decimal),\(number)\n")
        #expect(
            json(.rational(number), ["q_decimal"]) == "\"q\": \"\(number)\", \"q_decimal\": null")
    }

    @Test func whatEndsIsItsOwnDecimal() {
        #expect(json(.rational(Rational(5) / Rational(2))) == "\"q\": \"2.5\"")
        #expect(json(.exact("0.50")) == "\"q\": \"0.50\"")
        let sheet = Sheet(columns: ["q"], rows: [[.rational(Rational(1) / Rational(3))]])
        #expect(sheet.rendered(as: .csv) == "q\n0.33333333333333333\n")
        var stream = SheetStream(columns: ["q"], as: .json, hasDecimals: false)
        #expect(stream.text(of: sheet.rows[0]) == "[\n  {\"q\": \"1/3\"}")
    }
}
