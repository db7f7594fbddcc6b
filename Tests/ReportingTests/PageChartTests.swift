import BigInt
import Foundation
import Invoicing
import Pricing
@testable import Reporting
import TestSupport
import Testing
import Units

/// The drawing of the chart: its scale, its bars and its words.
@Suite struct PageChartTests {
    private struct Bar {
        var x: Rational
        var y: Rational
        var width: Rational
        var height: Rational
        var title: String
        var label: String?
        var isCorrection: Bool
    }

    private struct Chart {
        var values: [String: Any]
        var bars: [Bar] = []
        var lines: [(y: Rational, text: String)] = []
        var baseline: Rational

        init?(_ page: InvoicePage) throws {
            guard let values = page.chart else { return nil }
            self.values = values
            func number(_ row: [String: Any], _ key: String) throws -> Rational {
                try #require(Rational(decimal: row[key] as? String ?? ""), "\(key)")
            }
            baseline = try number(values, "baseline")
            for row in try #require(values["bars"] as? [[String: Any]]) {
                bars.append(
                    Bar(
                        x: try number(row, "x"), y: try number(row, "y"),
                        width: try number(row, "width"), height: try number(row, "height"),
                        title: try #require(row["title"] as? String),
                        label: row["label"] as? String,
                        isCorrection: row["is_correction_bar"] as? Bool == true))
            }
            for row in try #require(values["gridlines"] as? [[String: Any]]) {
                lines.append(
                    (try number(row, "grid_y"), try #require(row["grid_text"] as? String)))
            }
        }
    }

