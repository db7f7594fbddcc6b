import Foundation
import GRDB
import Units

/// How questions over days and months are answered in a store.
public enum DaySumsState: Hashable, Sendable {
    /// Days are summed as their hours close.
    case kept
    /// The ledger has rows and no sums; questions read every hour.
    case missing
    /// The sums are by the days of another zone, whose name this is.
    case otherZone(String)

    /// What to do so that questions are fast, as a sentence; `nil` if they are.
    public var words: String? {
        switch self {
        case .kept: nil
        case .missing:
            "usage over months is added up hour by hour, which takes longer: octroi store rebuild "
                + "sums the days once"
        case .otherZone(let name):
            "days are summed by the zone \(name), which time_zone no longer is: octroi store "
                + "rebuild sums them anew"
        }
    }
}

extension Store {
    /// Begins to sum the ledger by days in a store that has no usage yet, and says how it is.
    ///
    /// - Parameter zone: the billing zone, whose days are summed.
    public func keepDaySums(in zone: BillingZone) throws(Fault) -> DaySumsState {
        let known = try read { db in try daySumsState(db, zone) }
        guard known == .missing else { return known }
        return try write { db in
            let isEmpty = try db.value(Bool.self, "SELECT NOT EXISTS (SELECT 1 FROM usage)") == true
            // Another process may have begun since.
            guard isEmpty, try daySumsState(db, zone) == .missing else {
                return try daySumsState(db, zone)
            }
            try save(zone, db)
            return .kept
        }
    }

    /// Sums all days of the ledger anew.
    ///
    /// - Parameter zone: the billing zone, whose days are summed from now on.
    /// - Returns: the number of sums.
    public func rebuildDaySums(in zone: BillingZone) throws(Fault) -> Int {
        try write { db in
            try db.run("DELETE FROM usage_day")
            try db.run("DELETE FROM day_zone")
            try save(zone, db)
            var summer = try DaySummer.adding(to: db)
            try summer?.add(rows: ledgerInOrder, of: db)
            return try db.value(Int.self, "SELECT count(*) FROM usage_day") ?? 0
        }
    }
}

/// SQL: all closed rows, in the order of the ledger.
private let ledgerInOrder = """
    SELECT container, hour_s, meter, assurance, quantity FROM usage ORDER BY container, hour_s
    """

private func daySumsState(_ db: Database, _ zone: BillingZone) throws -> DaySumsState {
    guard let summed = try summedZone(db) else { return .missing }
    return summed == zone ? .kept : .otherZone(summed.description)
}

/// The zone whose days are summed; `nil` if none are.
func summedZone(_ db: Database) throws -> BillingZone? {
    guard let row = try db.row("SELECT name, offsets FROM day_zone") else { return nil }
    let text: String = row["offsets"]
    let offsets = try JSONDecoder().decode([[Int64]].self, from: Data(text.utf8))
    return BillingZone(
        name: row["name"],
        offsets: offsets.filter { $0.count == 2 }.map {
            BillingZone.Offset(since: Instant(seconds: $0[0]), seconds: $0[1])
        })
}

private func save(_ zone: BillingZone, _ db: Database) throws {
    let offsets = zone.allOffsets.map { "[\($0.since.seconds),\($0.seconds)]" }
    try db.run(
        "INSERT INTO day_zone (id, name, offsets) VALUES (1, ?, ?)",
        [zone.description, "[\(offsets.joined(separator: ","))]"])
}

/// Compares the sums of days with the ledger's rows.
///
/// - Returns: a sentence if they differ; `nil` if they agree, or if no days are summed.
func daySumsDamage(_ db: Database) throws -> String? {
    guard let zone = try summedZone(db) else { return nil }
    var stored = try FastStatement(
        db,
        """
        SELECT container, day, meter, assurance, hours, high, low FROM usage_day
        ORDER BY container, day, meter, assurance
        """)
    defer { stored.reset() }
    var (count, first) = (0, String?.none)
    func next() throws -> DaySum? {
        guard try stored.step() else { return nil }
        return DaySum(
            container: stored.int64(0), day: stored.int64(1), meter: stored.int64(2),
            assurance: stored.int64(3), hours: stored.int64(4), high: stored.int64(5),
            low: stored.int64(6))
    }
    func note(_ sum: DaySum) {
        count += 1
        let day = zone.day(of: zone.day(number: sum.day).start).date
        first = first ?? "account \(sum.container) on \(day)"
    }
    var there = try next()
    var summer = DaySummer(zone) { sum in
        while let row = there, row.isBefore(sum) {
            note(row)
            there = try next()
        }
        guard let row = there, !sum.isBefore(row) else { return note(sum) }
        if row != sum { note(sum) }
        there = try next()
    }
    try summer.add(rows: ledgerInOrder, of: db)
    while let row = there {
        note(row)
        there = try next()
    }
    return first.map {
        "\(count) sums of days are not those of the ledger, the first of \($0): octroi store rebuild "
            + "makes them anew; no invoice rests on them"
    }
}

extension DaySum {
    /// Whether it comes before another one in the order of the table.
    fileprivate func isBefore(_ other: DaySum) -> Bool {
        (container, day, meter, assurance)
            < (other.container, other.day, other.meter, other.assurance)
    }
}
