import Host
import Invoicing
import CgroupFormat
import Enforcing
import Limits
import Billing
import Store
import Units

/// What limits come to in money, by the prices at the tenant's place in its month.
struct HourlyCost {
    private let spending: TenantSpending?

    /// - Parameter tenant: without one, or without a price book, nothing is said of money.
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

    /// What a limit costs in an hour, exactly; `nil` is without bound, or not known.
    struct Cost {
        var most: Rational?
        var before: Rational?
        var now: Rational?
        var currency: String
    }

    /// What a write comes to; `nil` for what has no price.
    func cost(_ item: LimitPlan.Item) -> Cost? {
        let write = item.write
        switch (write.wanted, write.before) {
        case (.cpu(let wanted), .cpu(let before)):
            return cost(
                wanted.cores, before.cores,
                // Where what is granted is billed, what is used says nothing.
                spending?.isCPUReserved == true ? nil : item.circumstances.cores,
                spending?.cpuPrice)
        case (.number(let wanted), .number(let before)) where write.key == .memoryMax:
            return cost(bytes(wanted), bytes(before), nil, spending?.memoryPrice)
        default: return nil
        }
    }

    private func cost(
        _ wanted: Rational?, _ before: Rational?, _ now: Rational?, _ price: Rational?
    ) -> Cost? {
        guard let price, let currency = spending?.currency.code else { return nil }
        func hourly(_ amount: Rational) -> Rational { amount * price * Rational(3600) }
        return Cost(
            most: wanted.map(hourly), before: before.map(hourly), now: now.map(hourly),
            currency: currency)
    }

    /// `at most 0.0202 EUR; was 0.0607; now 0.0729`; `nil` for what has no price.
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

    private func bytes(_ limit: Limit) -> Rational? {
        switch limit {
        case .max: nil
        case .at(let bytes): Rational(bytes)
        }
    }
}
