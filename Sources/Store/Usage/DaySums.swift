import GRDB
import Units

/// The usage of one account on one civil day, for one meter and assurance; a row of `usage_day`.
///
/// Only closed rows count. Queries over months read these sums instead of every hour.
struct DaySum: Hashable {
    var container: Int64
    /// The civil day, counted from 1970-01-01.
    var day: Int64
    var meter: Int64
    var assurance: Int64
    /// The hours with usage, one bit each (see `bit(of:)`).
    var hours: Int64
    /// The sum of `quantity >> 32`.
    var high: Int64
    /// The sum of `quantity & 0xffffffff`.
    var low: Int64

    /// The bit of a row that begins at `hour`, in seconds since 1970.
    ///
    /// Rows begin at full UTC hours and at midnights of a zone. So two rows of one day never have
    /// the same bit.
    static func bit(of hour: Int64) -> Int64 {
        Int64(bitPattern: 1 << UInt64(bitPattern: ((hour + 1799) / 1800) & 63))
    }
}

/// Adds up rows of the ledger by civil day.
///
/// Rows must come in the order of the ledger: by account, then by hour. The sums of a day are
/// passed on when a row of another day or account comes; `finish` passes on those of the last day.
struct DaySummer {
    /// The times that a row may have, in seconds since 1970: years 1 to 9999.
    static let hours = Instant.earliest.seconds..<253_402_300_800

    private let zone: BillingZone
    /// Takes the sums, in the order of table `usage_day`.
    private let take: (DaySum) throws -> Void
    /// The day of the last row, kept because most rows are on the same day.
    private var day: (period: Period, number: Int64)?
    private var container: Int64?
    private var sums: [DaySum] = []

    /// Creates a summer for the days of a zone; `take` gets each finished sum.
    init(_ zone: BillingZone, _ take: @escaping (DaySum) throws -> Void) {
        (self.zone, self.take) = (zone, take)
    }

    /// Adds a row of the ledger.
    ///
    /// A row of a damaged store may have a time outside `hours`. It is ignored.
    mutating func add(
        _ container: Int64, hour: Int64, meter: Int64, assurance: Int64, _ quantity: Int64
    ) throws {
        guard Self.hours.contains(hour) else { return }
        let known = day.flatMap { $0.period.holds(hour) ? $0 : nil }
        let day = known ?? zone.numberedDay(of: Instant(seconds: hour))
        if container != self.container || known == nil {
            try finish()
            (self.container, self.day) = (container, day)
        }
        let (high, low) = (quantity >> 32, quantity & 0xffff_ffff)
        let index = sums.firstIndex { $0.meter == meter && $0.assurance == assurance }
        guard let index else {
            sums.append(
                DaySum(
                    container: container, day: day.number, meter: meter, assurance: assurance,
                    hours: DaySum.bit(of: hour), high: high, low: low))
            return
        }
        sums[index].hours |= DaySum.bit(of: hour)
        sums[index].high += high
        sums[index].low += low
    }

    /// Passes on the sums of the last day; call it after the last row.
    mutating func finish() throws {
        sums.sort { ($0.meter, $0.assurance) < ($1.meter, $1.assurance) }
        for sum in sums { try take(sum) }
        sums.removeAll(keepingCapacity: true)
    }
}

extension DaySummer {
    /// A summer that adds to the table of sums.
    ///
    /// - Returns: `nil` if the store keeps no sums of days.
    static func adding(to db: Database) throws -> DaySummer? {
        guard let zone = try summedZone(db) else { return nil }
        var add = try FastStatement(
            db,
            """
            INSERT INTO usage_day (container, day, meter, assurance, hours, high, low)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (container, day, meter, assurance) DO UPDATE SET
                hours = hours | excluded.hours, high = high + excluded.high,
                low = low + excluded.low
            """)
        return DaySummer(zone) { sum in
            add.bind(sum.container, sum.day, sum.meter, sum.assurance)
            add.bind(sum.hours, sum.high, sum.low)
            try add.run()
        }
    }

    /// Adds every row of a query with the columns container, hour_s, meter, assurance and quantity.
    mutating func add(rows sql: String, of db: Database) throws {
        var rows = try FastStatement(db, sql)
        defer { rows.reset() }
        while try rows.step() {
            try add(
                rows.int64(0), hour: rows.int64(1), meter: rows.int64(2), assurance: rows.int64(3),
                rows.int64(4))
        }
        try finish()
    }
}

extension Period {
    /// Whether it holds an instant, given in seconds since 1970.
    fileprivate func holds(_ seconds: Int64) -> Bool {
        start.seconds <= seconds && seconds < end.seconds
    }
}