    /// A page of lines that cost some cents, used in hours of the given days (0 is the first).
    private func page(
        _ cents: BigInt, days: [Int64: Int128], corrected: BigInt? = nil, even: BigInt = 0,
        length: Int64 = 4, currency: String = "EUR", _ language: PageLanguage = .en
    ) throws -> InvoicePage {
        let start = try Made.month().start
        let period = try #require(
            Period(start: start, end: start.advanced(bySeconds: length * 86_400)))
        let price = UnitPrice(try Made.decimal("1"), per: try Made.unit("1 thing"))
        func line(_ cents: BigInt, _ reference: String?) -> LineItem {
            LineItem(
                .usage(
                    UsageLine(
                        container: ExactText("/a"), meter: "thing", CountedQuantity(1),
                        unit: "thing", price: price)),
                period: period, exactAmount: .zero, amount: cents, isCorrection: reference != nil,
                reference: reference)
        }
        var lines = [line(cents, nil)]
        if even != 0 {
            let fee = FeeLine(
                code: "fee", CountedQuantity(1), .month, price: try Made.decimal("1"))
            lines.append(
                LineItem(.fee(fee), period: period, exactAmount: .zero, amount: even))
        }
        if let corrected { lines.append(line(corrected, "OCT-000000")) }
        let draft = Draft(
            tenant: "acme", period: period, currency: try #require(Currency(currency)),
            lines: lines, segments: [])
        let hourly = days.sorted { $0.key < $1.key }.map { day, quantity in
            HourlyUsage(
                hour: start.advanced(bySeconds: day * 86_400 + 7200), meter: "thing",
                quantity: quantity)
        }
        let invoice = Invoice(number: "OCT-000001", draft: draft, issued: period.end)
        return InvoicePage(
            document: InvoiceDocument(invoice, in: .utc, segments: [], hourly: hourly),
            text: PageText(language: language, labels: try Made.labels(language)))
    }

    /// 8 EUR in four days, as 1, 3, 0 and 4: the grid goes by 1 EUR up to 4, 94 points high.
    @Test func barsStandOnTheBaselineByTheirCost() throws {
        let chart = try #require(try Chart(page(800, days: [0: 10, 1: 30, 3: 40])))
        #expect(chart.baseline == Rational(106))
        #expect(chart.lines.map(\.text) == ["0", "1", "2", "3", "4"])
        let ys = ["106", "82.5", "59", "35.5", "12"].compactMap { Rational(decimal: $0) }
        #expect(chart.lines.map(\.y) == ys)
        #expect(chart.bars.map(\.height) == [ys[0] - ys[1], ys[0] - ys[3], .zero, Rational(94)])
        #expect(chart.bars.allSatisfy { $0.y + $0.height == Rational(106) })
        // 384 points for four slots; a bar takes 70 % of its slot, and is centred.
        let start = try #require(Rational(decimal: "66.4"))
        #expect(chart.bars.map(\.x) == (0..<4).map { start + Rational($0 * 96) })
        #expect(chart.bars.allSatisfy { $0.width == Rational(decimal: "67.2") })
        #expect(
            chart.bars.map(\.title) == [
                "2026-11-01: 1.00\u{A0}EUR", "2026-11-02: 3.00\u{A0}EUR",
                "2026-11-03: 0.00\u{A0}EUR", "2026-11-04: 4.00\u{A0}EUR",
            ])
        let note = try #require(chart.values["chart_note"] as? String)
        #expect(note == "Before tax. Highest: 4.00\u{A0}EUR on 2026-11-04.")
        let said = try #require(chart.values["chart_desc"] as? String)
        #expect(said.hasSuffix("Lowest: 0.00\u{A0}EUR on 2026-11-03."))
    }

    /// A correction below zero has its bar below the baseline, apart from the days.
    @Test func aCorrectionHangsBelowTheBaseline() throws {
        let chart = try #require(
            try Chart(page(400, days: [0: 1, 1: 1], corrected: -200, length: 2)))
        // 2 EUR up and 2 down in four steps of 1: the baseline is in the middle.
        #expect(chart.baseline == Rational(59))
        #expect(
            chart.lines.map(\.text) == ["\u{2212}2", "\u{2212}1", "0", "1", "2"])
        let bar = try #require(chart.bars.last)
        #expect(chart.bars.count == 3 && chart.bars.map(\.isCorrection) == [false, false, true])
        #expect(bar.y == Rational(59) && bar.height == Rational(47))
        #expect(bar.title == "Corrections of earlier invoices: \u{2212}2.00\u{A0}EUR")
        #expect(bar.label == "corr.")
        // Four slots of 96: the third one is the gap.
        #expect(bar.x - chart.bars[1].x == Rational(192))
        let note = try #require(chart.values["chart_note"] as? String)
        #expect(note.hasSuffix(" Corrections of earlier invoices: \u{2212}2.00\u{A0}EUR."))
    }

    /// What is not used by the hour is spread over the time, and all bars are the net amount.
    @Test func feesAreSpreadEvenly() throws {
        let chart = try #require(try Chart(page(300, days: [2: 7], even: 400)))
        #expect(
            chart.bars.map(\.title).map { $0.suffix(8) }
                == ["1.00\u{A0}EUR", "1.00\u{A0}EUR", "4.00\u{A0}EUR", "1.00\u{A0}EUR"])
        // Without any usage in the ledger, a meter's lines are spread as well.
        let plain = try #require(try Chart(page(800, days: [:])))
        #expect(plain.bars.allSatisfy { $0.title.hasSuffix(": 2.00\u{A0}EUR") })
    }

    @Test func thereIsNothingToCompare() throws {
        #expect(try page(500, days: [0: 1], length: 1).chart == nil)
        #expect(try page(0, days: [0: 1]).chart == nil)
        #expect(try page(0, days: [0: 1], corrected: 5).chart != nil)
    }

    /// The steps of the grid are 1, 2 or 5 with zeros, at most four, and no bar is above the last.
    @Test(arguments: [
        (1, "0.01", 1), (4, "0.01", 4), (5, "0.02", 3), (8, "0.02", 4), (9, "0.05", 2),
        (20, "0.05", 4), (21, "0.10", 3), (399, "1", 4), (401, "2", 3), (1_000_000, "5,000", 2),
    ])
    func theGridHasRoundSteps(cents: Int, step: String, count: Int) throws {
        let chart = try #require(try Chart(page(BigInt(cents), days: [0: 1])))
        #expect(chart.lines.count == count + 1 && chart.lines[1].text == step)
        #expect(chart.lines[0].text == "0" && chart.baseline == Rational(106))
        #expect(chart.lines.last?.y == Rational(12))
        #expect(chart.bars.allSatisfy { $0.y >= Rational(12) && $0.height <= Rational(94) })
    }

    /// A yen has no cents, and French has a space before the colon.
    @Test func theChartFollowsCurrencyAndLanguage() throws {
        let chart = try #require(try Chart(page(4, days: [1: 1], currency: "JPY", .fr)))
        #expect(chart.lines.map(\.text) == ["0", "1", "2", "3", "4"])
        #expect(chart.bars[1].title == "2026-11-02\u{A0}: 4\u{A0}JPY")
        #expect(chart.values["chart_title"] as? String == "Co\u{FB}t par jour")
    }

    /// Whatever the days cost, bars are as high as their cost, to a hundredth of a point.
    @Test func heightsAreInProportion() throws {
        var random = SeededRandom(seed: 81)
        for _ in 0..<60 {
            let days = Dictionary(
                uniqueKeysWithValues: (0..<4 as Range<Int64>).map {
                    ($0, Int128.random(in: 0...9, using: &random))
                })
            let sum = days.values.reduce(0, +)
            guard sum > 0 else { continue }
            let cents = BigInt(Int.random(in: 1...90_000, using: &random))
            let corrected = Bool.random(using: &random) ? BigInt(-700) : nil
            let chart = try #require(try Chart(page(cents, days: days, corrected: corrected)))
            let highest = try #require(days.values.max())
            let tallest = try #require(chart.bars.prefix(4).map(\.height).max())
            for (day, bar) in chart.bars.prefix(4).enumerated() {
                let exact = tallest * Rational(days[Int64(day)] ?? 0) / Rational(highest)
                // Each number of the drawing is rounded to a hundredth.
                let most = Rational(2) / Rational(100)
                for off in [bar.height - exact, bar.y + bar.height - chart.baseline] {
                    #expect(off <= most && off >= Rational(-1) * most)
                }
            }
        }
    }
}
