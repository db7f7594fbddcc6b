import Host
import Invoicing
import CgroupFormat
import Enforcing
import Limits
import Billing
import Store
import Units

/// What limits cost in an hour, at the prices of the tenant's place in its month.
///
/// Example: `cpu=2` at 0.03645 an hour and core costs at most 0.0729 an hour.
struct HourlyCost {
    /// The tenant's prices; `nil` if nothing can be said of money.
    private let spending: TenantSpending?

    /// Reads the prices of a tenant.
    ///
    /// - Parameter tenant: without one, or without a price book, no costs are known.
    init(_ store: Store, _ tenant: String?, in zone: BillingZone) throws(Fault) {
        guard let tenant,
            case .success(let spending)? = try store.spending(
                of: [tenant], per: .month, in: zone, at: Host.wallTime())[tenant]
        else {
            self.spending = nil
            return
        }
        self.spending = spending
    }

    /// What a limit costs in an hour: exact amounts in major units.
    ///
    /// `nil` is an amount without an upper bound, or one that is not known.
    struct Cost {
        /// The cost if the new limit is used in full.
        var most: Rational?
        /// The cost if the old limit was used in full.
        var before: Rational?
        /// The cost of what is used now.
        var now: Rational?
        /// The code of the currency.
        var currency: String
    }

    /// The cost of a planned write; `nil` for limits without a price.
    func cost(_ item: LimitPlan.Item) -> Cost? {
        let write = item.write
        switch (write.wanted, write.before) {
        case (.cpu(let wanted), .cpu(let before)):
            return cost(
                wanted.cores, before.cores,
                // If reserved CPU is billed, the present use does not show the cost.
                spending?.isCPUReserved == true ? nil : item.circumstances.cores,
                spending?.cpuPrice)
        case (.number(let wanted), .number(let before)) where write.key == .memoryMax:
            return cost(bytes(wanted), bytes(before), nil, spending?.memoryPrice)
        default: return nil
        }
    }

    /// The cost of three amounts, which are in cores or bytes.
    ///
    /// - Parameter price: for each second.
    private func cost(
        _ wanted: Rational?, _ before: Rational?, _ now: Rational?, _ price: Rational?
    ) -> Cost? {
        guard let price, let currency = spending?.currency.code else { return nil }
        func hourly(_ amount: Rational) -> Rational { amount * price * Rational(3600) }
        return Cost(
            most: wanted.map(hourly), before: before.map(hourly), now: now.map(hourly),
            currency: currency)
    }

    /// The cost in words: `at most 0.0202 EUR; was 0.0607; now 0.0729`.
    ///
    /// - Returns: `nil` for limits without a price.
    func words(_ item: LimitPlan.Item) -> String? {
        guard let cost = cost(item) else { return nil }
        func text(_ amount: Rational) -> String {
            decimalText(Rounding.halfEven.round(amount * Rational(10_000)), places: 4)
        }
        let most = cost.most.map { "at most \(text($0)) \(cost.currency)" } ?? "without bound"
        let was =
            cost.before == cost.most
            ? nil : cost.before.map { "was \(text($0))" } ?? "was without bound"
        let parts = [most, was, cost.now.map { "now \(text($0))" }].compactMap(\.self)
        return parts.joined(separator: "; ")
    }

    /// The bytes of a memory limit; `nil` for no limit.
    private func bytes(_ limit: Limit) -> Rational? {
        switch limit {
        case .max: nil
        case .at(let bytes): Rational(bytes)
        }
    }
}
