import App
import Limits
import Reporting
import TestSupport
import Testing
import Units

/// What a policy would have done to usage that was recorded.
@Suite struct SimulatingBudgetsTests {
    private let firm: Firm

    /// Ten hours of one core in a row: 0.36 an hour, and nothing more after that.
    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 10 * coreHour, over: hours(0, 10))
    }

    private let ladder = """
        ladders:
          - id: mild
            dwell: 0s
            grace: 0s
            steps: [ { at: 50, do: warn }, { at: 100, do: weight, value: 25 } ]

        """

    private func policy(_ budgets: String, _ ladders: String? = nil) throws -> String {
        try firm.file("policy.yaml", (ladders ?? ladder) + "budgets: [ \(budgets) ]\n")
    }

    private func simulate(
        _ policy: String, _ count: Int64, tenant: String? = nil
    ) throws -> SimulationAnswer {
        try firm.app.simulateBudgets(policy: policy, over: hours(0, count), tenant: tenant)
    }

    @Test func stepsAreTakenWhenTheyWouldHaveBeen() throws {
        let answer = try simulate(
            policy("{ tenant: acme, amount: \"3.00\", per: month, ladder: mild }"), 20)
        let moves = answer.results.flatMap(\.simulation.moves)
        // The forecast of the month is far beyond 3.00 at once; 3.00 are spent after 8 h 20 min.
        #expect(
            moves.map(\.at.description) == ["2025-01-01T00:05:00Z", "2025-01-01T08:20:00Z"])
        #expect(moves.map(\.from) == [0, 1] && moves.map(\.to) == [1, 2])
        #expect(moves[1].percent == Rational(100))
        let sheet = answer.sheet
        #expect(sheet.columns == ["tenant", "at", "steps", "does", "percent", "reason"])
        #expect(
            sheet.rows[1].prefix(5) == [
                .text("acme"), .text("2025-01-01T08:20:00Z"), .integer(2), .text("weight 25"),
                .text("100.0"),
            ])
        #expect(sheet.rows[0][3] == .text("warn") && sheet.rows[0][4] == .text("1.0"))
        // From 00:05 and from 08:20 until 20:00.
        #expect(sheet.title == "acme: warn for 19.9 h, weight 25 for 11.7 h")
        #expect(try firm.app.budgets().isEmpty, "nothing is written")
    }

    /// A new day begins at 0, so the steps of the day before are left.
    @Test func aNewDayLeavesTheSteps() throws {
        let answer = try simulate(
            policy("{ tenant: acme, amount: \"3.00\", per: day, ladder: mild }"), 48)
        let rows = answer.sheet.rows
        #expect(rows.count == 3)
        #expect(
            rows[2] == [
                .text("acme"), .text("2025-01-02T00:05:00Z"), .integer(0),
                .text("leave warn, weight 25"), .text("0.0"), .text("a new period began"),
            ])
    }

    @Test func aBudgetThatIsLargeDoesNothing() throws {
        let answer = try simulate(
            policy("{ tenant: acme, amount: \"1000000\", ladder: mild }"), 20)
        #expect(answer.sheet.rows.isEmpty)
        #expect(answer.sheet.title == "acme: nothing would have been done")
    }

    /// Of a budget of nothing, all is spent with the first cent; there is no percentage of it.
    @Test func aBudgetOfNothingIsSpentAtOnce() throws {
        let answer = try simulate(policy("{ tenant: acme, amount: \"0\", ladder: mild }"), 1)
        let rows = answer.sheet.rows
        #expect(rows.map { $0[1] } == ["05", "10"].map { .text("2025-01-01T00:\($0):00Z") })
        #expect(rows.allSatisfy { $0[4] == .none })
    }

    @Test func budgetsAreSimulatedOneByOne() throws {
        let file = try policy(
            "{ tenant: acme, amount: \"3\", ladder: mild }, "
                + "{ tenant: lab, amount: \"3\", ladder: mild }")
        #expect(try simulate(file, 20).results.map(\.budget.tenant) == ["acme", "lab"])
        #expect(
            try simulate(file, 20).sheet.title?.split(separator: "\n").last
                == "lab: nothing would have been done")
        #expect(try simulate(file, 20, tenant: "lab").results.map(\.budget.tenant) == ["lab"])
        let fault = try refusal(.badData, at: file) { try simulate(file, 20, tenant: "other") }
        #expect(fault.problem.contains("other"))
    }

    /// The ladders of the store are there, too, but those of the file come first.
    @Test func laddersOfTheFileComeFirst() throws {
        var request = ApplyRequest()
        request.files = [
            try firm.file(
                "stored.yaml",
                """
                ladders:
                  - { id: mild, steps: [ { at: 80, do: freeze } ] }
                  - { id: hard, steps: [ { at: 70, do: no_forks } ] }
                """)
        ]
        _ = try firm.app.apply(request)
        let file = try policy(
            "{ tenant: acme, amount: \"3\", ladder: mild }, "
                + "{ tenant: lab, amount: \"3\", ladder: hard }")
        let ladders = try simulate(file, 1).results.map(\.ladder)
        #expect(ladders.map { $0.steps.map(\.at) } == [[50, 100], [70]])
    }

    @Test func aPolicyNeedsBudgetsAndTheirLadders() throws {
        let none = try firm.file("none.yaml", ladder)
        try refusal(.badData, at: none) { try simulate(none, 20) }
        let unknown = try policy("{ tenant: acme, amount: \"3\", ladder: wild }")
        let fault = try refusal(.badData, at: "\(unknown), budget of tenant acme") {
            try simulate(unknown, 20)
        }
        #expect(fault.problem.contains("wild") && fault.suggestion.contains("mild"))
        let bare = try policy("{ tenant: acme, amount: \"3\" }")
        try refusal(.badData, at: "\(bare), budget of tenant acme") { try simulate(bare, 20) }
        let nowhere = "\(firm.folder.path)/nowhere.yaml"
        try refusal(.unavailable, at: nowhere) { try simulate(nowhere, 20) }
        let nobody = try policy("{ tenant: nobody, amount: \"3\", ladder: mild }")
        try refusal(.badData, at: "tenant nobody") { try simulate(nobody, 20) }
    }
}
