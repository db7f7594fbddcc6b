import Foundation
import GRDB
import Sealing
import Units

/// Packs all unsealed samples into blocks, one per series and hour, and removes their rows.
///
/// Each block is unpacked again and compared with its samples before they are removed.
func sealSamples(_ db: Database) throws {
    // Without rows both numbers are NULL, and there is nothing to do.
    let bounds = try db.row(
        "SELECT min(tick) AS first, max(tick) AS last FROM sample")
    guard let bounds, let first = bounds["first"] as Int64?, let last = bounds["last"] as Int64?
    else { return }
    for hour in try hours(db, first...last) {
        for table in [SampleTable.samples, .io] {
            var sealer = try Sealer(db, table, hour)
            try sealer.seal()
        }
    }
    try noteThrottling(db)
    // Without a WHERE clause SQLite drops all pages at once, without reading the rows.
    for table in [SampleTable.samples, .io] { try db.execute(sql: "DELETE FROM \(table.hot)") }
}

/// Stores each container's throttling per hour, because reports do not read sealed blocks.
private func noteThrottling(_ db: Database) throws {
    try db.run(
        """
        INSERT INTO throttle_hour
        SELECT s.container, t.wall_ms / 3600000 * 3600, min(s.cpu_throttled_us),
            max(s.cpu_throttled_us), min(s.cpu_throttled_periods), max(s.cpu_throttled_periods)
        FROM sample s JOIN tick t ON t.id = s.tick WHERE s.cpu_throttled_us IS NOT NULL
        GROUP BY 1, 2 HAVING max(s.cpu_throttled_us) > 0
        ON CONFLICT (container, hour_s) DO UPDATE SET
            first_us = min(first_us, excluded.first_us),
            last_us = max(last_us, excluded.last_us),
            first_periods = min(first_periods, excluded.first_periods),
            last_periods = max(last_periods, excluded.last_periods)
        """)
}

/// Consecutive ticks within one hour.
private struct TickHour {
    /// The start of the hour, in seconds since 1970.
    var start: Int64
    /// Row numbers in table `tick`.
    var ticks: [Int64]
}

/// The largest number of samples in a block, which matters only for very short intervals.
private let mostTicks = 65_536

/// Splits a range of ticks by hour.
private func hours(_ db: Database, _ ticks: ClosedRange<Int64>) throws -> [TickHour] {
    let rows = try Row.fetchCursor(
        db, sql: "SELECT id, wall_ms FROM tick WHERE id BETWEEN ? AND ? ORDER BY id",
        arguments: [ticks.lowerBound, ticks.upperBound])
    var hours: [TickHour] = []
    while let row = try rows.next() {
        // A clock that is set back splits an hour in two. Each part gets a block of its own.
        let start = Instant(milliseconds: row["wall_ms"]).startOfHour.seconds
        if hours.last?.start != start || hours.last?.ticks.count == mostTicks {
            hours.append(TickHour(start: start, ticks: []))
        }
        hours[hours.count - 1].ticks.append(row["id"])
    }
    return hours
}

/// Packs the samples of one table and one hour.
private struct Sealer {
    /// Number of samples in memory at once; each has up to 30 columns of 8 bytes.
    private static let mostAtOnce: Int64 = 40_000

    private let db: Database
    private let table: SampleTable
    private let hour: TickHour
    /// Reads the samples of one tick and a range of containers.
    private var read: FastStatement
    /// Inserts a finished block.
    private let insert: Statement

