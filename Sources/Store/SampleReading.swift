import GRDB
import Sealing
import Units

/// What of a container's series is read.
public struct SampleQuery: Sendable {
    /// The container's row.
    public var container: Int64
    /// From this time on, and before that one.
    public var from: Instant?
    public var to: Instant?
    /// Of each stretch of this many ms, the last sample only.
    public var every: Int64?
    /// Rows of each device in place of the samples.
    public var byDevice: Bool

    public init(
        container: Int64, from: Instant? = nil, to: Instant? = nil, every: Int64? = nil,
        byDevice: Bool = false
    ) {
        (self.container, self.from, self.to) = (container, from, to)
        (self.every, self.byDevice) = (every, byDevice)
    }

    var table: SampleTable { byDevice ? .io : .samples }

    /// The columns of each row's values.
    public var columns: [String] { table.values }
}

/// One row of a series.
public struct SampleRow: Hashable, Sendable {
    public var at: Instant
    public var major: Int64?
    public var minor: Int64?
    public var values: [Int64?]
}

extension Store {
    /// Reads a series in the order in which it was sampled, block by block, then what is not sealed.
    ///
    /// - Throws: `badData` at a block whose checksum does not fit.
    public func samples(
        _ query: SampleQuery, _ body: (SampleRow) throws -> Void
    ) throws(Fault) {
        try read { db in
            var thinner = Thinner(query)
            try readBlocks(db, query) { try thinner.take($0, body) }
            try readHot(db, query) { try thinner.take($0, body) }
            try thinner.finish(body)
        }
    }

    private func readBlocks(
        _ db: Database, _ query: SampleQuery, _ body: (SampleRow) throws -> Void
    ) throws {
        let table = query.table
        let device = query.byDevice ? "major, minor" : "NULL, NULL"
        var blocks = try FastStatement(
            db,
            """
            SELECT first_tick, last_tick, hour_s, \(device), data FROM \(table.sealed)
            WHERE container = ? AND hour_s > ? AND hour_s < ?
            ORDER BY container, \(query.byDevice ? "major, minor, " : "")first_tick
            """)
        blocks.bind(
            query.container, query.from.map { $0.seconds - 3600 } ?? .min,
            query.to.map { $0.seconds + 1 } ?? .max)
        while try blocks.step() {
            let ticks =
                (blocks.integer(0) ?? 0)...max(blocks.integer(0) ?? 0, blocks.integer(1) ?? 0)
            let columns: [Sealing.Column]
            do throws(BlockError) {
                columns = try SampleColumns(blocks.bytes(5), isSample: !query.byDevice).columns
            } catch {
                let hour = Instant(seconds: blocks.integer(2) ?? 0)
                throw Fault(
                    .badData, at: "\(path), \(table.sealed) of \(hour)", found: "\(error)",
                    cure: "octroi store check says what else is damaged; a backup has it whole")
            }
            let times = try times(db, ticks)
            let numbers = columns.map(\.numbers)
            for (index, tick) in (numbers.first ?? []).enumerated() {
                guard let tick, let at = times[tick] else { continue }
                // A block of an older Octroi lacks the columns that came later.
                let values = table.values.indices.map {
                    $0 + 1 < numbers.count ? numbers[$0 + 1][index] : nil
                }
                try body(
                    SampleRow(
                        at: at, major: blocks.integer(3), minor: blocks.integer(4), values: values))
            }
        }
    }

    private func times(_ db: Database, _ ticks: ClosedRange<Int64>) throws -> [Int64: Instant] {
        var statement = try FastStatement(
            db, "SELECT id, wall_ms FROM tick WHERE id BETWEEN ? AND ?")
        statement.bind(ticks.lowerBound, ticks.upperBound)
        var times: [Int64: Instant] = [:]
        while try statement.step() {
            times[statement.integer(0) ?? 0] = Instant(milliseconds: statement.integer(1) ?? 0)
        }
        return times
    }

    private func readHot(
        _ db: Database, _ query: SampleQuery, _ body: (SampleRow) throws -> Void
    ) throws {
        let table = query.table
        let device = query.byDevice ? "s.major, s.minor" : "NULL, NULL"
        // The ticks first: a hot table is kept by the tick.
        var rows = try FastStatement(
            db,
            """
            SELECT t.wall_ms, \(device), \(table.values.map { "s." + $0 }.joined(separator: ", "))
            FROM tick t CROSS JOIN \(table.hot) s ON s.tick = t.id AND s.container = ?
            WHERE t.id > (SELECT max(last_tick) FROM ledger_entry)
            ORDER BY t.id
            """)
        rows.bind(query.container)
        while try rows.step() {
            try body(
                SampleRow(
                    at: Instant(milliseconds: rows.integer(0) ?? 0), major: rows.integer(1),
                    minor: rows.integer(2),
                    values: table.values.indices.map { rows.integer(Int32($0) + 3) }))
        }
    }
}

/// Lets through what was asked for: the time, and of each stretch the last.
private struct Thinner {
    private let query: SampleQuery
    private var held: SampleRow?

    init(_ query: SampleQuery) { self.query = query }

    mutating func take(_ row: SampleRow, _ body: (SampleRow) throws -> Void) throws {
        guard query.from.map({ row.at >= $0 }) ?? true, query.to.map({ row.at < $0 }) ?? true
        else { return }
        guard query.every != nil else { return try body(row) }
        if let held, stretch(held) != stretch(row) { try body(held) }
        held = row
    }

    mutating func finish(_ body: (SampleRow) throws -> Void) throws {
        if let held { try body(held) }
    }

    private func stretch(_ row: SampleRow) -> [Int64?] {
        [query.every.map { row.at.milliseconds / $0 }, row.major, row.minor]
    }
}
