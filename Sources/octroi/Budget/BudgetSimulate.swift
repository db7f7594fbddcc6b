import ArgumentParser
import Daemon
import Limits
import Reporting
import Settings
import Billing
import Store
import Units

struct BudgetSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate a policy: what it would have done to recorded usage, and when.",
        discussion: """
            Computes the spending of every hour of the period, and climbs the ladders of the \
            file with it, every 5 minutes, as if spending grew evenly within an hour. Nothing is \
            written.

            A step would have changed the usage; how is not known, so spending goes on as it \
            was. max_tenants_per_tick is ignored. Budgets and ladders come from the file, never \
            from octroi budget set.

            EXAMPLES
              octroi budget simulate --policy budgets.yaml --month 2026-10
              octroi budget simulate --policy strict.yaml --month 2026-10 --tenant acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var period: PeriodOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("A file with budgets: and ladders:.", valueName: "file"))
    var policy: String

    @Option(help: "Only this tenant.")
    var tenant: String?

    func run() throws {
        let zone = try place.settings().zone
        let files = try ContractFiles(reading: [policy], in: zone)
        let store = try place.store(.read)
        let period = try period.period(in: zone)
        let ladders =
            try store.ladders().filter { old in
                !files.ladders.contains { $0.id == old.id }
            } + files.ladders
        let budgets = files.budgets.filter { tenant == nil || $0.tenant == tenant }
        guard !budgets.isEmpty else {
            throw Fault(
                .badData, at: policy,
                problem: tenant.map { "no budget of tenant \(escapingControlCharacters($0))" }
                    ?? "no budget",
                suggestion: "Write budgets: with one line for each tenant")
        }
        var rows: [[Cell]] = []
        var title: [String] = []
        for budget in budgets {
            let (ladder, result) = try simulated(budget, ladders, store, period, zone)
            rows += result.moves.map(row)
            title.append("\(budget.tenant): \(summary(ladder, result))")
        }
        try show(
            Sheet(
                columns: ["tenant", "at", "steps", "does", "percent", "reason"], rows: rows,
                title: title.joined(separator: "\n"),
                headings: ["percent": "%"]), output.format)
    }

    private func simulated(
        _ budget: Budget, _ ladders: [Ladder], _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws(Fault) -> (Ladder, LadderSimulation) {
        guard let ladder = ladders.first(where: { $0.id == budget.ladder }) else {
            throw Fault(
                .badData, at: "\(policy), budget of tenant \(budget.tenant)",
                problem: budget.ladder.map { "no ladder \"\(escapingControlCharacters($0))\"" }
                    ?? "no ladder",
                suggestion:
                    "Name one of \(ladders.map(\.id).joined(separator: ", ")), or add it to the file"
            )
        }
        let now = Host.wallTime()
        let looks = try spans(budget, store, period, zone, now).flatMap { span, points in
            recordedLooks(points, over: span, everyMilliseconds: 300_000).filter { $0.at <= now }
        }
        return (ladder, simulate(ladder, budget, looks))
    }

    private func row(_ move: SimulatedMove) -> [Cell] {
        let verb = move.to > move.from ? "" : "leave "
        return [
            .text(move.tenant), .time(move.at), .integer(Int128(move.to)),
            .text(verb + move.steps.map { "\($0.action)" }.joined(separator: ", ")),
            .optional(move.percent.map { decimalText(($0 * Rational(10)).floor, places: 1) }),
            .text(move.reason),
        ]
    }

    /// `warn for 26.0 h, weight 25 for 3.5 h`.
    private func summary(_ ladder: Ladder, _ result: LadderSimulation) -> String {
        let parts = ladder.steps.enumerated().compactMap { index, step -> String? in
            let length = result.milliseconds.dropFirst(index + 1).reduce(0, +)
            guard length > 0 else { return nil }
            let hours = Rational(length) / Rational(360_000)
            return "\(step.action) for \(decimalText(Rounding.halfEven.round(hours), places: 1)) h"
        }
        return parts.isEmpty ? "nothing would have been done" : parts.joined(separator: ", ")
    }

    /// The budget's own periods in the one asked for, each with what was spent by every hour's end.
    private func spans(
        _ budget: Budget, _ store: Store, _ period: Period, _ zone: BillingZone, _ now: Instant
    ) throws(Fault) -> [(span: Period, points: [(at: Instant, spent: Rational)])] {
        var result: [(Period, [(at: Instant, spent: Rational)])] = []
        var start = period.start
        let end = min(period.end, now.startOfHour.advanced(bySeconds: 3600))
        while start < end {
            let span = budget.per.around(start, in: zone)
            guard let part = Period(start: span.start, end: min(span.end, end)) else {
                break
            }
            result.append(
                (span, try store.spendingHistory(of: budget.tenant, over: part, in: zone)))
            start = span.end
        }
        return result
    }
}
