import Reporting
import TestSupport
import Testing
import Units

@testable import App

/// Raw numbers of reports, as people want to see them.
@Suite struct ReportDisplayTests {
    private func definition(_ lines: String...) -> ReportDefinition {
        ReportDefinition(
            name: "own", sql: lines.joined(separator: "\n") + "\nSELECT 1\n-- title: too late",
            place: "own.sql")
    }

    @Test func theCommentsAtTheStartDescribeAReport() {
        let report = definition(
            "-- title: Idle", "-- about: What nobody uses.", "-- parameter: from, to: the period",
            "-- parameter: tenant: only this one", "-- just a comment", "-- column: a: one",
            "-- column: b: two; display=percent")
        #expect(report.title == "Idle" && report.about == "What nobody uses.")
        #expect(report.parameters == ["from, to: the period", "tenant: only this one"])
        #expect(report.columns == ["a: one", "b: two; display=percent"])
        #expect(report.displays == ["b": .percent])
        let bare = definition()
        #expect(bare.title == nil && bare.about == nil && bare.columns.isEmpty)
    }

    @Test(
        arguments: [
            ("a: x; display=percent", .percent), ("a: x; display=bytes", .bytes),
            ("a: x; display=us", .microseconds),
            ("a: x; display=quantity(m)", .quantity(meter: "m")),
            ("a: x; display=money(c)", .money(currency: "c")), ("a: display=percent", .percent),
            // None of these is a display.
            ("a: x; display=percents", nil), ("a: x; display=quantity", nil),
            ("a: x; display=money()", nil), ("a: x; display=percent(x)", nil), ("a: x", nil),
            ("a: display=percent of it", nil), ("no colon display=percent", nil),
        ] as [(String, ReportDefinition.Display?)])
    func aColumnMayHaveADisplay(line: String, expected: ReportDefinition.Display?) {
        #expect(definition("-- column: \(line)").displays["a"] == expected)
    }

    private func shown(
        _ display: ReportDefinition.Display, _ cells: [Cell], _ units: [String: String] = [:]
    ) -> Cell {
        let sheet = Sheet(columns: ["number", "other"], rows: [cells])
        return sheet.displayed(["number": display], units).rows[0][0]
    }

    @Test(
        arguments: [
            (.percent, .integer(123), .text(""), "12.3 %"),
            (.percent, .integer(-5), .none, "-0.5 %"),
            (.percent, .integer(0), .none, "0.0 %"), (.bytes, .integer(1536), .none, "1.500 KiB"),
            (.microseconds, .integer(12_345_000), .none, "12.345 s"),
            (.microseconds, .integer(7_380_000_000), .none, "2 h 03 min"),
            (.quantity(meter: "other"), .integer(1_500_000), .text("cpu"), "1.500 vCPU-s"),
            (.quantity(meter: "other"), .integer(1234), .text("io_read_ops"), "1,234 op"),
            (.money(currency: "other"), .integer(1234), .text("EUR"), "12.34"),
            (.money(currency: "other"), .integer(1234), .text("JPY"), "1234"),
            // Without a currency that is known, the number is what is left.
            (.money(currency: "other"), .integer(1234), .text("XXX"), "1234"),
            (.money(currency: "nowhere"), .integer(1234), .text("EUR"), "1234"),
            (.money(currency: "other"), .integer(1234), .integer(5), "1234"),
        ] as [(ReportDefinition.Display, Cell, Cell, String)])
    func aNumberIsShownWithItsUnit(
        display: ReportDefinition.Display, number: Cell, other: Cell, text: String
    ) throws {
        guard case .integer(let value, _) = number else { return }
        // The number itself stays, for programs and for the alignment.
        #expect(shown(display, [number, other]) == .integer(value, display: text))
    }

    @Test func aMeterOfOnesOwnHasItsUnit() {
        let cells: [Cell] = [.integer(1234), .text("gpu")]
        #expect(
            shown(.quantity(meter: "other"), cells, ["gpu": "GPU-second"])
                == .integer(1234, display: "1,234 GPU-second"))
        #expect(shown(.quantity(meter: "other"), cells) == .integer(1234, display: "1,234"))
    }

    /// Numbers beyond 64 bits come as text; other texts are left as they are.
    @Test func textsThatAreNumbersAreShownAsNumbers() {
        let large = "36893488147419103232"
        #expect(
            shown(.percent, [.text(large), .none])
                == .integer(36_893_488_147_419_103_232, display: "3689348814741910323.2 %"))
        for cell in [Cell.none, .text("n/a"), .text(""), .flag(true), .exact("1.5")] {
            #expect(shown(.percent, [cell, .none]) == cell)
        }
    }

    /// Units are in the cells, so headings drop them; other columns are left alone.
    @Test func headingsLoseTheirUnits() {
        let names = [
            "cpu_permille", "permille", "net_minor", "throttled_us", "bytes_left", "plain",
        ]
        let sheet = Sheet(columns: names, rows: [names.map { _ in .integer(1) }])
        let displays = Dictionary(
            uniqueKeysWithValues: names.dropLast().map { ($0, ReportDefinition.Display.percent) })
        let shown = sheet.displayed(displays, [:])
        #expect(
            shown.headings == [
                "cpu_permille": "cpu", "permille": "share", "net_minor": "net",
                "throttled_us": "throttled", "bytes_left": "bytes left",
            ])
        #expect(shown.rows[0][5] == .integer(1) && shown.columns == names)
        #expect(sheet.displayed([:], [:]).headings.isEmpty)
    }
}
