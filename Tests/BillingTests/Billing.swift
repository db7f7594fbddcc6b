import GRDB
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

let now = Instant(seconds: 1_795_446_000)

/// A store in a folder of its own, with two tenants and one price book.
struct Billing {
    let folder: TemporaryFolder
    let store: Store
    let october: Period
    let november: Period

    init(unpriced: UnpricedPolicy = .block, meters: [String: Price]? = nil) throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        october = try #require(Period(month: "2026-10"))
        november = try #require(Period(month: "2026-11"))
        let cpu = Price(
            amount: try #require(DecimalPrice("0.36")),
            per: try #require(UnitQuantity("1 vCPU-hour")))
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: unpriced,
            taxes: [Tax(code: "vat", name: "TVA", rate: try #require(DecimalPrice("20")))],
            meters: meters ?? ["cpu": cpu])
        let tenants = ["acme", "lab"].map {
            Tenant(id: $0, name: $0, priceBook: "standard", invoiceTo: InvoiceAddress(), match: [])
        }
        _ = try store.apply(Contract(tenants: tenants, books: [book]), isPlan: false, at: now)
    }

    func row(
        _ tenant: String, _ container: String, _ meter: Meter, _ quantity: Int128,
        _ month: Period? = nil, line: Int = 2
    ) -> ImportedUsage {
        ImportedUsage(
            period: month ?? october, tenant: tenant, container: container, meter: meter,
            quantity: quantity, row: line)
    }

    func issue(_ period: Period, tenant: String? = nil) throws -> [Invoice] {
        try store.issue(
            over: period, tenant: tenant, at: now, IssueOptions(series: "OCT")
        ).invoices
    }

    func assign(
        _ container: String, from: String? = nil, to tenant: String, over period: Period,
        isPlan: Bool = false
    ) throws -> HandOver {
        try store.assign(
            HandOverRequest(container, from: from, to: tenant, over: period), isPlan: isPlan,
            at: now)
    }

    func count(_ table: String) throws -> Int? {
        try DatabaseQueue(path: store.path).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)")
        }
    }
}
