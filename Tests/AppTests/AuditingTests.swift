import Metering
import Reporting
import TestSupport
import Testing
import Units

@testable import App
@testable import Store

/// Whether the ledger equals the kernel's totals, and what else may be wrong with a bill.
@Suite struct AuditingTests {
    private func firm() throws -> Firm {
        let firm = try Firm()
        _ = firm.notices.take()
        return firm
    }

    @Test func withoutReadingsThereIsNothingToCompare() throws {
        let firm = try firm()
        let answer = try firm.app.audit()
        #expect(answer.rows.isEmpty && answer.fault == nil && answer.sheet.rows.isEmpty)
        #expect(firm.notices.take() == ["nothing was metered ever: there is nothing to compare"])
        let start = try hours(12, 1).start
        let ticks = try Ticks(firm, at: start)
        let row = try ticks.add("/acme/app", cpu: 1, used: 5, at: start)
        // The next hour's reading closes this one.
        _ = try ticks.add(
            "/acme/app", row: row, cpu: 9, used: 8, at: start.advanced(bySeconds: 3600))
        #expect(try firm.app.audit().fault == nil)
        #expect(try firm.app.audit(over: hours(12, 1)).fault == nil)
        #expect(firm.notices.take() == [])
        _ = try firm.app.audit(over: month(3))
        #expect(
            firm.notices.take() == [
                "nothing was metered between 2025-03-01T00:00:00Z and 2025-04-01T00:00:00Z: there "
                    + "is nothing to compare"
            ])
    }

    /// Prices and tenants decide amounts, so a change of them behind Octroi's back is found.
    @Test func changedTermsAreFound() throws {
        let firm = try firm()
        try firm.forge("UPDATE tenant SET price_book = NULL WHERE id = 'acme'")
        let answer = try firm.app.audit()
        #expect(answer.damage.count == 1 && answer.damage[0].contains("acme"))
        #expect(firm.notices.take().contains(answer.damage[0]))
        let fault = try #require(answer.fault)
        #expect(fault.kind == .failed && fault.problem.hasPrefix("1 place "))
    }

    /// What is imported for a container that Octroi meters would be billed twice.
    @Test func usageThatCountsTwiceIsFound() throws {
        let firm = try firm()
        let start = try hours(12, 1).start
        // The import came first: afterwards it would be refused.
        try firm.use("acme", "/acme/app", 500, over: hours(12, 1))
        let ticks = try Ticks(firm, at: start)
        _ = try ticks.add("/acme/app", cpu: 1, used: 5, at: start)
        let answer = try firm.app.audit()
        #expect(answer.countedTwice.map(\.container) == ["/acme/app"])
        let fault = try #require(answer.fault)
        #expect(fault.location == "audit" && fault.suggestion.contains("--imported"))
        #expect(firm.notices.take().contains { $0.hasPrefix("tenant acme, /acme/app, cpu: ") })
        #expect(try firm.app.audit(over: month(2)).countedTwice.isEmpty)
    }

    private func row(
        _ root: String, kernel: Int128, usage: Int128, pending: Int128 = 0, tenant: String? = "acme"
    ) -> AuditRow {
        AuditRow(
            tenant: tenant, root: root, meter: .cpu, kernel: kernel, usage: usage,
            pending: pending)
    }

    private func unmeasured(
        _ reason: Absence.Reason, isMadeGood: Bool = false
    ) throws -> Unmeasured {
        let hour = try hours(0, 1)
        return Unmeasured(
            tenant: "acme", container: "/acme/\u{1B}", meters: "cpu", since: hour.start,
            until: hour.end, absence: Absence(reason, detail: "x"), file: "cpu.stat",
            isMadeGood: isMadeGood)
    }

    @Test func totalsHaveARowEach() {
        let answer = AuditAnswer(
            rows: [
                row("/acme", kernel: 100, usage: 90, pending: 10),
                row("/x", kernel: 5, usage: 3, tenant: nil),
            ], unmeasured: [], countedTwice: [], damage: [])
        #expect(
            answer.sheet.columns == [
                "tenant", "root", "meter", "kernel", "usage", "pending", "difference",
            ])
        #expect(
            answer.sheet.rows == [
                [
                    .text("acme"), .text("/acme"), .text("cpu"), .integer(100), .integer(90),
                    .integer(10), .integer(0),
                ],
                [
                    .text("unattributed"), .text("/x"), .text("cpu"), .integer(5), .integer(3),
                    .integer(0), .integer(-2),
                ],
            ])
        #expect(answer.fault?.location == "/x, cpu")
    }

    /// The worst finding is the fault: terms, then totals, then what counts twice, then the rest.
    @Test func theWorstFindingIsTheFault() throws {
        let twice = CountedTwice(
            tenant: "acme", container: "/acme/app", meter: "cpu", period: try hours(0, 1), rows: 1,
            quantity: 5)
        var answer = AuditAnswer(
            rows: [row("/acme", kernel: 5, usage: 5), row("/b", kernel: 5, usage: 6)],
            unmeasured: [try unmeasured(.failed)], countedTwice: [twice, twice],
            damage: ["one", "two"])
        #expect(answer.fault?.problem.hasPrefix("2 places") == true)
        answer.damage = []
        #expect(answer.fault?.location == "/b, cpu")
        #expect(answer.fault?.problem == "the ledger holds 6, the kernel counted 5")
        answer.rows = [row("/acme", kernel: 15, usage: 5, pending: 10)]
        #expect(answer.fault?.location == "audit")
        #expect(answer.fault?.problem.contains("and 1 more") == true)
        answer.countedTwice = []
        #expect(answer.fault?.location == "/acme/\\u{1B}")
        answer.unmeasured = []
        #expect(answer.fault == nil)
    }

    /// A controller that is off is no fault, and neither is what the counter made good.
    @Test(
        arguments: [
            (.failed, false, true), (.malformed, false, true), (.notPermitted, false, true),
            (.incomplete, false, true), (.failed, true, false), (.controllerOff, false, false),
            (.hostNamespace, false, false), (.sharedNamespace, false, false),
        ] as [(Absence.Reason, Bool, Bool)])
    func onlyFilesThatCannotBeReadAreFaults(
        reason: Absence.Reason, isMadeGood: Bool, isFault: Bool
    ) throws {
        let answer = AuditAnswer(
            rows: [], unmeasured: [try unmeasured(reason, isMadeGood: isMadeGood)],
            countedTwice: [], damage: [])
        #expect((answer.fault != nil) == isFault)
    }
}
