import BigInt
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

/// Tenant acme uses items of a price that rounding cannot show, one on each of some days.
private struct Crumbs {
    let billing: Billing
    let crate: Meter

    init(_ price: String, _ rounding: Rounding) throws {
        crate = try #require(Meter("crate"))
        billing = try Billing(meters: [
            "crate": Price(
                amount: try #require(DecimalPrice(price)),
                per: try #require(UnitQuantity("1 item")))
        ])
        var book = try #require(try billing.store.bookVersions().first)
        book.rounding = rounding
        _ = try billing.store.apply(
            Contract(tenants: nil, books: [book]), isPlan: false, at: now)
    }

    /// Days of October, from 1.
    func days(_ first: Int, _ end: Int) throws -> Period {
        let start = billing.october.start
        return try #require(
            Period(
                start: start.advanced(bySeconds: Int64(first - 1) * 86_400),
                end: start.advanced(bySeconds: Int64(end - 1) * 86_400)))
    }

    func use(_ periods: [Period], container: String = "a") throws {
        let rows = periods.enumerated().compactMap { index, period in
            Period(start: period.start, end: period.start.advanced(bySeconds: 3600)).map {
                billing.row("acme", container, crate, 1, $0, line: index + 2)
            }
        }
        _ = try billing.store.importUsage(rows, at: now)
    }

    func creditInvoices(where isChosen: (Invoice) -> Bool) throws {
        for invoice in try billing.store.invoices() where invoice.status == .issued {
            if isChosen(invoice) { _ = try billing.credit(invoice.number) }
        }
    }

    func net() throws -> BigInt {
        try billing.store.invoices().map(\.draft.net).reduce(0, +)
    }

    /// A draft shows what issue bills next.
    func issueAsDrafted(_ period: Period, isAgain: Bool = false) throws -> [Invoice] {
        let before = Set(try billing.store.invoices().map(\.number))
        let drafts = try billing.store.drafts(over: period, tenant: nil, isAgain: isAgain)
        let issued = try isAgain ? billing.again(period) : billing.issue(period)
        let new = issued.filter { !before.contains($0.number) }
        #expect(drafts.map(\.period) == new.map(\.draft.period))
        #expect(drafts.map { $0.lines.map(\.amount) } == new.map { $0.draft.lines.map(\.amount) })
        return new
    }
}

