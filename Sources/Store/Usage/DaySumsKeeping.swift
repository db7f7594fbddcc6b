import Foundation
import GRDB
import Units

/// Whether a store has sums of days, from which queries over days and months are answered.
public enum DaySumsState: Hashable, Sendable {
    /// The sums exist, and are updated when hours close.
    case kept
    /// The ledger has usage but no sums, so queries read every hour.
    case missing
    /// The sums are those of the days of another zone, with this name.
    case otherZone(String)

    /// A sentence for the operator: why queries are slow and what to do; `nil` if they are fast.
    public var words: String? {
        switch self {
        case .kept: nil
        case .missing:
            "there are no stored sums of days, so queries over months take longer: run octroi "
                + "store rebuild once"
        case .otherZone(let name):
            "the stored sums of days are those of the zone \(name), and time_zone has changed: run "
                + "octroi store rebuild"
        }
    }
}

extension Store {
    /// Starts to keep sums of days, if the store has no usage yet.
    ///
    /// In a store that has usage, nothing changes: `rebuildDaySums` computes the sums there.
    ///
    /// - Parameter zone: the billing zone, whose days are summed.
    /// - Returns: whether the store has sums now.
    public func keepDaySums(in zone: BillingZone) throws(Fault) -> DaySumsState {
        // Most stores need nothing, and reading does not wait for the collector.
        let known = try read { db in try daySumsState(db, zone) }
        guard known == .missing else { return known }
        return try write { db in
            let hasUsage = try db.value(Bool.self, "SELECT EXISTS (SELECT 1 FROM usage)") == true
            guard !hasUsage else { return try daySumsState(db, zone) }
            try begin(db, zone)
            return .kept
        }
    }

    /// Computes the sums of all days again, from the ledger.
    ///
    /// Nobody else can write to the store meanwhile.
    ///
    /// - Parameter zone: the billing zone, whose days are summed from now on.
    /// - Returns: the number of sums.
    public func rebuildDaySums(in zone: BillingZone) throws(Fault) -> Int {
        try write { db in
            try begin(db, zone)
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

/// Deletes all sums, and notes the zone whose days are summed from now on.
private func begin(_ db: Database, _ zone: BillingZone) throws {
    try db.run("DELETE FROM usage_day")
    let offsets = zone.allOffsets.map { [$0.since.seconds, $0.seconds] }
    let text = String(decoding: try JSONEncoder().encode(offsets), as: UTF8.self)
    try db.run(
        "INSERT OR REPLACE INTO day_zone (id, name, offsets) VALUES (1, ?, ?)",
        [zone.description, text])
}

/// The zone whose days are summed; `nil` if there are no sums, or if the row is damaged.
///
/// With `nil`, queries read the hours of the ledger.
func summedZone(_ db: Database) throws -> BillingZone? {
    guard let row = try db.row("SELECT name, offsets FROM day_zone") else { return nil }
    let text: String = row["offsets"]
    let pairs = try? JSONDecoder().decode([[Int64]].self, from: Data(text.utf8))
    let offsets = pairs?.compactMap { pair -> BillingZone.Offset? in
        guard pair.count == 2, DaySummer.hours.contains(pair[0]),
            (-86_400...86_400).contains(pair[1])
        else { return nil }
        return BillingZone.Offset(since: Instant(seconds: pair[0]), seconds: pair[1])
    }
    guard let offsets, offsets.count == pairs?.count else { return nil }
    return BillingZone(name: row["name"], offsets: offsets)
}

/// Compares the sums of days with the ledger's rows.
///
/// - Returns: a sentence if they differ; `nil` if they agree, or if no days are summed.
func daySumsDamage(_ db: Database) throws -> String? {
    guard let zone = try summedZone(db) else {
        let isThere = try db.value(Bool.self, "SELECT EXISTS (SELECT 1 FROM day_zone)") == true
        return isThere ? "table day_zone does not say which days are summed" : nil
    }
    var stored = try FastStatement(
        db,
        """
        SELECT container, day, meter, assurance, hours, high, low FROM usage_day
        ORDER BY container, day, meter, assurance
        """)
    defer { stored.reset() }
    var (count, first) = (0, DaySum?.none)
    func next() throws -> DaySum? {
        guard try stored.step() else { return nil }
        return DaySum(
            container: stored.int64(0), day: stored.int64(1), meter: stored.int64(2),
            assurance: stored.int64(3), hours: stored.int64(4), high: stored.int64(5),
            low: stored.int64(6))
    }
    func note(_ sum: DaySum) {
        count += 1
        first = first ?? sum
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
    return try first.map { first in
        let path = try db.value(
            String.self, "SELECT path FROM container WHERE id = ?", [first.container])
        let whose = escapingControlCharacters(path ?? "account \(first.container)")
        let sums = count == 1 ? "1 sum of a day differs" : "\(count) sums of days differ"
        return "\(sums) from the ledger, first that of \(whose) on \(first.date)"
    }
}

extension DaySum {
    /// The day in words; a damaged store may hold a number that is no day.
    fileprivate var date: String {
        guard (-719_162..<2_932_897).contains(day) else { return "day \(day)" }
        return BillingZone.utc.day(of: BillingZone.utc.day(number: day).start).date
    }

    /// Whether its row comes before another one in the order of the table.
    fileprivate func isBefore(_ other: DaySum) -> Bool {
        (container, day, meter, assurance)
            < (other.container, other.day, other.meter, other.assurance)
    }
}
