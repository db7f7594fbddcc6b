import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestHistories
import TestSupport
import Testing
import Units

/// The hours of a month so far, each at its cost, add up to what the month's draft says of usage.
@Suite struct HourPricingLawTests {
    private static let east = BillingZone(
        name: "Test/East", offsets: [.init(since: Instant(seconds: 0), seconds: 5 * 3600)])

    @Test(arguments: 0..<8) func hoursAddUpToTheDraft(lane: Int) throws {
        for seed in stride(from: lane, to: 24, by: 8) {
            let history = CutHistory(seed: UInt64(seed))
            let folder = try TemporaryFolder()
            let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
            let tenants = CutHistory.tenants.map {
                Tenant(id: $0, name: $0, priceBook: "b", invoiceTo: InvoiceAddress(), match: [])
            }
            _ = try store.apply(
                Contract(tenants: tenants, books: history.book), isPlan: false, at: now)
            try add(history, to: store)
            for zone in [BillingZone.utc, Self.east] {
                try hoursAddUp(history, store, zone, seed)
            }
        }
    }

    private func add(_ history: CutHistory, to store: Store) throws {
        let start = try #require(Period(month: CutHistory.months[0])).start
        for use in history.uses {
            let from = start.advanced(bySeconds: Int64(use.hour) * 3600)
            let tenant = CutHistory.tenants[use.tenant]
            let row = ImportedUsage(
                period: try #require(
                    Period(start: from, end: from.advanced(bySeconds: Int64(use.hours) * 3600))),
                tenant: tenant, container: "\(tenant)-c\(use.container)",
                meter: try #require(Meter("m\(use.meter)")), quantity: Int128(use.quantity), row: 2)
            // Two uses of one place and time are one.
            _ = try? store.importUsage([row], at: now)
        }
    }

    /// Only hours with usage are asked for, and one without: another adds nothing.
    private func hoursAddUp(
        _ history: CutHistory, _ store: Store, _ zone: BillingZone, _ seed: Int
    ) throws {
        let start = try #require(Period(month: CutHistory.months[0])).start
        let hours = Set(history.uses.flatMap { [$0.hour, $0.hour + 1, $0.hour + 2] }).sorted()
        var sums: [String: Rational] = [:]
        var month: Period?
        var pricing = HourPricing(store, in: zone)
        for hour in hours {
            let moment = start.advanced(bySeconds: Int64(hour) * 3600)
            if zone.month(of: moment) != month { (sums, month) = ([:], zone.month(of: moment)) }
            let costs = try pricing.costs(at: moment.advanced(bySeconds: 1800))
            for tenant in CutHistory.tenants {
                let cost = try #require(costs[tenant])
                #expect(
                    cost.shares.values.reduce(.zero, +) == cost.total, "seed \(seed) hour \(hour)")
                sums[tenant, default: .zero] = sums[tenant, default: .zero] + cost.total
                let soFar = try #require(
                    Period(
                        start: zone.month(of: moment).start, end: moment.advanced(bySeconds: 3600)))
                let draft = try store.drafts(over: soFar, tenant: tenant, in: zone)
                #expect(
                    sums[tenant] == usageTotal(draft.flatMap(\.lines)),
                    "seed \(seed), \(tenant), hour \(hour), \(zone)\n\(history)")
            }
        }
    }

    /// Usage, the flat amounts of tiers, and discounts, exactly.
    private func usageTotal(_ lines: [LineItem]) -> Rational {
        lines.filter { $0.kind == .usage || $0.kind == .discount || $0.columns.unit == "tier" }
            .reduce(.zero) { $0 + $1.exactAmount }
    }
}
