import ArgumentParser
import Limits
import Reporting
import Settings
import Store
import Units

struct BudgetShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a tenant's budget, its ladder, which steps are in force, and since when.",
        discussion: """
            EXAMPLE
              octroi budget show acme
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Argument(help: "A tenant's id.")
    var tenant: String

    func run() throws {
        let store = try place.store(.read)
        guard let line = try budgetLines(store, place.settings().zone, tenant).first else {
            throw Fault(
                .badData, at: "tenant \(harmless(tenant))", found: "it has no budget",
                cure: "octroi budget set gives it one; octroi budget list shows those there are")
        }
        let ladder = try store.ladders().first { $0.id == line.budget.ladder }
        let steps = ladder?.steps ?? []
        let sheet = Sheet(
            columns: ["step", "at_percent", "does", "in_force", "since"],
            rows: steps.enumerated().map { index, step in
                let isInForce = index < line.state?.rung ?? 0
                let isLast = index + 1 == line.state?.rung
                return [
                    .integer(Int128(index + 1)), .integer(Int128(step.at)), .text("\(step.action)"),
                    .flag(isInForce),
                    isLast ? line.state?.since.map { .time($0) } ?? .none : .none,
                ]
            }, title: title(line), headings: ["at_percent": "at %", "in_force": "in force"])
        try show(sheet, output.format)
    }

    private func title(_ line: BudgetLine) -> String {
        guard let money = line.money else {
            return "\(tenant): \(line.budget.amount) a \(line.budget.per.rawValue). "
                + (line.fault.map { "\($0)" } ?? "")
        }
        func text(_ amount: Rational) -> String {
            if case .exact(_, let display?) = line.cell(amount) { display } else { "" }
        }
        var words = "\(tenant): \(text(money.spent)) of \(line.budget.amount) \(money.currency) "
        words += "spent (\(line.percent ?? "all of nothing") %) since \(money.period.start), "
        words += "\(text(money.forecast)) forecast by \(money.period.end)"
        if let until = line.budget.exemptUntil { words += ", exempt until \(until)" }
        if let reason = line.budget.exemptReason { words += " (\(harmless(reason)))" }
        return words
    }
}

struct BudgetSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Replay a policy over recorded usage: what it would have done, and when.",
        discussion: """
            Rates every hour of the period as it was used, and climbs the ladders of the file with \
            it. Nothing is written. What a step would have changed of the usage is not known, so \
            spending goes on as it was.

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
        let files = try ContractFiles(reading: [policy])
        let store = try place.store(.read)
        let zone = try place.settings().zone
        let period = try period.period(in: zone)
        let ladders =
            try store.ladders().filter { old in
                !files.ladders.contains { $0.id == old.id }
            } + files.ladders
        let budgets = files.budgets.filter { tenant == nil || $0.tenant == tenant }
        guard !budgets.isEmpty else {
            throw Fault(
                .badData, at: policy,
                found: tenant.map { "no budget of tenant \(harmless($0))" } ?? "no budget",
                cure: "Write budgets: with one line for each tenant")
        }
        var rows: [[Cell]] = []
        for budget in budgets {
            rows += try simulated(budget, ladders, store, period, zone)
        }
        try show(
            Sheet(
                columns: ["tenant", "at", "steps", "does", "percent", "reason"], rows: rows,
                title: rows.isEmpty ? "Nothing would have been done in \(period)" : nil,
                headings: ["percent": "%"]), output.format)
    }

    private func simulated(
        _ budget: Budget, _ ladders: [Ladder], _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws(Fault) -> [[Cell]] {
        guard let ladder = ladders.first(where: { $0.id == budget.ladder }) else {
            throw Fault(
                .badData, at: "\(policy), budget of tenant \(budget.tenant)",
                found: budget.ladder.map { "no ladder \"\(harmless($0))\"" } ?? "no ladder",
                cure:
                    "Name one of \(ladders.map(\.id).joined(separator: ", ")), or add it to the file"
            )
        }
        var looks: [Spending] = []
        for (span, points) in try spans(budget, store, period, zone) {
            for point in points {
                let elapsed = Rational(point.at.milliseconds - span.start.milliseconds)
                let whole = Rational(span.end.milliseconds - span.start.milliseconds)
                looks.append(
                    Spending(
                        amount: budget.amount.value, spent: point.spent,
                        forecast: point.spent * whole / elapsed, periodStart: span.start,
                        at: point.at))
            }
        }
        return simulate(ladder, budget, looks).moves.map { move in
            let verb = move.to > move.from ? "" : "leave "
            return [
                .text(move.tenant), .time(move.at), .integer(Int128(move.to)),
                .text(verb + move.steps.map { "\($0.action)" }.joined(separator: ", ")),
                .optional(
                    move.percent.map { decimalText(($0 * Rational(10)).floor, places: 1) }),
                .text(move.reason),
            ]
        }
    }

    /// The budget's own periods in the one asked for, each with what was spent by every hour's end.
    private func spans(
        _ budget: Budget, _ store: Store, _ period: Period, _ zone: BillingZone
    ) throws(Fault) -> [(span: Period, points: [(at: Instant, spent: Rational)])] {
        var result: [(Period, [(at: Instant, spent: Rational)])] = []
        var start = period.start
        while start < period.end {
            let span = budget.per.around(start, in: zone)
            guard let part = Period(start: span.start, end: min(span.end, period.end)) else {
                break
            }
            result.append(
                (span, try store.spendingHistory(of: budget.tenant, over: part, in: zone)))
            start = span.end
        }
        return result
    }
}