    /// Prepares the statements.
    init(_ db: Database, _ table: SampleTable, _ hour: TickHour) throws {
        (self.db, self.table, self.hour) = (db, table, hour)
        let columns = (table.keys + ["tick"] + table.values).joined(separator: ", ")
        read = try FastStatement(
            db,
            "SELECT \(columns) FROM \(table.hot) WHERE tick = ? AND container BETWEEN ? AND ?")
        let marks = Array(repeating: "?", count: table.keys.count + 5).joined(separator: ", ")
        insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO \(table.sealed) (\(table.keys.joined(separator: ", ")), first_tick,
                    last_tick, hour_s, samples, data) VALUES (\(marks))
                """)
    }

    /// Packs every series of the hour, a few containers at a time.
    mutating func seal() throws {
        for containers in try ranges() {
            let (keys, columns) = try series(of: containers)
            // A block has one more column than the table has values: the tick.
            let width = table.values.count + 1
            // Sort by container and device, so that the blocks of one container lie side by side.
            // One block per series.
            for index in keys.indices.sorted(by: { keys[$0] < keys[$1] }) {
                let own = columns[index * width..<(index + 1) * width]
                try write(keys[index], SampleColumns(Array(own)))
            }
        }
    }

    /// Splits the containers into ranges whose samples fit into memory together.
    private func ranges() throws -> [ClosedRange<Int64>] {
        let counts = try Row.fetchCursor(
            db,
            sql: """
                SELECT container, count(*) AS samples FROM \(table.hot)
                WHERE tick BETWEEN ? AND ? GROUP BY container ORDER BY container
                """, arguments: [hour.ticks.first, hour.ticks.last])
        var ranges: [ClosedRange<Int64>] = []
        // Starting with a full range makes the first container open a new one.
        var held = Self.mostAtOnce
        while let row = try counts.next() {
            let (container, samples): (Int64, Int64) = (row["container"], row["samples"])
            if held + samples > Self.mostAtOnce {
                ranges.append(container...container)
                held = 0
            } else {
                ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound...container
            }
            held += samples
        }
        return ranges
    }

    /// Reads the samples of some containers, as columns of one series each.
    ///
    /// - Returns: the series, and for the n-th of them the columns from n * width on: the tick,
    ///   then the values.
    private mutating func series(
        of containers: ClosedRange<Int64>
    ) throws -> (keys: [SeriesKey], columns: [Sealing.Column]) {
        var found: [SeriesKey: Int] = [:]
        var (keys, columns): ([SeriesKey], [Sealing.Column]) = ([], [])
        let (first, width) = (Int32(table.keys.count), table.values.count + 1)
        // Reading tick by tick follows the order of the table and gives each series in order of
        // time.
        for tick in hour.ticks {
            read.bind(tick, containers.lowerBound, containers.upperBound)
            while try read.step() {
                let key = SeriesKey(
                    container: read.integer(0) ?? 0,
                    major: table.hasDevice ? read.integer(1) : nil,
                    minor: table.hasDevice ? read.integer(2) : nil)
                // A device may appear in the middle of an hour. Its series then has fewer ticks
                // than others.
                let index = found[key] ?? keys.count
                if index == keys.count {
                    found[key] = index
                    keys.append(key)
                    columns += repeatElement(Sealing.Column(), count: width)
                }
                for column in 0..<width {
                    columns[index * width + column].append(read.integer(first + Int32(column)))
                }
            }
        }
        return (keys, columns)
    }

    /// Packs one series, checks the block and stores it.
    private func write(_ key: SeriesKey, _ series: SampleColumns) throws {
        let isSample = !table.hasDevice
        let ticks = series.columns[0].values
        guard let first = ticks.first, let last = ticks.last else { return }
        // The block's checksum covers the row's other columns, so that a block cannot be moved to
        // another row unnoticed.
        let fields = key.numbers + [first, last, hour.start, Int64(ticks.count)]
        let bytes = series.block(isSample: isSample).bytes(tag: fields)
        // Compare before the samples are deleted: a block that does not restore them exactly is
        // refused.
        let back = try? SampleColumns(bytes, tag: fields, isSample: isSample)
        guard let back, back.columns == series.columns else {
            throw Fault(
                .failed, at: "\(table.hot) of container \(key)",
                problem: "packing its samples would change them",
                suggestion: "Report this bug. Until it is fixed, no tick can be stored")
        }
        try insert.execute(arguments: StatementArguments(fields) + [Data(bytes)])
    }
}

/// Identifies a series within a table: the container, and for io the device.
private struct SeriesKey: Hashable, Comparable, CustomStringConvertible {
    let container: Int64
    let major: Int64?
    let minor: Int64?

    /// The columns that are present, in order; they also begin the block's tag.
    var numbers: [Int64] { [container, major, minor].compactMap(\.self) }

    static func < (a: SeriesKey, b: SeriesKey) -> Bool {
        a.numbers.lexicographicallyPrecedes(b.numbers)
    }

    var description: String { numbers.map(String.init).joined(separator: " ") }
}
