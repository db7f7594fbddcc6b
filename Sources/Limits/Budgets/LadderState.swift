import Units

/// A tenant's spending at one moment, compared with its budget.
///
/// An amount of zero or less is a budget of nothing: every threshold is passed as soon as anything
/// is spent, and none before.
public struct Spending: Hashable, Sendable {
    /// The budget, in the currency of the tenant's price book.
    public var amount: Rational
    /// The money spent in the period so far.
    public var spent: Rational
    /// The money that will have been spent when the period ends.
    public var forecast: Rational
    /// The start of the budget's period.
    public var periodStart: Instant
    /// When the comparison is made.
    public var at: Instant
    /// Whether metering is up to date.
    public var isFresh: Bool
    /// Whether the tenant is exempt from its budget now.
    public var isExempt: Bool

    /// Creates a comparison; by default it is fresh, and the tenant is not exempt.
    public init(
        amount: Rational, spent: Rational, forecast: Rational, periodStart: Instant, at: Instant,
        isFresh: Bool = true, isExempt: Bool = false
    ) {
        (self.amount, self.spent, self.forecast) = (amount, spent, forecast)
        (self.periodStart, self.at) = (periodStart, at)
        (self.isFresh, self.isExempt) = (isFresh, isExempt)
    }

    /// The part of the budget that is spent, in percent; `nil` for a budget of nothing.
    public var percent: Rational? { percent(spent) }

    /// An amount of money as a percentage of the budget; `nil` for a budget of nothing.
    func percent(_ money: Rational) -> Rational? {
        amount > .zero ? money * Rational(100) / amount : nil
    }

    /// Whether a step's threshold is passed, by spending or, for a warning, by the forecast.
    public func passes(_ step: Ladder.Step) -> Bool { BudgetShare(self).passes(step) }
}

/// Spending and forecast in percent of a budget; `nil` is more than any percentage.
struct BudgetShare {
    private let spent: Rational?
    private let forecast: Rational?

    init(_ spending: Spending) {
        func share(_ money: Rational) -> Rational? {
            money > .zero ? spending.percent(money) : .zero
        }
        (spent, forecast) = (share(spending.spent), share(spending.forecast))
    }

    /// Whether a step's threshold is passed, by spending or, for a warning, by the forecast.
    ///
    /// A warning also comes when the forecast reaches 100 %.
    func passes(_ step: Ladder.Step) -> Bool {
        reaches(spent, Rational(step.at))
            || (step.action == .warn && reaches(forecast, Rational(100)))
    }

    /// Whether a step may be left.
    ///
    /// That takes spending below `leave` percent of the step's threshold; for a warning, the
    /// forecast must be below `leave` percent of the budget as well.
    func isBelow(_ step: Ladder.Step, leave: Int64) -> Bool {
        !reaches(spent, Rational(step.at) * Rational(leave) / Rational(100))
            && (step.action != .warn || !reaches(forecast, Rational(leave)))
    }

    /// Whether a share reaches a percentage; a share of `nil` reaches every one.
    private func reaches(_ share: Rational?, _ percent: Rational) -> Bool {
        share.map { $0 >= percent } ?? true
    }
}

/// A tenant's place on its ladder.
///
/// It belongs to one ladder: with another one, the tenant starts at the bottom again.
public struct LadderState: Hashable, Sendable {
    /// The number of steps in force.
    public var rung = 0
    /// When `rung` last changed; `nil` if it never did.
    public var since: Instant?
    /// The start of the budget's period in the last comparison.
    public var periodStart: Instant
    /// The budget in the last comparison.
    public var amount: Rational
    /// Since when each step's threshold has been passed; `nil` if it is not.
    public var pastSince: [Instant?] = []
    /// The number of consecutive comparisons in which the last step could have been left.
    public var belowCount = 0
    /// The CPU cap in force, in cores; set by the enforcer.
    public var cap: Rational?
    /// Since when a paced cap has had its value; set by the enforcer.
    public var capSince: Instant?

    /// The state before the first comparison.
    public init(before first: Spending) {
        (periodStart, amount) = (first.periodStart, first.amount)
    }
}

/// The outcome of one comparison.
public struct LadderStep: Hashable, Sendable {
    /// The state to start the next comparison with.
    public var state: LadderState
    /// What changes now.
    public var move: Move

    /// What a comparison leads to.
    public enum Move: Hashable, Sendable {
        /// Nothing changes.
        case stay
        /// One more step is taken.
        case up(Ladder.Step)
        /// Steps are left; the first `to` steps remain in force.
        case down(to: Int, because: Relief)
        /// A change is due, but has to wait.
        case held(Hold)
    }

    /// Why steps are left.
    ///
    /// The raw value says it in words, as the reason of the change.
    public enum Relief: String, Sendable, CaseIterable {
        /// Spending fell below the last step's threshold.
        case spentLess = "less is spent"
        /// A new day or month began.
        case newPeriod = "a new period began"
        /// The budget is larger than in the comparison before.
        case raisedBudget = "the budget was raised"
        /// An operator exempted the tenant.
        case exempt = "the tenant is exempt"
    }

    /// Why a change has to wait.
    ///
    /// The raw value says it in words.
    public enum Hold: String, Sendable, CaseIterable {
        /// Metering is out of date.
        case stale = "metering is not up to date"
        /// The tenant is exempt.
        case exempt = "the tenant is exempt"
        /// The threshold has not been passed for long enough.
        case grace = "the threshold has not been passed for long enough"
        /// The last change is too recent.
        case dwell = "the last change is too recent"
        /// `maxTenantsPerTick` other tenants are tightened in this tick.
        case turn = "other tenants go first in this tick"
    }
}
