import GRDB
import Metering
import Units

/// What a usage report gives one row each.
public enum UsageGrouping: String, Sendable, CaseIterable {
    case tenant
    case container
    case hour
    case day
    case meter
}

extension Store {
    /// Usage over a period of whole hours, added up by the grouping, meter and assurance.
    public func usage(
        over period: Period, by grouping: UsageGrouping, tenant: String? = nil
    ) throws(Fault) -> [Usage] {
        let bucket =
            switch grouping {
            case .hour: "hour_s"
            case .day: "hour_s - hour_s % 86400"
            case .tenant, .container, .meter: "NULL"
            }
        let tenantColumn = grouping == .meter ? "NULL" : "tenant"
        let container = grouping == .container ? "container" : "NULL"
        let sql = """
            SELECT \(bucket) AS bucket, \(tenantColumn) AS whose, \(container) AS what, meter,
                assurance, sum(quantity >> 32) AS highs, sum(quantity & 0xffffffff) AS lows
            FROM usage_hour
            WHERE hour_s >= ? AND hour_s < ? AND (? IS NULL OR tenant = ?)
            GROUP BY 1, 2, 3, 4, 5
            ORDER BY 1, 2 = 'unattributed', 2, 3, 4, 5
            """
        return try read { db in
            try Row.fetchAll(
                db, sql: sql,
                arguments: [period.start.seconds, period.end.seconds, tenant, tenant]
            ).compactMap { usage($0, period, grouping) }
        }
    }

    private func usage(_ row: Row, _ period: Period, _ grouping: UsageGrouping) -> Usage? {
        var part = period
        if let bucket = row["bucket"] as Int64? {
            let start = Instant(seconds: bucket)
            let end = start.advanced(bySeconds: grouping == .hour ? 3600 : 86_400)
            guard let whole = Period(start: start, end: end),
                let cut = whole.intersection(period)
            else { return nil }
            part = cut
        }
        guard let meter = Meter(row["meter"] as String),
            let assurance = Assurance(rawValue: row["assurance"])
        else { return nil }
        return Usage(
            period: part, tenant: row["whose"], container: row["what"], meter: meter,
            quantity: Int128(sumOfHighs: row["highs"], sumOfLows: row["lows"]),
            assurance: assurance)
    }
}

/// One tenant's usage of a period by container and meter, memory by the given formula.
func tenantUsage(
    _ db: Database, _ tenant: String, _ period: Period, _ formula: MemoryFormula
) throws -> [UsageKey: Int128] {
    let rows = try Row.fetchCursor(
        db,
        sql: """
            SELECT container, meter, sum(quantity >> 32) AS highs,
                sum(quantity & 0xffffffff) AS lows
            FROM ledger_hour
            WHERE tenant = ? AND hour_s >= ? AND hour_s < ?
                AND (memory_formula IS NULL OR memory_formula = ?)
            GROUP BY container, meter
            """,
        arguments: [tenant, period.start.seconds, period.end.seconds, formula.rawValue])
    var usage: [UsageKey: Int128] = [:]
    while let row = try rows.next() {
        usage[UsageKey(container: row["container"], meter: row["meter"]), default: 0] += Int128(
            sumOfHighs: row["highs"], sumOfLows: row["lows"])
    }
    return usage
}

/// What a line of usage is for.
struct UsageKey: Hashable {
    let container: ExactText
    let meter: String

    init(container: String, meter: String) {
        (self.container, self.meter) = (ExactText(container), meter)
    }
}
