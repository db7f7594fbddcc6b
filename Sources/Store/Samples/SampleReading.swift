import GRDB
import Sealing
import Units

/// Which samples of a container to read.
public struct SampleQuery: Sendable {
    /// The container's row in table `container`.
    public var container: Int64
    /// Only samples at or after this time.
    public var from: Instant?
    /// Only samples before this time.
    public var to: Instant?
    /// Downsampling: only the last sample of each interval of this many ms.
    public var every: Int64?
    /// Whether to read the samples of each device instead of the container's.
    public var byDevice: Bool

    /// A query for all samples of a container, unless it is narrowed.
    public init(
        container: Int64, from: Instant? = nil, to: Instant? = nil, every: Int64? = nil,
        byDevice: Bool = false
    ) {
        (self.container, self.from, self.to) = (container, from, to)
        (self.every, self.byDevice) = (every, byDevice)
    }

    /// The tables that hold these samples.
    var table: SampleTable { byDevice ? .io : .samples }

    /// The names of the values in each row, in their order.
    public var columns: [String] { table.values }
}

/// One sample of a container, or of one of its devices.
public struct SampleRow: Hashable, Sendable {
    /// The time of the tick.
    public var at: Instant
    /// The device's major number; `nil` for a sample of the container.
    public var major: Int64?
    /// The device's minor number; `nil` for a sample of the container.
    public var minor: Int64?
    /// One value for each of `SampleQuery.columns`; `nil` if it was not measured.
    public var values: [Int64?]
}

extension Store {
    /// Reads samples in the order in which they were taken; by device, one device after another.
    ///
    /// Sealed blocks come first, then samples that are not sealed yet. Each block is read in a
    /// transaction of its own, so that a slow reader never delays the collector.
    ///
    /// - Throws: `badData` at a block that does not match its checksum; whatever `body` throws.
    public func samples(
        _ query: SampleQuery, _ body: (SampleRow) throws -> Void
    ) throws {
        // `nil` stands for the container's own samples.
        for device in try query.byDevice ? devices(query.container) : [nil] {
            var downsampler = Downsampler(query)
            var last: Int64 = -1
            while true {
                let part = try read { try nextPart($0, query, device, after: last) }
                for row in part.rows { try downsampler.take(row, body) }
                guard let end = part.lastTick else { break }
                last = end
            }
            try downsampler.finish(body)
        }
    }

    /// The devices for which a container has samples, in order.
    private func devices(_ container: Int64) throws(Fault) -> [SampleDevice?] {
        try read { db in
            try db.rows(
                """
                SELECT major, minor FROM sample_io_block WHERE container = :container
                UNION SELECT s.major, s.minor FROM tick t
                    CROSS JOIN sample_io s ON s.tick = t.id AND s.container = :container
                    WHERE t.id > \(lastClosedTick)
                ORDER BY 1, 2
                """, ["container": container]
            ).map { SampleDevice(major: $0["major"], minor: $0["minor"]) }
        }
    }

    /// Reads the next block after a tick, or else the samples that are not sealed.
    ///
    /// - Returns: the samples, and the block's last tick; `nil` if there is nothing after them.
    private func nextPart(
        _ db: Database, _ query: SampleQuery, _ device: SampleDevice?, after last: Int64
    ) throws -> (rows: [SampleRow], lastTick: Int64?) {
        let isDevice =
            device == nil
            ? "" : "AND major = \(device?.major ?? 0) AND minor = \(device?.minor ?? 0)"
        var blocks = try FastStatement(
            db,
            """
            SELECT first_tick, last_tick, hour_s, samples, data FROM \(query.table.sealed)
            WHERE container = ? \(isDevice) AND first_tick > ? AND hour_s > ? AND hour_s < ?
            ORDER BY first_tick LIMIT 1
            """)
        // A block covers the hour from hour_s on, so it may begin up to an hour before `from`.
        blocks.bind(
            query.container, last, query.from.map { $0.seconds - 3600 } ?? .min,
            query.to.map { $0.seconds + 1 } ?? .max)
        guard try blocks.step() else { return (try hot(db, query, device, after: last), nil) }
        // Copy the row, then move on to finish the statement. The row is invalid afterwards.
        let row = try SealedRow(blocks, query, device)
        _ = try blocks.step()
        return (try rows(db, query, row), row.lastTick)
    }

