import Foundation
import GRDB
import Sealing
import Units

/// Seals all hot samples into blocks, one for each series and hour, and removes them.
///
/// Each block is read back and compared before its rows go.
func sealSamples(_ db: Database) throws {
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
    // Without a WHERE, SQLite frees the pages without reading them.
    for table in [SampleTable.samples, .io] { try db.execute(sql: "DELETE FROM \(table.hot)") }
}

/// Keeps the throttling of the hours that are sealed: reports do not read blocks.
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

/// Ticks that follow each other within one hour.
private struct TickHour {
    var start: Int64
    var ticks: [Int64]
}

/// A block holds no more samples than this, however short the interval.
private let mostTicks = 65_536

private func hours(_ db: Database, _ ticks: ClosedRange<Int64>) throws -> [TickHour] {
    let rows = try Row.fetchCursor(
        db, sql: "SELECT id, wall_ms FROM tick WHERE id BETWEEN ? AND ? ORDER BY id",
        arguments: [ticks.lowerBound, ticks.upperBound])
    var hours: [TickHour] = []
    while let row = try rows.next() {
        let start = Instant(milliseconds: row["wall_ms"]).startOfHour.seconds
        if hours.last?.start != start || hours.last?.ticks.count == mostTicks {
            hours.append(TickHour(start: start, ticks: []))
        }
        hours[hours.count - 1].ticks.append(row["id"])
    }
    return hours
}

/// Seals one table's samples of one hour.
private struct Sealer {
    /// How many samples are held in memory at once: 30 columns of 8 bytes each.
    private static let mostAtOnce: Int64 = 40_000

    private let db: Database
    private let table: SampleTable
    private let hour: TickHour
    private var read: FastStatement
    private let insert: Statement

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

    mutating func seal() throws {
        for containers in try ranges() {
            let (keys, columns) = try series(of: containers)
            let width = table.values.count + 1
            // By container, then device: so blocks of one container lie side by side.
            for index in keys.indices.sorted(by: { keys[$0] < keys[$1] }) {
                let own = columns[index * width..<(index + 1) * width]
                try write(keys[index], SampleColumns(Array(own)))
            }
        }
    }

    /// Ranges of containers with so many samples each as fit into memory.
    private func ranges() throws -> [ClosedRange<Int64>] {
        let counts = try Row.fetchCursor(
            db,
            sql: """
                SELECT container, count(*) AS samples FROM \(table.hot)
                WHERE tick BETWEEN ? AND ? GROUP BY container ORDER BY container
                """, arguments: [hour.ticks.first, hour.ticks.last])
        var ranges: [ClosedRange<Int64>] = []
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

    /// The series of some containers, each with as many columns as a block has.
    private mutating func series(
        of containers: ClosedRange<Int64>
    ) throws -> (keys: [SeriesKey], columns: [Sealing.Column]) {
        var found: [SeriesKey: Int] = [:]
        var (keys, columns): ([SeriesKey], [Sealing.Column]) = ([], [])
        let (first, width) = (Int32(table.keys.count), table.values.count + 1)
        for tick in hour.ticks {
            read.bind(tick, containers.lowerBound, containers.upperBound)
            while try read.step() {
                let key = SeriesKey(
                    container: read.integer(0) ?? 0,
                    major: table.hasDevice ? read.integer(1) : nil,
                    minor: table.hasDevice ? read.integer(2) : nil)
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

    private func write(_ key: SeriesKey, _ series: SampleColumns) throws {
        let isSample = !table.hasDevice
        let ticks = series.columns[0].values
        guard let first = ticks.first, let last = ticks.last else { return }
        let fields = key.numbers + [first, last, hour.start, Int64(ticks.count)]
        let bytes = series.block(isSample: isSample).bytes(tag: fields)
        let back = try? SampleColumns(bytes, tag: fields, isSample: isSample)
        guard let back, back.columns == series.columns else {
            throw Fault(
                .failed, at: "\(table.hot) of container \(key)",
                problem: "it does not seal exactly",
                suggestion: "Report this. No tick can be kept until then, and nothing was changed")
        }
        try insert.execute(arguments: StatementArguments(fields) + [Data(bytes)])
    }
}

/// Which series of a table: the container, and for io the device.
private struct SeriesKey: Hashable, Comparable, CustomStringConvertible {
    let container: Int64
    let major: Int64?
    let minor: Int64?

    var numbers: [Int64] { [container, major, minor].compactMap(\.self) }

    static func < (a: SeriesKey, b: SeriesKey) -> Bool {
        a.numbers.lexicographicallyPrecedes(b.numbers)
    }

    var description: String { numbers.map(String.init).joined(separator: " ") }
}
