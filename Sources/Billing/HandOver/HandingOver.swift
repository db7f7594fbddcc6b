import Store
import BigInt
import Invoicing
import Metering
import Units

/// Makes a change of owners, and computes its effect.
///
/// The affected months of each tenant are rated before and after the change, so the change must be
/// made inside the same transaction.
///
/// - Parameters:
///   - moves: the hours, with their tenants before and after; moves without usage are not counted.
///   - zone: the zone whose months are rated.
///   - change: makes the change and returns the number of the assignment.
/// - Returns: the effect, with the tenants sorted by id.
func handOver(
    _ db: ReadTransaction, _ moves: [Move], _ zone: BillingZone, _ change: () throws -> Int64
) throws -> HandOver {
    var hours: [String: Int64] = [:]
    var ends: (first: Int64, last: Int64)?
    for move in moves {
        guard let used = move.hours else { continue }
        hours[move.stretch.tenant ?? Tenant.unattributed, default: 0] -= used.count
        hours[move.to ?? Tenant.unattributed, default: 0] += used.count
        ends = (min(ends?.first ?? used.first, used.first), max(ends?.last ?? used.last, used.last))
    }
    let period = ends.flatMap {
        Period(
            start: Instant(seconds: $0.first),
            end: zone.ledgerHour(of: Instant(seconds: $0.last)).end)
    }
    let tenants = hours.keys.sorted()
    let before = try nets(db, tenants, period, zone)
    let number = try change()
    let after = try nets(db, tenants, period, zone)
    return HandOver(
        number: number, accounts: Set(moves.map(\.stretch.container)).count, period: period,
        sides: tenants.map { tenant in
            let (old, new) = (before[tenant], after[tenant])
            let money = (new ?? old).map { known in
                HandOver.Money(
                    currency: known.currency, before: old?.net ?? 0, after: new?.net ?? 0)
            }
            return HandOver.Side(tenant: tenant, hours: hours[tenant] ?? 0, money: money)
        })
}

/// The net cost of the billing months that a period touches, for each tenant by its own book.
///
/// Corrections and taxes are left out. A tenant whose book does not cover the months is left out
/// too.
private func nets(
    _ db: ReadTransaction, _ tenants: [String], _ period: Period?, _ zone: BillingZone
) throws -> [String: (currency: Currency, net: BigInt)] {
    guard let period,
        let months = Period(
            start: zone.month(of: period.start).start,
            end: zone.month(of: period.end.advanced(bySeconds: -1)).end)
    else { return [:] }
    var nets: [String: (currency: Currency, net: BigInt)] = [:]
    for tenant in tenants where tenant != Tenant.unattributed {
        do {
            let all = try comparisons(db, over: months, tenant: tenant, [], in: zone)
            guard let own = all.first(where: \.isOwn) else { continue }
            nets[tenant] = (own.draft.currency, own.draft.net)
        } catch is Fault {
            // The book does not go back that far. The hours can change hands all the same.
            continue
        }
    }
    return nets
}
