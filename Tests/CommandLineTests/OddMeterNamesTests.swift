import TestSupport
import Testing
import Units

/// A custom meter that is called as a fee or the minimum is, and counts what fees count, stays usage
/// in every format.
@Suite struct OddMeterNamesTests {
    @Test func aMeterCalledMinimumIsNoMinimum() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            books:
              - id: standard
                currency: EUR
                effective: 2026-01-01T00:00:00Z
                rounding: half-even
                memory: unreclaimable
                unpriced: block
                taxes: []
                meters:
                  minimum: { price: "1", per: 1 second, unit: second }
                  month: { price: "2", per: 1 month, unit: month }
                fixed: [ { code: second, name: Support, price: "10", per: month } ]
                minimum: "100"

            """, to: "config/prices.yaml")
        try folder.write(
            "tenants:\n  - { id: acme, name: Acme, price_book: standard }\n",
            to: "config/tenants.yaml")
        try folder.write(
            """
            start,end,tenant,container,meter,quantity
            2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,acme,web,minimum,5
            2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,acme,web,month,4

            """, to: "usage.csv")
        func run(_ words: String...) throws -> String {
            let result = try octroi(
                words, store: "\(folder.path)/octroi.db", config: "\(folder.path)/config")
            #expect(result.status == 0, "\(words): \(result.errors)")
            return result.output
        }
        _ = try run("apply")
        _ = try run("usage", "import", "\(folder.path)/usage.csv")
        _ = try run("invoice", "issue", "--month", "2026-10")
        let rows = try table(run("invoice", "export", "--format", "focus")).map { row in
            ["SkuMeter", "ChargeFrequency", "ServiceName", "SkuPriceId", "BilledCost"]
                .map { row[$0] ?? "-" }.joined(separator: " ")
        }
        #expect(
            rows == [
                "minimum Usage-Based Custom Usage standard/minimum/1 5.00",
                "month Usage-Based Custom Usage standard/month/1 8.00",
                "second Recurring Fixed Fees standard/second/fixed 10.00",
                " One-Time Minimum Charge  77.00",
            ])
        let page = try run("invoice", "export", "OCT-000001", "--format", "html")
        // The month's minimum says what it is; the meter of that name is a meter.
        #expect(page.contains("Minimum charge") && page.contains("Support"))
        #expect(page.contains("<bdi>minimum</bdi>"))
    }
}
