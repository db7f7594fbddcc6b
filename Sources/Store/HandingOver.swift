import BigInt
import GRDB
import Invoicing
import Metering
import Units

/// Makes a change, and says what it comes to.
///
/// - Parameter change: gives the number of the assignment it is.
func handOver(
    _ db: Database, _ moves: [Move], _ zone: BillingZone, _ change: () throws -> Int64
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

/// What the billing months that a period touches cost each tenant by its own book, without
/// corrections; a tenant is left out where no book says.
private func nets(
    _ db: Database, _ tenants: [String], _ period: Period?, _ zone: BillingZone
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
            // Its book does not go back so far: the hours can change hands all the same.
            continue
        }
    }
    return nets
}

/// Writes down what is given away, and whose it was.
func record(
    _ db: Database, _ request: HandOverRequest, _ stretches: [Stretch], at now: Instant
) throws -> Int64 {
    try db.run(
        """
        INSERT INTO hand_over (at_ms, uid, container, tenant, reason) VALUES (?, ?, ?, ?, ?)
        """,
        [
            now.milliseconds, request.uid, request.container, request.to, request.reason,
        ])
    let number = db.lastInsertedRowID
    for part in stretches {
        try db.run(
            "INSERT INTO hand_over_part VALUES (?, ?, ?, ?, ?)",
            [number, part.container, part.since, part.until, part.tenant])
    }
    return number
}

/// Whose the hours of an assignment are since, and the stretches as they were before.
func recorded(_ db: Database, _ number: Int64) throws -> (tenant: String, parts: [Stretch]) {
    func refuse(_ found: String, _ cure: String) -> Fault {
        Fault(.badData, at: "assignment \(number)", found: found, cure: cure)
    }
    let row = try db.row(
        "SELECT tenant, undone_ms FROM hand_over WHERE id = ?", [number])
    guard let row else {
        throw refuse("there is none of that number", "octroi tenant unassign lists them")
    }
    guard row["undone_ms"] as Int64? == nil else {
        throw refuse("it was taken back already", "octroi tenant unassign lists the others")
    }
    let tenant: String = row["tenant"]
    let parts = try db.rows(
        "SELECT * FROM hand_over_part WHERE hand_over = ?", [number]
    ).map { row in
        Stretch(
            container: row["container"], since: row["since_s"], until: row["until_s"],
            tenant: row["tenant"])
    }
    for part in parts {
        let period = Period(
            start: Instant(seconds: part.since), end: Instant(seconds: part.until))
        guard let period else { continue }
        let isOwn = try stretches(db, of: part.container, over: period).allSatisfy {
            $0.tenant == tenant
        }
        guard isOwn else {
            throw refuse(
                "hours of it changed hands again since",
                "octroi tenant assign --from-tenant gives hours to whom they are due")
        }
    }
    return (tenant, parts)
}
