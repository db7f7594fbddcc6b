import App
import BigInt
import Billing
import Enforcing
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// Past usage that moves to another tenant, and back.
@Suite struct HandingOverTests {
    private let firm: Firm

    /// Ten hours of one core are the lab's.
    init() throws {
        firm = try Firm()
        try firm.use("lab", "vm", 10 * coreHour, over: hours(0, 10))
        _ = firm.notices.take()
    }

    private let words = HandOverWords(
        container: "vm", from: "2025-01-01T02:00:00Z", to: "2025-01-01T05:00:00Z",
        reason: "wrong label")

    private func quantities() throws -> [String: Int128] {
        try firm.app.usage(over: month(1), by: .tenant).usage.reduce(into: [:]) {
            $0[$1.tenant ?? "", default: 0] += $1.quantity
        }
    }

    @Test func hoursMoveAndMoneyWithThem() throws {
        let done = try firm.app.assignUsage(to: "acme", words)
        #expect(done.accounts == 1)
        #expect(try done.period == hours(2, 3))
        #expect(done.sides.map(\.tenant) == ["acme", "lab"])
        #expect(done.sides.map(\.hours) == [3, -3])
        #expect(done.sides.map(\.money?.before) == [0, 360])
        #expect(done.sides.map(\.money?.after) == [108, 252])
        #expect(try quantities() == ["acme": 3 * coreHour, "lab": 7 * coreHour])
        #expect(
            firm.notices.take()
                == ["assignment \(done.number): octroi tenant unassign \(done.number) undoes it"])
        let all = try firm.app.assignments()
        #expect(all.map(\.number) == [done.number] && all.map(\.tenant) == ["acme"])
        #expect(all[0].uid == firm.app.requester.uid && all[0].reason == "wrong label")
    }

    @Test func theSheetsShowIt() throws {
        let done = try firm.app.assignUsage(to: "acme", words)
        let sheet = done.sheet
        #expect(sheet.columns == ["tenant", "hours", "net_before", "net_after", "currency"])
        #expect(
            sheet.rows == [
                [.text("acme"), .integer(3), .exact("0.00"), .exact("1.08"), .text("EUR")],
                [.text("lab"), .integer(-3), .exact("3.60"), .exact("2.52"), .text("EUR")],
            ])
        #expect(
            sheet.title?.hasPrefix("1 container, 2025-01-01T02:00:00Z to 2025-01-01T05:00:00Z")
                == true)
        let list = assignmentSheet(try firm.app.assignments())
        #expect(list.columns == ["assignment", "at", "uid", "container", "tenant", "reason"])
        #expect(list.rows.count == 1)
        #expect(list.rows[0][3...] == [.text("vm"), .text("acme"), .text("wrong label")])
    }

    /// Without a price book there is no money to show, and the hours move all the same.
    @Test func hoursOfATenantWithoutPricesMoveToo() throws {
        _ = try firm.app.addTenant("free", rules: [], keeping: [])
        let done = try firm.app.assignUsage(to: "free", words)
        let free = try #require(done.sides.first { $0.tenant == "free" })
        #expect(free.hours == 3 && free.money == nil)
        #expect(done.sheet.rows[0] == [.text("free"), .integer(3), .none, .none, .none])
    }

    @Test func aPlanMovesNothing() throws {
        let plan = try firm.app.assignUsage(to: "acme", words, isPlan: true)
        #expect(plan.sides.map(\.hours) == [3, -3])
        #expect(firm.notices.take() == ["this was a plan; nothing was written"])
        #expect(try quantities() == ["lab": 10 * coreHour])
        #expect(try firm.app.assignments().isEmpty)
        let done = try firm.app.assignUsage(to: "acme", words)
        _ = firm.notices.take()
        #expect(
            try firm.app.unassignUsage(done.number, isPlan: true).sides.map(\.hours) == [-3, 3])
        #expect(firm.notices.take() == ["this was a plan; nothing was written"])
        #expect(try quantities()["acme"] == 3 * coreHour)
    }

    @Test func whatMovedGoesBackOnce() throws {
        let done = try firm.app.assignUsage(to: "acme", words)
        _ = firm.notices.take()
        let undone = try firm.app.unassignUsage(done.number)
        #expect(undone.number == done.number && undone.sides.map(\.hours) == [-3, 3])
        #expect(undone.sides.map(\.money?.after) == [0, 360])
        #expect(firm.notices.take() == ["assignment \(done.number) was undone"])
        #expect(try quantities() == ["lab": 10 * coreHour])
        #expect(try firm.app.assignments().isEmpty)
        for number in [done.number, 77] {
            try refusal(.badData, at: "assignment \(number)") {
                try firm.app.unassignUsage(number)
            }
        }
    }

    /// Hours that moved on cannot be taken back from whom they went to first.
    @Test func whatMovedOnDoesNotGoBack() throws {
        let first = try firm.app.assignUsage(to: "acme", words)
        let on = HandOverWords(
            container: "vm", fromTenant: "acme", from: "2025-01-01T03:00:00Z",
            to: "2025-01-01T04:00:00Z")
        let second = try firm.app.assignUsage(to: "lab", on)
        #expect(second.sides.map(\.hours) == [-1, 1])
        try refusal(.badData, at: "assignment \(first.number)") {
            try firm.app.unassignUsage(first.number)
        }
        // Newest first.
        #expect(try firm.app.assignments().map(\.number) == [second.number, first.number])
        _ = try firm.app.unassignUsage(second.number)
        _ = try firm.app.unassignUsage(first.number)
        #expect(try quantities() == ["lab": 10 * coreHour])
    }

    /// Who owns hours to come is for the rules to say: an end ahead is cut to the present hour.
    @Test func anEndAheadIsCut() throws {
        for end in [nil, "2999-01-01"] {
            let all = HandOverWords(container: "vm", from: "2025-01-01", to: end)
            let done = try firm.app.assignUsage(to: "acme", all)
            #expect(done.sides.map(\.hours) == [10, -10])
            _ = try firm.app.unassignUsage(done.number)
        }
    }

    @Test(
        arguments: [
            ("2025-01-01T02:30:00Z", nil, "--from"), ("soon", nil, "--from"),
            ("2025-01-01", "2025-01-01T05:00:01Z", "--to"), ("2025-01-01", "never", "--to"),
            ("2025-01-01", "2025-01-01", "--to"), ("2025-01-02", "2025-01-01", "--to"),
            // It would begin after the present hour.
            ("2999-01-01", nil, "--to"), ("2999-01-01", "2999-01-02", "--to"),
        ] as [(String, String?, String)])
    func onlyWholePastHoursMove(from: String, to: String?, option: String) throws {
        try refusal(.wrongUse, at: option) {
            try firm.app.assignUsage(
                to: "acme", HandOverWords(container: "vm", from: from, to: to))
        }
        #expect(try quantities() == ["lab": 10 * coreHour])
    }

    @Test(
        arguments: [
            ("nobody", "vm", nil, "2025-01-01", "tenant \"nobody\""),
            ("acme", "none", nil, "2025-01-01", "container \"none\""),
            // After the last hour of use, of another tenant, and what is the tenant's own already.
            ("acme", "vm", nil, "2025-01-02", "container \"vm\""),
            ("acme", "vm", "acme", "2025-01-01", "container \"vm\""),
            ("lab", "vm", nil, "2025-01-01", "container \"vm\""),
        ] as [(String, String, String?, String, String)])
    func whatIsNotThereDoesNotMove(
        tenant: String, container: String, owner: String?, from: String, place: String
    ) throws {
        try refusal(.badData, at: place) {
            try firm.app.assignUsage(
                to: tenant, HandOverWords(container: container, fromTenant: owner, from: from))
        }
        #expect(try firm.app.assignments().isEmpty)
        #expect(firm.notices.take() == [])
    }

    /// The same name of two tenants is two containers: the operator has to say whose.
    @Test func aNameOfTwoTenantsHasToBeChosen() throws {
        _ = try firm.app.addTenant("third", priceBook: "standard", rules: [], keeping: [])
        try firm.use("acme", "vm", 4 * coreHour, over: hours(0, 4))
        let all = HandOverWords(container: "vm", from: "2025-01-01")
        let fault = try refusal(.badData, at: "container \"vm\"") {
            try firm.app.assignUsage(to: "third", all)
        }
        #expect(fault.problem.contains("acme (4 h)") && fault.problem.contains("lab (10 h)"))
        var own = all
        own.fromTenant = "acme"
        #expect(try firm.app.assignUsage(to: "third", own).sides.map(\.hours) == [-4, 4])
        #expect(try quantities() == ["lab": 10 * coreHour, "third": 4 * coreHour])
    }
}