/// What rounding held back on one invoice is billed on another, also where one of them is credited.
@Suite struct CarriedRoundingTests {
    /// 30 invoices of 0.34 cents; those that billed a whole cent are credited and issued again.
    @Test(arguments: Rounding.allCases)
    func whatCreditedInvoicesHadBilledForOthersIsBilledAgain(rounding: Rounding) throws {
        let crumbs = try Crumbs("0.0034", rounding)
        try crumbs.use(try (1...30).map { try crumbs.days($0, $0 + 1) })
        for day in 1...30 { _ = try crumbs.billing.issue(try crumbs.days(day, day + 1)) }
        let owed = rounding.round(Rational(BigInt(1020), over: 100))
        #expect(try crumbs.net() == owed)
        try crumbs.creditInvoices { $0.draft.net != 0 }
        #expect(try crumbs.net() == 0)
        let again = try crumbs.issueAsDrafted(crumbs.billing.october, isAgain: true)
        #expect(try crumbs.net() == owed)
        // A line never has more than one unit beside its own rounding; a line of its own says the rest.
        let lines = again.flatMap(\.draft.lines)
        #expect(lines.filter { $0.kind == .usage }.allSatisfy { (-1...2).contains($0.amount) })
        let carried = lines.filter { $0.subject == .rounding }
        #expect(!carried.isEmpty && carried.allSatisfy { $0.exactAmount == .zero })
        #expect(carried.allSatisfy { $0.kind == .correction && $0.taxes.map(\.code) == ["vat"] })
        #expect(try crumbs.billing.issue(crumbs.billing.november).isEmpty)
        // It is credited as any other line.
        let holder = try #require(
            again.first { $0.draft.lines.contains { $0.subject == .rounding } })
        let place = try #require(holder.draft.lines.firstIndex { $0.subject == .rounding })
        let note = try crumbs.billing.credit(holder.number, lines: [place + 1])
        #expect(note.draft.net == -holder.draft.lines[place].amount)
        #expect(try crumbs.billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// Invoices of nothing are credited; those that are left had billed a cent for half a cent each.
    @Test func whatIsBilledTooMuchGoesBackWithTheNextInvoice() throws {
        let crumbs = try Crumbs("0.005", .halfUp)
        try crumbs.use(try (1...28).map { try crumbs.days($0, $0 + 1) })
        for day in 1...28 { _ = try crumbs.billing.issue(try crumbs.days(day, day + 1)) }
        #expect(try crumbs.net() == 14)
        try crumbs.creditInvoices { $0.draft.net == 0 }
        #expect(try crumbs.net() == 14)
        let again = try crumbs.issueAsDrafted(try crumbs.days(2, 3), isAgain: true)
        #expect(again.map(\.status) == [.creditNote])
        #expect(again.flatMap(\.draft.lines).map(\.amount) == [1, -7, -1])
        #expect(try crumbs.net() == 8, "15 items at half a cent")
        try crumbs.use([try crumbs.days(1, 2)], container: "late")
        _ = try crumbs.issueAsDrafted(crumbs.billing.november)
        #expect(try crumbs.net() == 8, "16 items at half a cent")
        _ = try crumbs.issueAsDrafted(crumbs.billing.october, isAgain: true)
        #expect(try crumbs.net() == 15, "29 items at half a cent")
        #expect(try crumbs.billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// Late usage on an earlier invoice makes up for what was credited beside it.
    @Test func aCorrectionHoldsWhatIsCarried() throws {
        let crumbs = try Crumbs("0.005", .halfUp)
        try crumbs.use(try (1...28).map { try crumbs.days($0, $0 + 1) })
        for day in 1...28 { _ = try crumbs.billing.issue(try crumbs.days(day, day + 1)) }
        try crumbs.creditInvoices { $0.draft.net == 0 }
        try crumbs.use([try crumbs.days(1, 2)], container: "late")
        let next = try crumbs.issueAsDrafted(crumbs.billing.november)
        #expect(try crumbs.net() == 8, "15 items at half a cent")
        let lines = try #require(next.first).draft.lines
        let carried = try #require(lines.first { $0.subject == .rounding })
        #expect(carried.amount == -7 && carried.reference != nil)
        let number = try #require(next.first).number
        let place = try #require(lines.firstIndex(of: carried)) + 1
        var explainer = try crumbs.billing.store.explainer(of: number)
        #expect(try explainer.explain(line: place).accounts.isEmpty)
        #expect(try crumbs.billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// What is carried goes on an invoice even where no other line is left to hold it.
    @Test func whatIsCarriedNeedsNoOtherLine() throws {
        let crumbs = try Crumbs("0.005", .halfUp)
        try crumbs.use([try crumbs.days(1, 2)])
        try crumbs.use([try crumbs.days(2, 3)], container: "b")
        for day in 1...2 { _ = try crumbs.billing.issue(try crumbs.days(day, day + 1)) }
        try crumbs.creditInvoices { $0.draft.net == 1 }
        _ = try crumbs.billing.assign("a", to: "lab", over: crumbs.billing.october)
        _ = try crumbs.issueAsDrafted(crumbs.billing.november)
        let acme = try crumbs.billing.store.invoices(tenant: "acme").map(\.draft.net)
        #expect(acme.reduce(0, +) == 1, "b alone, rounded up")
        #expect(try crumbs.billing.store.verifyInvoices(nil).differences.isEmpty)
    }

    /// Months without usage between others are rounded each by itself, drafted and issued alike.
    @Test(arguments: [[2, 11], [2], [1, 3, 12], [1, 12], [2, 6, 11]], ["0.005", "0.004"])
    func missingMonthsAreDraftedOneByOne(missing: [Int], price: String) throws {
        let crumbs = try Crumbs(price, .halfUp)
        let months = try (1...12).map {
            try #require(Period(month: "2025-" + ($0 < 10 ? "0" : "") + String($0)))
        }
        try crumbs.use((1...12).filter { !missing.contains($0) }.map { months[$0 - 1] })
        for month in months { _ = try crumbs.billing.issue(month) }
        try crumbs.use(missing.map { months[$0 - 1] })
        let year = try #require(Period(start: months[0].start, end: months[11].end))
        let new = try crumbs.issueAsDrafted(year)
        #expect(new.map(\.draft.net) == missing.map { _ in price == "0.005" ? 1 : 0 })
    }

    /// Eighteen months of half a cent too much each are no business of those at their ends.
    @Test func aDraftOverManyMonthsLeavesTheirRoundingAlone() throws {
        let crumbs = try Crumbs("0.005", .halfUp)
        let months = try (0..<18).map {
            let month = $0 % 12 + 1
            return try #require(
                Period(month: "\(2024 + $0 / 12)-" + (month < 10 ? "0" : "") + String(month)))
        }
        try crumbs.use(Array(months[1..<17]))
        for month in months { _ = try crumbs.billing.issue(month) }
        try crumbs.use([months[0], months[17]])
        let all = try #require(Period(start: months[0].start, end: months[17].end))
        #expect(try crumbs.issueAsDrafted(all).map(\.draft.net) == [1, 1])
        #expect(try crumbs.net() == 18)
    }
}

/// A draft shows what issue would bill, or says with the same words why it would not.
@Suite struct DraftAsIssuedTests {
    private func crumbs() throws -> Crumbs {
        let crumbs = try Crumbs("1", .halfEven)
        try crumbs.use(try (1...30).map { try crumbs.days($0, $0 + 1) })
        return crumbs
    }

