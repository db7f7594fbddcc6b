import Billing
import Host
import Limits
import Reporting
import Settings
import Store
import Units

/// What the budgets of a policy would have done to recorded usage.
public struct SimulationAnswer: Sendable {
    /// For each budget of the policy: its ladder, and the moves up and down.
    public var results: [(budget: Budget, ladder: Ladder, simulation: LadderSimulation)]

    /// The moves, one row each; the title sums up how long each step would have been in force.
    public var sheet: Sheet {
        Sheet(
            columns: ["tenant", "at", "steps", "does", "percent", "reason"],
            rows: results.flatMap { $0.simulation.moves.map(row) },
            title: results.map { "\($0.budget.tenant): \(summary($0.ladder, $0.simulation))" }
                .joined(separator: "\n"),
            headings: ["percent": "%"])
    }

    /// A move as a row; steps that are left read `leave STEP`.
    private func row(_ move: SimulatedMove) -> [Cell] {
        let verb = move.to > move.from ? "" : "leave "
        return [
            .text(move.tenant), .time(move.at), .integer(Int128(move.to)),
            .text(verb + move.steps.map { "\($0.action)" }.joined(separator: ", ")),
            .optional(move.percent.map { decimalText(($0 * Rational(10)).floor, places: 1) }),
            .text(move.reason),
        ]
    }

    /// How long each step would have been in force: `warn for 26.0 h, weight 25 for 3.5 h`.
    ///
    /// A step stays in force when later steps are taken, and its time goes on.
    private func summary(_ ladder: Ladder, _ result: LadderSimulation) -> String {
        let parts = ladder.steps.enumerated().compactMap { index, step -> String? in
            let length = result.milliseconds.dropFirst(index + 1).reduce(0, +)
            guard length > 0 else { return nil }
            let hours = Rational(length) / Rational(360_000)
            return "\(step.action) for \(decimalText(Rounding.halfEven.round(hours), places: 1)) h"
        }
        return parts.isEmpty ? "nothing would have been done" : parts.joined(separator: ", ")
    }
}

extension App {
    /// Simulates what a policy would have done to recorded usage, and when.
    ///
    /// Nothing is written. Each budget is simulated from the start of the first day or month that
    /// the period touches, because spending counts from there. Ladders of the file take precedence
    /// over stored ones.
    ///
    /// - Parameters:
    ///   - policy: the path of a file with `budgets:` and `ladders:`.
    ///   - period: the time to simulate, up to now.
    ///   - tenant: only this tenant; `nil` for all.
    /// - Throws: `badData` if the file has no budget, or names a ladder that does not exist.
    public func simulateBudgets(
        policy: String, over period: Period, tenant: String? = nil
    ) throws(Fault) -> SimulationAnswer {
        let zone = try zone()
        let files = try ContractFiles(reading: [policy], in: zone)
        let store = try store(.read)
        let stored = try store.ladders().filter { old in
            !files.ladders.contains { $0.id == old.id }
        }
        let ladders = stored + files.ladders
        let budgets = files.budgets.filter { tenant == nil || $0.tenant == tenant }
        guard !budgets.isEmpty else {
            throw Fault(
                .badData, at: policy,
                problem: tenant.map { "no budget of tenant \(escapingControlCharacters($0))" }
                    ?? "no budget",
                suggestion: "Write budgets: with one line for each tenant")
        }
        var answer = SimulationAnswer(results: [])
        for budget in budgets {
            guard let ladder = ladders.first(where: { $0.id == budget.ladder }) else {
                throw missing(budget, policy, ladders)
            }
            let simulation = simulate(
                ladder, budget, try looks(budget, store, period, zone))
            answer.results.append((budget, ladder, simulation))
        }
        return answer
    }

    /// The fault for a budget whose ladder does not exist.
    private func missing(_ budget: Budget, _ policy: String, _ ladders: [Ladder]) -> Fault {
        Fault(
            .badData, at: "\(policy), budget of tenant \(budget.tenant)",
            problem: budget.ladder.map { "no ladder \"\(escapingControlCharacters($0))\"" }
                ?? "no ladder",
            suggestion:
                "Name one of \(ladders.map(\.id).joined(separator: ", ")), or add it to the file")
    }

    /// The comparisons that the daemon would have made for one budget, one every 5 minutes.
    ///
    /// - Returns: all of them up to now, oldest first.
    private func looks(
        _ budget: Budget, _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws(Fault) -> [Spending] {
        let now = Host.wallTime()
        // The hour that is running is the last one with usage.
        let end = min(period.end, now.startOfHour.advanced(bySeconds: 3600))
        var looks: [Spending] = []
        var start = period.start
        while start < end {
            let span = budget.per.around(start, in: zone)
            guard let part = Period(start: span.start, end: min(span.end, end)) else { break }
            // A budget starts at 0 in each of its days or months, so each of them is read by
            // itself.
            let points = try store.spendingHistory(of: budget.tenant, over: part, in: zone)
            looks += recordedLooks(points, over: span, everyMilliseconds: 300_000)
                .filter { $0.at <= now }
            start = span.end
        }
        return looks
    }
}
