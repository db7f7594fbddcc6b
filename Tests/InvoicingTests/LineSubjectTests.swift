import Invoicing
import Pricing
import Testing
import Units

/// A line is what its shape says, whatever its meter or fee is called.
@Suite struct LineSubjectTests {
    private static func line(
        _ kind: LineItem.Kind, _ name: String, container: String? = nil, quantity: Int128? = nil,
        unit: String? = nil, per: String? = nil
    ) throws -> LineItem {
        LineItem(
            kind: kind, meter: name, container: container,
            period: try #require(Period(month: "2026-10")), quantity: quantity, unit: unit,
            unitPrice: "1", per: per, exactAmount: .zero)
    }

    @Test(arguments: ["minimum", "second", "month", "tier", "cpu"], [false, true])
    func aNameDecidesNothing(_ name: String, isCorrection: Bool) throws {
        func kind(_ kind: LineItem.Kind) -> LineItem.Kind { isCorrection ? .correction : kind }
        let lines = [
            try Self.line(
                kind(.usage), name, container: "/a", quantity: 5, unit: name, per: "1 \(name)"),
            try Self.line(kind(.fixed), name, quantity: 1, unit: "tier", per: "1 tier"),
            try Self.line(kind(.fixed), name, quantity: 1, unit: "month", per: "1 month"),
            try Self.line(kind(.fixed), name, quantity: 60, unit: "second", per: "3600 second"),
            try Self.line(kind(.discount), name, per: "100 EUR"),
            try Self.line(kind(.minimum), name, per: "1 month"),
        ]
        #expect(lines.map(\.subject) == [.usage, .flat, .fee, .fee, .discount, .minimum])
        let period = try #require(Period(month: "2026-10"))
        let carried = LineItem.carriedRounding(over: period, taxes: [], reference: nil)
        #expect(carried.subject == .rounding)
        #expect(try Self.line(.tax, name).subject == .tax)
        #expect(try Self.line(.unpriced, name, container: "/a", quantity: 5).subject == .usage)
    }
}
