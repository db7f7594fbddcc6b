import CgroupFormat
import CgroupFS
import Daemon
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestKernel
import TestSupport
import Testing
import Units

/// Usage that was imported first and then metered, too: it is never billed in silence.
@Suite struct CountedTwiceTests {
    private let folder: TemporaryFolder
    private let store: Store
    private let kernel = FakeKernel()
    private let hour: Period

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        let start = kernel.at(0).wall
        hour = try #require(Period(start: start, end: start.advanced(bySeconds: 3600)))
        let price = Price(
            amount: try #require(DecimalPrice("1")),
            per: try #require(UnitQuantity("1 vCPU-second")))
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: .show, taxes: [],
            meters: ["cpu": price])
        let tenants = [("acme", [Rule.root("/acme")]), ("lab", [.cgroup("/lab")]), ("own", [])].map
        {
            Tenant(
                id: $0.0, name: $0.0, priceBook: "standard", invoiceTo: InvoiceAddress(),
                match: $0.1)
        }
        _ = try store.apply(Contract(tenants: tenants, books: [book]), isPlan: false, at: start)
    }

    private func bring(
        _ container: String, _ from: Int64, _ to: Int64, tenant: String = "acme",
        meter: String = "cpu", quantity: Int128 = 10_000_000
    ) throws {
        _ = try store.importUsage(
            [
                ImportedUsage(
                    period: #require(Period(start: kernel.at(from).wall, end: kernel.at(to).wall)),
                    tenant: tenant, container: container, meter: #require(Meter(meter)),
                    quantity: quantity, row: 2)
            ], at: kernel.at(0).wall)
    }

    /// A tick every ten minutes in which each container uses a second of cpu.
    private func meter(from first: Int64 = 0, to last: Int64 = 3) throws {
        var collector = try Collector(
            source: kernel, store: store, intervalMilliseconds: 600_000, in: .utc)
        for tick in first...last {
            kernel.seconds = tick * 600
            kernel.cgroups = ["/acme", "/acme/web", "/lab"].enumerated().map { place, path in
                var cgroup = FakeKernel.Cgroup(
                    path, id: Int64(place) + 2, role: place == 0 ? .tenantRoot : .container,
                    root: place == 1 ? 2 : nil)
                let sum = path == "/acme" ? tick + 1 : tick
                cgroup.texts = [.cpuStat: "usage_usec \(sum * 1_000_000)\n"]
                return cgroup
            }
            _ = try collector.tick()
        }
    }

    private func issue(
        _ rules: [MeteringCaveat.Kind: ClosingRule] = [.audit: .block]
    ) throws -> [Invoice] {
        try store.issue(
            over: hour, tenant: nil, at: kernel.at(3600).wall,
            IssueOptions(series: "OCT", closing: ClosingPolicy(rules: rules))
        ).invoices
    }

    @Test(arguments: [
        ("/acme/web", "cpu", Int64(0), Int64(3600), "acme", true),
        // A tenant root has a counter of its own, and the ledger holds only what is left of it.
        ("/acme", "cpu", 0, 3600, "acme", true), ("/lab", "cpu", 0, 3600, "lab", true),
        // Another tenant's import of what is metered for this one is a mistake as well.
        ("/lab", "cpu", 0, 3600, "acme", true),
        // It ended before the container was first seen, in the same hour.
        ("/acme/web", "cpu", 0, 600, "acme", false), ("/acme/web", "gpu", 0, 3600, "acme", false),
        ("/acme/we", "cpu", 0, 3600, "acme", false), ("/acme/web", "cpu", -3600, 0, "acme", false),
    ])
    func whatIsImportedAndThenMeteredIsFound(
        container: String, meter: String, from: Int64, to: Int64, tenant: String, isTwice: Bool
    ) throws {
        try bring(container, from, to, tenant: tenant, meter: meter)
        try self.meter(from: 1)
        let found = try store.countedTwice(over: nil)
        #expect(found == (try store.countedTwice(over: hour)))
        #expect(found.map(\.tenant) == (isTwice ? [tenant] : []))
        #expect(found.map(\.container) == (isTwice ? [container] : []))
        #expect(found.allSatisfy { $0.quantity == 10_000_000 && $0.rows == 1 && $0.meter == meter })
        let before = try #require(Period(start: Instant(seconds: 0), end: kernel.at(600).wall))
        #expect(try store.countedTwice(over: before).isEmpty)
        guard isTwice else { return _ = try issue() }
        let fault = try #require(throws: Fault.self) { try issue() }
        #expect(fault.location.contains("tenant \(tenant)") && fault.problem == found[0].text)
        let invoices = try issue([.audit: .print])
        for invoice in invoices {
            let said = invoice.caveats.contains { $0.text == found[0].text }
            #expect(said == (invoice.draft.tenant == tenant), "\(invoice.caveats)")
        }
        #expect(invoices.contains { $0.draft.tenant == tenant })
    }

    /// Nobody pays twice for a row of nothing.
    @Test func aRowOfNothingIsNotFound() throws {
        try bring("/acme/web", 0, 3600, quantity: 0)
        try meter()
        #expect(try store.countedTwice(over: nil).isEmpty)
        #expect(try !issue().isEmpty)
    }

    /// The way out: the imported hours go to somebody who bears them, and the metered ones stay.
    @Test func importedHoursAreGivenAwayApartFromTheMeteredOnes() throws {
        try bring("/acme/web", 0, 3600)
        try meter(from: 1)
        let done = try store.assign(
            HandOverRequest("/acme/web", to: "own", over: hour, isImported: true),
            at: kernel.at(3600).wall)
        #expect(done.accounts == 1)
        #expect(try store.countedTwice(over: nil).isEmpty)
        let nets = try issue().map { "\($0.draft.tenant) \($0.draft.net)" }
        #expect(nets == ["acme 200", "lab 200", "own 1000"], "\(nets)")
    }

    @Test func itIsSaidBeforeAnythingIsIssued() throws {
        try bring("/lab", 0, 3600, tenant: "lab")
        try meter()
        let notes = try store.closingCaveats(over: hour, tenant: nil, at: kernel.at(3600).wall)
        let said = notes.tenants.flatMap { tenant, notes in notes.map { "\(tenant): \($0.text)" } }
        #expect(said.contains { $0.hasPrefix("lab: /lab, cpu: metered by Octroi and") }, "\(said)")
    }
}
