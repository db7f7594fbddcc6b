import Billing
import Enforcing
import Host
import Invoicing
import Limits
import Store
import Units

/// A change of a tenant's budget, as a person writes it; fields that are `nil` do not change.
///
/// Example: `BudgetWords(amount: "500.00", per: "month", ladder: "gentle")`.
public struct BudgetWords: Sendable {
    /// The money for each period, such as `500.00`.
    ///
    /// It is before taxes, in the currency of the tenant's price book.
    public var amount: String?
    /// The period: `month` or `day`.
    public var per: String?
    /// The id of a ladder, or `none`.
    public var ladder: String?
    /// The end of the exemption: a time, a date of the billing zone, or `none`.
    public var exemptUntil: String?
    /// Why, for the record; also shown as the reason of an exemption.
    public var reason: String?

    /// Creates a change; by default nothing changes.
    public init(
        amount: String? = nil, per: String? = nil, ladder: String? = nil,
        exemptUntil: String? = nil, reason: String? = nil
    ) {
        (self.amount, self.per, self.ladder) = (amount, per, ladder)
        (self.exemptUntil, self.reason) = (exemptUntil, reason)
    }
}

extension App {
    /// All budgets with the present spending, by tenant id.
    public func budgets() throws(Fault) -> [BudgetLine] { try lines(store(.read), nil) }

    /// A tenant's budget with the present spending, and the steps of its ladder.
    ///
    /// - Returns: no steps if the budget has no ladder.
    /// - Throws: `badData` if the tenant has no budget.
    public func budget(of tenant: String) throws(Fault) -> (line: BudgetLine, steps: [Ladder.Step])
    {
        let store = try store(.read)
        guard let line = try lines(store, tenant).first else {
            throw Fault(
                .badData, at: "tenant \(escapingControlCharacters(tenant))",
                problem: "it has no budget",
                suggestion:
                    "octroi budget set gives it one; octroi budget list shows those there are")
        }
        let ladder = try store.ladders().first { $0.id == line.budget.ladder }
        return (line, ladder?.steps ?? [])
    }

    /// Creates or changes a tenant's budget.
    ///
    /// The daemon compares spending with it from its next tick on. The change is recorded in the
    /// history of limits.
    ///
    /// - Throws: `wrongUse` for words that are not a budget; `badData` for an unknown tenant or
    ///   ladder, and for a tenant without a price book.
    public func setBudget(of tenant: String, _ words: BudgetWords) throws(Fault) -> Changes {
        let store = try store(.write)
        let known = try store.budgets().first { $0.budget.tenant == tenant }?.budget
        let budget = try changed(known, of: tenant, words)
        let was = known.map { ", was \($0.words)" } ?? ""
        let record = record(of: tenant, "budget \(budget.words)\(was)", words.reason)
        return Changes(
            lines: try store.setBudget(budget, at: Host.wallTime(), record: record))
    }

    /// Removes a tenant's budget.
    ///
    /// The daemon lifts the limits of its ladder at the next tick.
    ///
    /// - Parameter reason: why, for the record.
    /// - Throws: `badData` if the tenant has no budget.
    public func removeBudget(of tenant: String, reason: String? = nil) throws(Fault) -> Changes {
        let store = try store(.write)
        let record = record(of: tenant, "its budget was removed", reason)
        return Changes(lines: try store.removeBudget(of: tenant, record: record))
    }

    /// The budget after a change.
    ///
    /// - Parameter known: the present budget; `nil` if the tenant has no budget yet. A new
    ///   budget is for each month.
    /// - Throws: `wrongUse` for words that are not a budget.
    private func changed(
        _ known: Budget?, of tenant: String, _ words: BudgetWords
    ) throws(Fault) -> Budget {
        let place = "budget of \(escapingControlCharacters(tenant))"
        guard let text = words.amount ?? known?.amount.description else {
            throw wrong(place, "no amount", "Give one, such as 500.00")
        }
        guard let money = Budget.Amount(text) else {
            throw wrong(
                "\(place), amount", "\(quoted(text)), which is no amount of money",
                "Write a decimal without an exponent, such as 500.00")
        }
        var budget = known ?? Budget(tenant: tenant, amount: money, per: .month)
        budget.amount = money
        if let per = words.per {
            guard let span = Budget.Span(rawValue: per) else {
                throw wrong("--per", "\"\(escapingControlCharacters(per))\"", "Write month or day")
            }
            budget.per = span
        }
        if let ladder = words.ladder { budget.ladder = ladder == "none" ? nil : ladder }
        if let until = words.exemptUntil {
            let end = try until == "none" ? nil : readTime("--exempt-until", until, in: zone())
            if let end, end <= Host.wallTime() {
                throw wrong("--exempt-until", "\(end) is over", "Name a time to come, or none")
            }
            (budget.exemptUntil, budget.exemptReason) = (end, end == nil ? nil : words.reason)
        }
        return budget
    }

    /// The entry for the history of limits: who changed the budget, when, how and why.
    ///
    /// - Parameters:
    ///   - what: the new budget and the old one, in words.
    ///   - why: the operator's reason.
    private func record(of tenant: String, _ what: String, _ why: String?) -> LimitChangeSet {
        LimitChangeSet(
            at: Host.wallTime(), uid: requester.uid, user: requester.user, target: tenant,
            tenant: tenant, action: .budget, outcome: .done,
            reason: [what, why].compactMap(\.self).joined(separator: ": "))
    }

    private func wrong(_ location: String, _ problem: String, _ suggestion: String) -> Fault {
        Fault(.wrongUse, at: location, problem: problem, suggestion: suggestion)
    }

    /// The budgets of all tenants, or of one, with the present spending, by tenant id.
    private func lines(_ store: Store, _ tenant: String?) throws(Fault) -> [BudgetLine] {
        let zone = try zone()
        let budgets = try store.budgets().filter { tenant == nil || $0.budget.tenant == tenant }
        var lines: [BudgetLine] = []
        // Spending is read once for all budgets with the same period: it takes a pass over the
        // ledger.
        for span in Budget.Span.allCases {
            let own = budgets.filter { $0.budget.per == span }
            guard !own.isEmpty else { continue }
            let spending = try store.spending(
                of: own.map(\.budget.tenant), per: span, in: zone, at: Host.wallTime())
            for (budget, state) in own {
                var line = BudgetLine(budget: budget, state: state)
                switch spending[budget.tenant] {
                case .success(let money)?: line.money = money
                case .failure(let fault)?: line.fault = fault
                case nil: break
                }
                lines.append(line)
            }
        }
        return lines.sorted { $0.budget.tenant < $1.budget.tenant }
    }
}
