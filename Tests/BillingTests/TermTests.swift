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

/// What decides an amount besides usage: price books, tenants, what was invoiced when.
@Suite struct TermTests {
    /// A store in which all of it was said: a price that was replaced and one to come, rules, a tenant that
    /// left, an invoiced month, usage that came late for it, hours that changed hands.
    private func eventful() throws -> Billing {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("acme", "a", .cpu, 7 * hour), billing.row("lab", "b", .cpu, hour)],
            at: now)
        var book = try #require(try billing.store.bookVersions().first)
        book.meters["cpu"]?.amount = try #require(DecimalPrice("0.40"))
        book.discounts = [try discount("5")]
        var later = book
        later.effective = Instant(seconds: 1_800_000_000)
        var other = book
        other.id = "other"
        var tenants = try billing.store.tenants()
        tenants[0].match = [.cgroup("/a*"), .label("app=web")]
        tenants += ["gone", "idle"].map { id in
            Tenant(
                id: id, name: id, priceBook: nil, invoiceTo: InvoiceAddress(),
                match: id == "gone" ? [.cgroup("/gone")] : [])
        }
        try apply(tenants, [book, later, other], to: billing)
        _ = try billing.store.removeTenant("gone", at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, hour)], at: now)
        _ = try billing.assign("b", to: "acme", over: billing.october)
        _ = try billing.store.importUsage([billing.row("lab", "c", .cpu, hour)], at: now)
        return billing
    }

    private func discount(_ percent: String) throws -> Discount {
        Discount(
            percent: try #require(DecimalPrice(percent)), meters: nil, tenants: nil, from: nil,
            until: nil)
    }

    private func apply(
        _ tenants: [Tenant]?, _ books: [PriceBook]?, to billing: Billing, isPlan: Bool = false
    ) throws {
        _ = try billing.store.apply(
            Contract(tenants: tenants, books: books), isPlan: isPlan, at: now)
    }

    /// What is done to a store, and what of it is said.
    @Test(arguments: [
        (
            "UPDATE price_book SET definition = replace(definition, '0.40', '0.39') WHERE id = 2",
            ["price_book 2, \"standard\" from 1970-01-01T00:00:00Z, was changed: definition_sha256"]
        ),
        (
            "UPDATE price_book SET definition = replace(definition, '\"5\"', '\"50\"') WHERE id = 3",
            ["price_book 3, \"standard\" from 2027-01-15T08:00:00Z, was changed: definition_sha256"]
        ),
        (
            "UPDATE price_book SET definition = replace(definition, '\"20\"', '\"19\"') WHERE id = 1",
            ["price_book 1,", "definition_sha256"]
        ),
        (
            "UPDATE price_book SET effective_s = effective_s - 3600 WHERE id = 3",
            ["effective_s is 2027-01-15T07:00:00Z, where 2027-01-15T08:00:00Z was said"]
        ),
        (
            "UPDATE price_book SET memory = 'current' WHERE id = 2",
            ["memory is \"current\", where \"unreclaimable\" was said"]
        ),
        (
            "UPDATE price_book SET replaced_ms = 5 WHERE id = 2; UPDATE price_book SET replaced_ms = NULL WHERE id = 1",
            ["price_book 1,", "price_book 2,", "replaced_ms is none"]
        ),
        (
            "DELETE FROM priced_file WHERE price_book = 3; DELETE FROM price_book WHERE id = 3",
            ["price_book 3,", "is missing"]
        ),
        (
            "INSERT INTO price_book (book, effective_s, memory, definition, applied_ms) SELECT book, 3600, memory, definition, applied_ms FROM price_book WHERE id = 2",
            ["price_book 5,", "was added: nobody said it"]
        ),
        ("DELETE FROM priced_file WHERE price_book = 2", ["price_book 2,", "files is none"]),
        (
            "UPDATE tenant SET price_book = 'other' WHERE id = 'acme'",
            ["tenant acme was changed: price_book is \"other\", where \"standard\" was said"]
        ),
        (
            "UPDATE tenant SET since_s = 3600 WHERE id = 'acme'",
            ["since_s is 1970-01-01T01:00:00Z, where none was said"]
        ),
        ("UPDATE tenant SET until_s = 3600 WHERE id = 'lab'", ["tenant lab", "until_s is 1970"]),
        ("UPDATE tenant SET name = 'x' WHERE id = 'lab'", ["name is \"x\""]),
        ("UPDATE tenant SET invoice_to = '{\"name\":\"x\"}' WHERE id = 'lab'", ["invoice_to is"]),
        ("UPDATE tenant SET place = 7 WHERE id = 'lab'", ["place is \"7\", where \"1\" was said"]),
        ("UPDATE tenant SET removed_ms = NULL", ["tenant gone", "removed_ms is none"]),
        (
            "UPDATE tenant SET removed_ms = 9 WHERE id = 'lab'",
            ["tenant lab", "removed_ms is 1970"]
        ),
        (
            "UPDATE tenant_rule SET pattern = '/b*' WHERE pattern = '/a*'",
            ["tenant acme", "rules is \"cgroup '/b*', label 'app=web'\""]
        ),
        ("DELETE FROM tenant_rule WHERE kind = 'label'", ["rules is \"cgroup '/a*'\""]),
        (
            "INSERT INTO tenant_rule (tenant, place, kind, pattern, since_ms) VALUES ('lab', 0, 'cgroup', '/*', 0)",
            ["tenant lab", "rules is \"cgroup '/*'\", where none was said"]
        ),
        (
            "UPDATE tenant_rule SET until_ms = NULL WHERE tenant = 'gone'",
            ["tenant gone", "where none was said"]
        ),
        ("DELETE FROM tenant WHERE id = 'idle'", ["tenant idle is missing"]),
        (
            "INSERT INTO tenant (id, place, name, price_book, invoice_to) VALUES ('new', 9, 'new', 'other', '{}')",
            ["tenant new was added: nobody said it"]
        ),
        (
            "UPDATE invoiced_period SET end_s = end_s - 3600 WHERE id = 1",
            ["invoiced_period 1", "end_s"]
        ),
        ("DELETE FROM invoiced_period WHERE id = 2", ["invoiced_period 2 is missing"]),
        (
            "INSERT INTO invoiced_period (start_s, end_s, issued_ms) VALUES (0, 3600, 0)",
            ["invoiced_period 3 was added"]
        ),
        ("DELETE FROM late_entry", ["late_entry", "is missing"]),
        ("UPDATE late_entry SET last_hour_s = first_hour_s", ["late_entry", "last_hour_s is"]),
        ("INSERT INTO late_entry VALUES (1, 0, 0)", ["late_entry 1 was added"]),
        ("UPDATE rating_rules SET first_seal = 9 WHERE rules = 2", ["rating_rules 2 was added"]),
        // The record of what was said.
        (
            "UPDATE term SET said = replace(said, 'standard', 'other')",
            ["term number=", "was changed"]
        ),
        (
            "UPDATE term SET said = replace(said, 'standard', 'other') WHERE kind = 'tenant'; UPDATE tenant SET price_book = 'other'",
            ["kind=tenant key=lab", "was changed"]
        ),
        ("UPDATE term SET uid = 12345", ["term number=", "uid=12345", "was changed"]),
        ("UPDATE term SET key = 'x' WHERE id = 1", ["key=x", "was changed"]),
        ("DELETE FROM term WHERE key = 'lab'", ["tenant lab was added", "row is missing"]),
        ("DELETE FROM term", ["tenant lab was added", "all rows of ledger entry 1 are missing"]),
        (
            "DELETE FROM term WHERE entry = 8; DELETE FROM invoiced_period WHERE id = 2",
            ["ledger entry 8"]
        ),
        (
            "INSERT INTO term (uid, kind, key, said) VALUES (0, 'tenant', 'acme', '{\"price_book\":\"other\"}'); UPDATE tenant SET price_book = 'other' WHERE id = 'acme'",
            ["table term: 1 row in no ledger entry"]
        ),
        (
            "INSERT INTO term (uid, kind, key, said, entry) VALUES (0, 'tenant', 'acme', '{\"price_book\":\"other\"}', 2); UPDATE tenant SET price_book = 'other' WHERE id = 'acme'",
            ["term number="]
        ),
        ("UPDATE term SET said = 'x' WHERE id = 1", ["said=x", "was changed"]),
        (
            "UPDATE ledger_entry SET content = zeroblob(32) WHERE id = 1",
            ["ledger entry 1 of", "was changed"]
        ),
    ])
    func whatAnotherHandDidIsNamed(_ deed: String, _ words: [String]) throws {
        let billing = try eventful()
        #expect(try billing.store.verify().damage == [])
        #expect(try billing.store.verifyTerms() == [])
        #expect(try billing.store.verifyInvoices(nil).differences == [])
        try billing.tamper(deed)
        let (whole, terms) = (try billing.store.verify().damage, try billing.store.verifyTerms())
        for word in words {
            // Where all rows of an entry are gone, the whole check names its first.
            let isInBoth = !word.hasPrefix("all rows of ledger entry")
            if isInBoth { #expect(whole.contains { $0.contains(word) }, "\(word) in \(whole)") }
            #expect(terms.contains { $0.contains(word) }, "\(word) in \(terms)")
        }
        #expect(!whole.isEmpty && whole.count < 40)
    }

    /// Nothing is billed by prices that another hand wrote, unless the policy wants it said instead.
    @Test(arguments: [
        "UPDATE price_book SET definition = replace(definition, '0.40', '0.39') WHERE id = 2",
        "UPDATE tenant SET name = 'x' WHERE id = 'lab'",
        "UPDATE attribution SET tenant = 'lab' WHERE tenant = 'acme'",
        "INSERT INTO term (uid, kind, key, said, entry) VALUES (0, 'tenant', 'acme', '{\"price_book\":\"other\"}', 2); UPDATE tenant SET price_book = 'other' WHERE id = 'acme'",
    ])
    func nothingIsIssuedByWhatAnotherHandWrote(_ deed: String) throws {
        let billing = try eventful()
        let november = try #require(Period(month: "2026-11"))
        _ = try billing.store.importUsage(
            [billing.row("lab", "n", .cpu, 3_600_000_000, november)], at: now)
        try billing.tamper(deed)
        func issue(_ rules: [MeteringCaveat.Kind: ClosingRule]) throws -> [Invoice] {
            var options = IssueOptions(series: "OCT")
            options.closing = ClosingPolicy(rules: rules)
            return try billing.store.issue(over: november, tenant: nil, at: now, options).invoices
        }
        #expect {
            _ = try issue([.audit: .block])
        } throws: {
            "\($0)".contains("Look at octroi audit")
        }
        let invoices = try issue([.audit: .print])
        #expect(!invoices.isEmpty)
        for invoice in invoices {
            #expect(invoice.caveats.contains { $0.kind == .audit }, "\(invoice.caveats)")
        }
    }

    /// A month invoiced with nothing to bill gets its invoice later, under the same checks.
    @Test(arguments: [
        "UPDATE price_book SET definition = replace(definition, '0.36', '0.35')",
        // Rows made up as conserved have no control total.
        "UPDATE usage SET assurance = 0 WHERE container = (SELECT max(id) FROM container)",
    ])
    func aLateInvoiceIsCheckedToo(deed: String) throws {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [billing.row("lab", "b", .cpu, hour)], at: now)
        _ = try billing.issue(billing.october)
        _ = try billing.store.importUsage([billing.row("acme", "late", .cpu, hour)], at: now)
        try billing.tamper(deed)
        let before = try billing.count("invoice")
        #expect(throws: Fault.self) { try billing.issue(billing.november) }
        #expect(try billing.count("invoice") == before)
    }

    /// Hours that changed hands in invoiced time decide what is corrected.
    @Test func whatChangedHandsIsInTheChain() throws {
        let billing = try eventful()
        try billing.tamper("DELETE FROM reattribution WHERE id = 1")
        #expect(try billing.store.verify().damage.contains { $0.contains("is missing") })
    }

    /// A later change, which is Octroi's own, takes nothing over of what another hand did.
    @Test func anHonestChangeDoesNotCoverAForgedOne() throws {
        let billing = try eventful()
        try billing.tamper("UPDATE tenant SET price_book = 'other' WHERE id = 'lab'")
        _ = try billing.store.removeTenant("lab", at: now)
        #expect(try billing.store.verifyTerms().contains { $0.contains("tenant lab was changed") })
        try billing.tamper(
            "UPDATE price_book SET definition = replace(definition, '0.40', '0.39') WHERE id = 2")
        try billing.tamper("INSERT INTO term (kind, key, said) VALUES ('tenant', 'acme', '{}')")
        var book = try #require(try billing.store.bookVersions().first { $0.id == "standard" })
        book.meters["cpu"]?.amount = try #require(DecimalPrice("0.41"))
        try apply(nil, [book], to: billing)
        let damage = try billing.store.verifyTerms()
        #expect(damage.contains { $0.contains("price_book 2,") && $0.contains("sha256") })
        #expect(damage.contains { $0.contains("1 row in no ledger entry") })
        #expect(damage.count == 3, "\(damage)")
    }

    /// Files that say what they always said bring a tenant back, and then all is well.
    @Test func applyingTheFilesPutsATenantBack() throws {
        let billing = try eventful()
        let tenants = try billing.store.tenants()
        try billing.tamper(
            "UPDATE tenant SET price_book = 'other' WHERE id = 'acme'; DELETE FROM tenant_rule")
        #expect(try billing.store.verifyTerms().count == 1)
        try apply(tenants, nil, to: billing)
        #expect(try billing.store.verifyTerms() == [])
    }

    /// Each change is one entry, with who made it; what changes nothing is none, and neither is a plan.
    @Test func aChangeIsOneEntryOfTheChain() throws {
        let billing = try Billing()
        func entries() throws -> Int? { try billing.count("ledger_entry") }
        #expect(try entries() == 2)
        var tenants = try billing.store.tenants()
        try apply(tenants, try billing.store.bookVersions(), to: billing)
        #expect(try entries() == 2)
        tenants[1].match = [.cgroup("/x")]
        try apply(tenants, nil, to: billing, isPlan: true)
        #expect(try entries() == 2)
        try apply(tenants, nil, to: billing)
        #expect(try entries() == 3)
        _ = try billing.store.removeTenant("lab", at: now)
        let said = try DatabaseQueue(path: billing.store.path).read {
            try Row.fetchAll($0, sql: "SELECT * FROM term ORDER BY id")
        }
        #expect(said.map { $0["entry"] as Int64 } == [1, 1, 1, 2, 3])
        #expect(said.allSatisfy { ($0["uid"] as Int64?) != nil })
        #expect(said.map { $0["key"] as String } == ["1", "acme", "lab", "lab", "lab"])
    }
}
