import GRDB
import Invoicing
import Metering
import Pricing
import Units

/// Adds up ledger rows by segment, meter and account, in one pass and without allocations for rows.
package struct UsageSweep {
    /// A row of a container whose hour is not closed yet; the quantity is in base units.
    package struct OpenRow: Hashable, Sendable {
        var hour: Int64
        var meter: Int64
        var assurance: Int64
        var quantity: Int64
    }

    private let db: Database
    private let meters: MeterTable
    /// Rows that are not closed yet, by container; empty if only closed rows count.
    private let open: [Int64: [OpenRow]]

    /// Prepares to read in a transaction.
    ///
    /// - Parameter open: the time whose rows count although they are not closed yet; `nil` for an
    ///   invoice, which counts only closed rows.
    package init(_ transaction: ReadTransaction, withOpen open: Period?) throws {
        db = transaction.db
        meters = try MeterTable(transaction.db)
        self.open = try open.map { try Self.openRows(transaction.db, $0) } ?? [:]
    }

    private static func openRows(_ db: Database, _ period: Period) throws -> [Int64: [OpenRow]] {
        var rows: [Int64: [OpenRow]] = [:]
        let cursor = try Row.fetchCursor(
            db,
            sql: """
                SELECT container, hour_s, meter, assurance, quantity FROM usage_open
                WHERE hour_s >= ? AND hour_s < ?
                """, arguments: [period.start.seconds, period.end.seconds])
        while let row = try cursor.next() {
            rows[row[0], default: []].append(
                OpenRow(hour: row[1], meter: row[2], assurance: row[3], quantity: row[4]))
        }
        return rows
    }

    /// The open rows of the hours before `hour`, by container.
    package func openRows(before hour: Instant) -> [Int64: [OpenRow]] {
        open.mapValues { rows in rows.filter { $0.hour < hour.seconds } }.filter {
            !$0.value.isEmpty
        }
    }

    /// Whether there is any usage in the spans.
    package func isUsed(_ spans: [OwnedSpan]) throws -> Bool {
        var find = try FastStatement(
            db, "SELECT 1 FROM usage WHERE container = ? AND hour_s >= ? AND hour_s < ? LIMIT 1")
        for span in spans {
            let rows = open[span.container] ?? []
            if rows.contains(where: { span.since <= $0.hour && $0.hour < span.until }) {
                return true
            }
            find.bind(span.container, span.since, span.until)
            if try find.step() {
                find.reset()
                return true
            }
        }
        return false
    }

    /// Adds up the usage of the spans, for each segment.
    ///
    /// - Parameters:
    ///   - segments: in order of time.
    ///   - entry: the newest entry of the ledger that counts; later rows are left out.
    ///   - assured: receives the quantities by meter and assurance.
    /// - Returns: the usage of each account in each segment, in base units.
    package func read(
        _ spans: [OwnedSpan], _ segments: [Segment], upTo entry: Int64 = .max,
        assured: inout AssuredUsage
    ) throws -> [AccountUsage] {
        var rows = try FastStatement(
            db,
            """
            SELECT hour_s, meter, quantity, assurance FROM usage
            WHERE container = ? AND hour_s >= ? AND hour_s < ? AND entry <= ?
            ORDER BY container, hour_s
            """)
        var sums = SegmentSums(segments, meters)
        var result: [AccountUsage] = []
        for span in spans {
            rows.bind(span.container, span.since, span.until, entry)
            if let open = open[span.container] {
                var all = open.filter { span.since <= $0.hour && $0.hour < span.until }
                while try rows.step() {
                    all.append(
                        OpenRow(
                            hour: rows.int64(0), meter: rows.int64(1), assurance: rows.int64(3),
                            quantity: rows.int64(2)))
                }
                for row in all.sorted(by: { $0.hour < $1.hour }) {
                    sums.add(row.hour, row.meter, row.quantity, row.assurance)
                }
            } else {
                while try rows.step() {
                    sums.add(rows.int64(0), rows.int64(1), rows.int64(2), rows.int64(3))
                }
            }
            sums.finish(span, into: &result, &assured)
        }
        return result
    }
}

extension MeterTable {
    init(_ db: Database) throws {
        let rows = try db.rows("SELECT * FROM meter ORDER BY id")
        let count = Int(rows.last?["id"] as Int64? ?? 0) + 1
        var (names, formulas) = (Array(repeating: "", count: count), [MemoryFormula?]())
        formulas = Array(repeating: nil, count: count)
        var ids: [String: Int64] = [:]
        for row in rows {
            let id: Int64 = row["id"]
            names[Int(id)] = row["shown_as"]
            formulas[Int(id)] = (row["memory_formula"] as String?).flatMap {
                MemoryFormula(rawValue: $0)
            }
            ids[row["name"]] = id
        }
        self.init(names: names, formulas: formulas, ids: ids)
    }
}
