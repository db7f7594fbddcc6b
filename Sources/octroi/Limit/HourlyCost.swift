import Daemon
import Enforcing
import Limits
import Store
import Units

/// What limits come to in money, by the price of the tenant's next core-second.
struct HourlyCost {
    private let price: Rational?
    private let currency: String

    /// - Parameter tenant: without one, or without a price, nothing is said of money.
    init(_ store: Store, _ tenant: String?) throws(Fault) {
        guard let tenant,
            case .success(let spending)? = try store.spending(
                of: [tenant], per: .month, at: Host.wallTime())[tenant]
        else {
            (price, currency) = (nil, "")
            return
        }
        (price, currency) = (spending.cpuPrice, spending.currency.code)
    }

    /// `0.0202 EUR at most, now 0.0729`; `nil` for what has no price.
    func words(_ item: LimitPlan.Item) -> String? {
        guard let price, item.write.key == .cpuMax, case .cpu(let cap) = item.write.wanted else {
            return nil
        }
        func text(_ cores: Rational) -> String {
            decimalText((cores * price * Rational(3600) * Rational(10_000)).floor, places: 4)
        }
        let now = item.circumstances.cores.map { "now \(text($0)) \(currency)" }
        let most = cap.cores.map { "at most \(text($0)) \(currency)" }
        let parts = [most, now].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
