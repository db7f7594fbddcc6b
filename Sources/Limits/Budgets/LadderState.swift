import Units

/// What is known of a tenant's spending at one moment: a look at its budget.
///
/// An amount of zero or less is a budget of nothing: every threshold is passed as soon as anything
/// is spent, and none before.
public struct Spending: Hashable, Sendable {
    /// The budget, in the currency of the tenant's price book.
    public var amount: Rational
    public var spent: Rational
    /// What will have been spent when the period ends.
    public var forecast: Rational
    public var periodStart: Instant
    public var at: Instant
    /// Whether metering is up to date.
    public var isFresh: Bool
    public var isExempt: Bool

    public init(
        amount: Rational, spent: Rational, forecast: Rational, periodStart: Instant, at: Instant,
        isFresh: Bool = true, isExempt: Bool = false
    ) {
        (self.amount, self.spent, self.forecast) = (amount, spent, forecast)
        (self.periodStart, self.at) = (periodStart, at)
        (self.isFresh, self.isExempt) = (isFresh, isExempt)
    }

    /// How much of the budget is spent, in percent; `nil` for a budget of nothing.
    public var percent: Rational? { percent(spent) }

    /// So much money as a percentage of the budget; `nil` for a budget of nothing.
    func percent(_ money: Rational) -> Rational? {
        amount > .zero ? money * Rational(100) / amount : nil
    }

    /// Whether a step's threshold is passed; that of a warning also by the forecast.
    public func passes(_ step: Ladder.Step) -> Bool { BudgetShare(self).passes(step) }
}

/// What is spent and forecast of a budget, in percent; `nil` is more than any percentage.
struct BudgetShare {
    private let spent: Rational?
    private let forecast: Rational?

    init(_ spending: Spending) {
        func share(_ money: Rational) -> Rational? {
            money > .zero ? spending.percent(money) : .zero
        }
        (spent, forecast) = (share(spending.spent), share(spending.forecast))
    }

    /// Whether a step's threshold is passed; that of a warning also by the forecast.
    func passes(_ step: Ladder.Step) -> Bool {
        reaches(spent, Rational(step.at))
            || (step.action == .warn && reaches(forecast, Rational(100)))
    }

    /// Whether a step may be left: below `leave` percent of all that makes it passed.
    func isBelow(_ step: Ladder.Step, leave: Int64) -> Bool {
        !reaches(spent, Rational(step.at) * Rational(leave) / Rational(100))
            && (step.action != .warn || !reaches(forecast, Rational(leave)))
    }

    private func reaches(_ share: Rational?, _ percent: Rational) -> Bool {
        share.map { $0 >= percent } ?? true
    }
}

/// Where a tenant stands on its ladder.
///
/// It belongs to one ladder: with another, the tenant begins anew.
public struct LadderState: Hashable, Sendable {
    /// The number of steps in force.
    public var rung = 0
    /// When that number changed; `nil` if it never did.
    public var since: Instant?
    /// The period and the budget at the last look.
    public var periodStart: Instant
    public var amount: Rational
    /// For each step, since when its threshold has been passed; `nil` if it is not.
    public var pastSince: [Instant?] = []
    /// In how many looks running the last step in force could be left.
    public var belowCount = 0
    /// The cores of the cap that is in force, and since when it is what it is; set by the enforcer.
    public var cap: Rational?
    public var capSince: Instant?

    /// The state before the first look.
    public init(before first: Spending) {
        (periodStart, amount) = (first.periodStart, first.amount)
    }
}

/// What a look at the budget comes to.
public struct LadderStep: Hashable, Sendable {
    public var state: LadderState
    public var move: Move

    public enum Move: Hashable, Sendable {
        case stay
        /// The step that is now in force too.
        case up(Ladder.Step)
        /// So many steps remain in force.
        case down(to: Int, because: Relief)
        /// Something else would have been done.
        case held(Hold)
    }

    /// Why steps are left.
    public enum Relief: String, Sendable, CaseIterable {
        case spentLess = "less is spent"
        case newPeriod = "a new period began"
        case raisedBudget = "the budget was raised"
        case exempt = "the tenant is exempt"
    }

    /// Why the next step is not taken.
    public enum Hold: String, Sendable, CaseIterable {
        case stale = "metering is not up to date"
        case exempt = "the tenant is exempt"
        case grace = "the threshold has not been passed for long enough"
        case dwell = "the last change is too recent"
        case turn = "other tenants go first in this tick"
    }
}