    @Test(arguments: [
        // Reaches over its end, lies inside, reaches over its start.
        (17, 28, "--from 2026-10-25T00:00:00Z --to 2026-10-28T00:00:00Z"),
        (20, 22, "--from 2026-10-06T00:00:00Z --to 2026-10-25T00:00:00Z"),
        (1, 10, "--from 2026-10-01T00:00:00Z --to 2026-10-06T00:00:00Z"),
    ])
    func aPeriodThatCutsAnInvoiceIsRefusedAsIssueDoes(
        first: Int, end: Int, way: String
    ) throws {
        let crumbs = try crumbs()
        _ = try crumbs.billing.issue(try crumbs.days(6, 25))
        let period = try crumbs.days(first, end)
        func refusal(_ body: () throws -> Void) -> Fault? {
            do { try body(); return nil } catch { return error as? Fault }
        }
        let drafted = refusal { _ = try crumbs.billing.store.drafts(over: period, tenant: nil) }
        let issued = refusal { _ = try crumbs.billing.issue(period) }
        let fault = try #require(drafted)
        #expect(fault.kind == .wrongUse && fault.description == issued?.description)
        #expect(fault.problem.contains("OCT-000001") && fault.suggestion.contains(way), "\(fault)")
    }

    /// What is invoiced already is not shown again; the rest is.
    @Test(arguments: [(6, 25, 0), (6, 10, 0), (1, 31, 11), (1, 25, 5), (6, 28, 3)])
    func whatIsInvoicedIsNotDrafted(first: Int, end: Int, items: Int) throws {
        let crumbs = try crumbs()
        _ = try crumbs.billing.issue(try crumbs.days(6, 25))
        let new = try crumbs.issueAsDrafted(try crumbs.days(first, end))
        #expect(new.map(\.draft.net).reduce(0, +) == BigInt(items * 100))
        let invoiced = try crumbs.billing.store.invoiced(
            over: try crumbs.days(6, 7), tenant: "acme")
        #expect(invoiced.map(\.number) == ["OCT-000001"])
    }

    /// Late usage of a part that is invoiced is drafted where it is issued: once, with the next part.
    @Test func lateUsageIsDraftedOnce() throws {
        let crumbs = try crumbs()
        _ = try crumbs.billing.issue(try crumbs.days(6, 10))
        _ = try crumbs.billing.issue(try crumbs.days(15, 20))
        try crumbs.use([try crumbs.days(7, 8)], container: "late")
        let new = try crumbs.issueAsDrafted(crumbs.billing.october)
        #expect(new.map(\.draft.net) == [600, 500, 1100])
        #expect(try crumbs.net() == 3100)
    }

    /// What was credited in full is drafted on demand, as it is issued.
    @Test func whatWasCreditedIsDraftedOnDemand() throws {
        let crumbs = try crumbs()
        _ = try crumbs.billing.issue(crumbs.billing.october)
        _ = try crumbs.billing.credit("OCT-000001")
        #expect(try crumbs.issueAsDrafted(crumbs.billing.october).isEmpty)
        #expect(
            try crumbs.issueAsDrafted(crumbs.billing.october, isAgain: true).map(\.draft.net)
                == [3000])
    }

    /// The second part of a volume price makes the first cheaper, though that is a draft, too.
    @Test func aDraftCorrectsTheDraftBeforeIt() throws {
        let billing = try Billing(meters: [
            "cpu": Price(
                per: try #require(UnitQuantity("1 vCPU-hour")), mode: .volume,
                tiers: [
                    Tier(upTo: DecimalPrice("10"), price: try #require(DecimalPrice("2"))),
                    Tier(upTo: nil, price: try #require(DecimalPrice("1"))),
                ])
        ])
        let middle = billing.october.start.advanced(bySeconds: 15 * 86_400)
        let end = middle.advanced(bySeconds: 86_400)
        let parts = try [
            (billing.october.start, middle), (middle, end), (end, billing.october.end),
        ]
        .map { try #require(Period(start: $0.0, end: $0.1)) }
        _ = try billing.store.importUsage(
            [
                billing.row("acme", "a", .cpu, 8 * 3_600_000_000, parts[0], line: 2),
                billing.row("acme", "a", .cpu, 3_600_000_000, parts[1], line: 3),
                billing.row("acme", "a", .cpu, 8 * 3_600_000_000, parts[2], line: 4),
            ], at: now)
        _ = try billing.issue(parts[1])
        let drafts = try billing.store.drafts(over: billing.october, tenant: "acme")
        let issued = try billing.issue(billing.october).dropFirst()
        #expect(drafts.map(\.net) == issued.map(\.draft.net) && drafts.map(\.net) == [1600, -100])
        #expect(drafts.last?.lines.compactMap(\.reference).contains("draft 1") == true)
    }
}