    /// Unpacks a block and adds the time of each tick.
    private func rows(
        _ db: Database, _ query: SampleQuery, _ block: SealedRow
    ) throws -> [SampleRow] {
        func damaged(_ found: String) -> Fault {
            Fault(
                .badData, at: "\(path), \(query.table.sealed) of \(time(block.hour))",
                problem: found,
                suggestion: "octroi store check names all damage; a backup may have these samples")
        }
        let numbers: [[Int64?]]
        do throws(BlockError) {
            numbers = try SampleColumns(block.data, tag: block.tag, isSample: !query.byDevice)
                .columns.map(\.numbers)
        } catch {
            throw damaged("\(error)")
        }
        let times = try times(db, block.firstTick, block.lastTick)
        return try (numbers.first ?? []).enumerated().map { index, tick in
            guard let tick, let at = times[tick] else {
                throw damaged("a sample whose row in table tick is gone")
            }
            // A block that an older version sealed lacks the columns that were added later.
            let values = query.table.values.indices.map {
                $0 + 1 < numbers.count ? numbers[$0 + 1][index] : nil
            }
            return SampleRow(
                at: at, major: block.device?.major, minor: block.device?.minor, values: values)
        }
    }

    /// The times of a range of ticks, by tick.
    private func times(
        _ db: Database, _ first: Int64, _ last: Int64
    ) throws -> [Int64: Instant] {
        var statement = try FastStatement(
            db, "SELECT id, wall_ms FROM tick WHERE id BETWEEN ? AND ?")
        statement.bind(first, last)
        var times: [Int64: Instant] = [:]
        while try statement.step() {
            times[statement.integer(0) ?? 0] = Instant(milliseconds: statement.integer(1) ?? 0)
        }
        return times
    }

    /// The samples after a tick that are not sealed yet.
    private func hot(
        _ db: Database, _ query: SampleQuery, _ device: SampleDevice?, after last: Int64
    ) throws -> [SampleRow] {
        let table = query.table
        let isDevice =
            device == nil
            ? "" : "AND s.major = \(device?.major ?? 0) AND s.minor = \(device?.minor ?? 0)"
        // CROSS JOIN makes SQLite go through the ticks first, because the table is sorted by tick.
        var rows = try FastStatement(
            db,
            """
            SELECT t.wall_ms, \(table.values.map { "s." + $0 }.joined(separator: ", "))
            FROM tick t CROSS JOIN \(table.hot) s ON s.tick = t.id AND s.container = ? \(isDevice)
            WHERE t.id > max(?, \(lastClosedTick)) ORDER BY t.id
            """)
        rows.bind(query.container, last)
        var result: [SampleRow] = []
        while try rows.step() {
            result.append(
                SampleRow(
                    at: Instant(milliseconds: rows.integer(0) ?? 0), major: device?.major,
                    minor: device?.minor,
                    values: table.values.indices.map { rows.integer(Int32($0) + 1) }))
        }
        return result
    }
}

/// SQL: the last tick whose samples are sealed.
let lastClosedTick = "(SELECT last_tick FROM ledger_entry ORDER BY id DESC LIMIT 1)"

/// A block device of a container.
private struct SampleDevice: Hashable {
    let major: Int64
    let minor: Int64
}

/// One row of a table of sealed blocks.
private struct SealedRow {
    let firstTick: Int64
    let lastTick: Int64
    let hour: Int64
    let data: [UInt8]
    let device: SampleDevice?
    /// The row's other fields, which the block's checksum covers together with its bytes.
    let tag: [Int64]

    init(_ row: FastStatement, _ query: SampleQuery, _ device: SampleDevice?) throws {
        (firstTick, lastTick) = (row.integer(0) ?? 0, row.integer(1) ?? 0)
        (hour, data, self.device) = (row.integer(2) ?? 0, row.bytes(4), device)
        tag =
            [query.container] + (device.map { [$0.major, $0.minor] } ?? [])
            + [firstTick, lastTick, hour, row.integer(3) ?? 0]
    }
}

/// Keeps the samples within the requested time, and of each interval the last one.
private struct Downsampler {
    private let query: SampleQuery
    /// The last sample of the current interval; it is passed on once the next interval begins.
    private var held: SampleRow?

    init(_ query: SampleQuery) { self.query = query }

    /// Takes the next sample and passes on those that are complete.
    mutating func take(_ row: SampleRow, _ body: (SampleRow) throws -> Void) throws {
        guard query.from.map({ row.at >= $0 }) ?? true, query.to.map({ row.at < $0 }) ?? true
        else { return }
        guard query.every != nil else { return try body(row) }
        if let held, stretch(held) != stretch(row) { try body(held) }
        held = row
    }

    /// Passes on the sample that is still held.
    mutating func finish(_ body: (SampleRow) throws -> Void) throws {
        if let held { try body(held) }
    }

    /// The number of the interval that a sample falls into.
    private func stretch(_ row: SampleRow) -> Int64? {
        query.every.map { row.at.milliseconds / $0 }
    }
}
