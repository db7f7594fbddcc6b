import GRDB
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

/// What Octroi itself does, in whatever order, is never taken for another hand's.
@Suite struct TermLawTests {
    private enum Step: CaseIterable {
        case price, newVersion, newBook, tenant, rules, order, remove, plan, importing, issue,
            credit
        case assign, unassign, adopt, refused
    }

    private func check(_ store: Store, _ after: String) throws {
        #expect(try store.verify().damage == [], "\(after)")
        #expect(try store.verifyTerms() == [], "\(after)")
        #expect(try store.verifyInvoices(nil).differences == [], "\(after)")
    }

    @Test(arguments: 0..<12)
    func whatIsDoneHonestlyIsNeverDamage(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let billing = try Billing(unpriced: .show)
        var done: [Step] = []
        for place in 0..<30 {
            guard let step = Step.allCases.randomElement(using: &random) else { continue }
            done.append(step)
            // What is refused must change nothing.
            do { try take(step, place, billing, &random) } catch is Fault {}
            if place % 5 == 4 { try check(billing.store, "\(done)") }
        }
        #expect(try billing.count("term") ?? 0 > 10, "\(done)")
        let copy = "\(billing.folder.path)/copy.db"
        try billing.store.backup(to: copy)
        let store = try Store(at: copy, for: .write)
        try check(store, "a copy after \(done)")
        _ = try store.adopt(at: now)
        _ = try store.removeTenant("lab", at: now)
        try check(store, "an adopted copy after \(done)")
    }

    private func take(
        _ step: Step, _ place: Int, _ billing: Billing, _ random: inout SeededRandom
    ) throws {
        let store = billing.store
        var tenants = try store.tenants()
        var book = try #require(try store.bookVersions().randomElement(using: &random))
        func apply(_ tenants: [Tenant]?, _ books: [PriceBook]?, isPlan: Bool = false) throws {
            _ = try store.apply(
                Contract(tenants: tenants, books: books), isPlan: isPlan, at: now)
        }
        let id = ["acme", "lab", "third"].randomElement(using: &random) ?? "acme"
        let tenant = Tenant(
            id: id, name: "\(id) it's \(place)", priceBook: "standard",
            invoiceTo: InvoiceAddress(), match: [.cgroup("/\(id)'\(place)*"), .label("a=\(place)")])
        book.meters["cpu"]?.amount = try #require(DecimalPrice("0.\(place + 10)"))
        let month = Bool.random(using: &random) ? billing.october : billing.november
        switch step {
        case .price: try apply(nil, [book])
        case .newVersion:
            book.effective = Instant(seconds: Int64(place) * 36_000)
            try apply(nil, [book])
        case .newBook:
            book.id = "book\(place)"
            try apply(nil, [book])
        case .tenant: try apply([tenant], nil)
        case .rules:
            for index in tenants.indices { tenants[index].match = [.cgroup("/\(place)/\(index)")] }
            try apply(tenants, nil)
        case .order: try apply(tenants.shuffled(using: &random), nil)
        case .remove: _ = try store.removeTenant(id, at: now)
        case .plan: try apply([tenant], [book], isPlan: true)
        case .importing:
            _ = try store.importUsage([billing.row(id, "c\(place)", .cpu, hour, month)], at: now)
        case .issue: _ = try billing.issue(month)
        case .credit:
            let invoice = try store.invoices().randomElement(using: &random)
            if let invoice { _ = try billing.credit(invoice.number) }
        case .assign: _ = try billing.assign("c\(place / 2)", to: id, over: month)
        case .unassign:
            if let last = try store.assignments().first {
                _ = try store.unassign(last.number, at: now)
            }
        case .adopt: try store.adoptTenants([tenant], at: now)
        case .refused:
            var stray = tenant
            stray.priceBook = "nowhere"
            try apply([tenant, stray], [book])
        }
    }

    /// Of a store of an older Octroi all counts as said from the day on which it was brought up to date.
    @Test(arguments: [
        "schemas/v1.db.gz", "schemas/v2.db.gz", "schemas/v3.db.gz", "schemas/v4.db.gz",
        "store-0.1.0/store.gz",
    ])
    func anOlderStoreIsTakenAsItStands(_ fixture: String) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/octroi.db"
        try unpack(fixture, to: path)
        let store = try Store(at: path, for: .write)
        #expect(try store.verify().damage == [])
        #expect(try store.verifyTerms() == [])
        let tenant = try #require(try store.tenants().first)
        let database = try DatabaseQueue(path: path)
        let (said, open) = try database.read { db in
            (
                try Int.fetchOne(db, sql: "SELECT count(*) FROM term WHERE kind = 'tenant'"),
                try Int.fetchOne(db, sql: "SELECT count(*) FROM term WHERE entry = 0")
            )
        }
        #expect(try said == store.tenants().count && open == 0)
        try database.write {
            try $0.execute(
                sql: "UPDATE tenant SET since_s = 3600 WHERE id = ?", arguments: [tenant.id])
            try $0.execute(sql: "UPDATE price_book SET definition = definition || ' '")
        }
        for damage in [try store.verify().damage, try store.verifyTerms()] {
            #expect(damage.contains { $0.hasPrefix("tenant \(tenant.id) was changed: since_s") })
            #expect(damage.contains { $0.contains("definition_sha256") })
        }
    }

    /// Several connections that change tenants, prices and usage at once: each change is whole, and one
    /// entry after another.
    @Test func changesAtOnceAreOneChain() async throws {
        let billing = try Billing()
        let path = billing.store.path
        let book = try #require(try billing.store.bookVersions().first)
        let row = billing.row("acme", "a", .cpu, hour)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<6 {
                group.addTask {
                    let store = try Store(at: path, for: .write)
                    for turn in 0..<8 {
                        let tenant = Tenant(
                            id: "t\(worker)", name: "turn \(turn)", priceBook: "standard",
                            invoiceTo: InvoiceAddress(), match: [.cgroup("/\(worker)/\(turn)")])
                        var book = book
                        book.effective = Instant(seconds: Int64(worker * 8 + turn) * 3600)
                        _ = try store.apply(
                            Contract(tenants: [tenant], books: [book]), isPlan: false, at: now)
                        var row = row
                        row.container = "\(worker).\(turn)"
                        _ = try store.importUsage([row], at: now)
                        #expect(try store.verifyTerms() == [])
                    }
                }
            }
            try await group.waitForAll()
        }
        try check(billing.store, "all of them")
        // The beginning, the first entry, and of each turn its change and its import.
        #expect(try billing.count("ledger_entry") == 2 + 6 * 8 * 2)
    }
}
