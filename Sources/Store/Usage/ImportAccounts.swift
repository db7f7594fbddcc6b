import GRDB
import Metering
import Units

/// An account of an import: a container name of one tenant.
struct ImportAccount {
    /// Its id in the temporary table `import_account`.
    var id: Int64
    var tenant: String
    var path: String
    /// Its id in the store; `nil` if the store does not know it yet.
    var container: Int64?
}

/// An imported row of an account.
struct ImportRow {
    /// The meter's id in the temporary table `import_meter`.
    var meter: Int64
    /// The start, in ms since 1970.
    var start: Int64
    /// The end, exclusive, in ms since 1970.
    var end: Int64
    /// In base units of the meter.
    var quantity: Int128
    /// The line of the file, for errors.
    var line: Int64

    var period: Period? {
        Period(start: Instant(milliseconds: start), end: Instant(milliseconds: end))
    }
}

extension ImportStage {
    /// Calls `body` for each account, in the order in which the ledger keeps them.
    ///
    /// - Parameter body: gets the account's rows in order of meter, start and end.
    func forEachAccount(_ body: (ImportAccount, [ImportRow]) throws -> Void) throws {
        var find = try FastStatement(
            db,
            """
            SELECT meter, start_ms, end_ms, quantity_high, quantity_low, line FROM import_row
            WHERE account = ? ORDER BY meter, start_ms, end_ms
            """)
        // A statement that is left in the middle would go on there the next time.
        defer { find.reset() }
        let accounts = try Row.fetchCursor(
            db, sql: "SELECT id, tenant, path, container FROM import_account ORDER BY container, id"
        )
        var rows: [ImportRow] = []
        while let account = try accounts.next() {
            rows.removeAll(keepingCapacity: true)
            let id: Int64 = account[0]
            find.bind(id)
            while try find.step() {
                rows.append(
                    ImportRow(
                        meter: find.int64(0), start: find.int64(1), end: find.int64(2),
                        quantity: Int128(high: find.int64(3), low: find.int64(4)),
                        line: find.int64(5)))
            }
            guard !rows.isEmpty else { continue }
            try body(
                ImportAccount(
                    id: id, tenant: account[1], path: account[2], container: account[3]), rows)
        }
    }
}

/// Splits imported rows at the hours of the ledger.
struct HourSplitter {
    /// The usage of one meter in one hour.
    struct Part {
        /// The hour's start, in seconds since 1970.
        var hour: Int64
        /// The meter's place in the order of the ledger.
        var meter: Int
        var quantity: Int64
    }

    private let zone: BillingZone
    /// The hour of the last row, kept because most rows are in the same hour.
    private var hour: Period?

    init(_ zone: BillingZone) { self.zone = zone }

    /// The parts of an account's rows, by hour and meter, without parts of 0.
    ///
    /// - Parameter place: the place of a meter in the order of the ledger.
    /// - Throws: `badData` if the quantity of an hour exceeds 64 bits.
    mutating func parts(
        of rows: [ImportRow], _ place: (Int64) -> Int
    ) throws(Fault) -> [Part] {
        var parts: [Part] = []
        for row in rows {
            let meter = place(row.meter)
            for part in split(row) where part.quantity > 0 {
                guard let whole = Int64(exactly: part.quantity) else {
                    throw tooMuch(row.quantity, line: row.line)
                }
                let next = Part(hour: part.hour.seconds, meter: meter, quantity: whole)
                // Rows come in order of time: mostly the last part is the one to add to, or before it.
                if let last = parts.last, last.hour == next.hour, last.meter == meter {
                    let (sum, isOver) = last.quantity.addingReportingOverflow(whole)
                    if isOver { throw tooMuch(row.quantity, line: row.line) }
                    parts[parts.count - 1].quantity = sum
                } else {
                    parts.append(next)
                }
            }
        }
        return try joined(parts, rows)
    }

    private mutating func split(_ row: ImportRow) -> [HourPart] {
        guard let period = row.period else { return [] }
        if hour?.holds(period) != true { hour = zone.ledgerHour(of: period.start) }
        if let hour, hour.holds(period) {
            return [HourPart(hour: hour.start, quantity: row.quantity)]
        }
        return period.splitByHour(row.quantity, in: zone)
    }

    /// The parts in order, those of one hour and meter as one.
    private func joined(_ parts: [Part], _ rows: [ImportRow]) throws(Fault) -> [Part] {
        func isBefore(_ a: Part, _ b: Part) -> Bool { (a.hour, a.meter) < (b.hour, b.meter) }
        let isSorted = zip(parts, parts.dropFirst()).allSatisfy(isBefore)
        if isSorted { return parts }
        var joined: [Part] = []
        for part in parts.sorted(by: isBefore) {
            if let last = joined.last, last.hour == part.hour, last.meter == part.meter {
                let (sum, isOver) = last.quantity.addingReportingOverflow(part.quantity)
                if isOver {
                    let row = rows.first { $0.end > part.hour * 1000 } ?? rows[0]
                    throw tooMuch(row.quantity, line: row.line)
                }
                joined[joined.count - 1].quantity = sum
            } else {
                joined.append(part)
            }
        }
        return joined
    }
}
