import GRDB
import Metering
import Pricing
import Units

// Imported rows that are refused, and those that may be mistakes and cause a warning.
extension ImportStage {
    /// Refuses a row of an unknown tenant, too far in the future, or before all prices.
    ///
    /// - Throws: `badData` with the line if a check fails.
    func require(_ usage: ImportedUsage) throws {
        guard tenants[usage.tenant] != nil else {
            throw Fault(
                .badData, at: "line \(usage.row), tenant",
                problem: "no tenant \(quoted(usage.tenant))",
                suggestion: "Add it to tenants.yaml and run octroi apply, or correct the name")
        }
        // A month may be paid in advance; a year that is to come is a slip of the key.
        guard usage.period.end <= now.advanced(bySeconds: 31 * 86_400) else {
            throw Fault(
                .badData, at: "line \(usage.row), end",
                problem: "\(usage.period.end), more than 31 days from now",
                suggestion: "Correct the time: an import is for past usage")
        }
        try requirePriced(usage)
    }

    /// Refuses usage that Octroi meters itself, because it would be billed twice.
    ///
    /// - Throws: `badData` with the first such line.
    func refuseMetered() throws {
        let kernel = meters.keys.filter { Meter.known.contains($0) }
        guard !kernel.isEmpty else { return }
        let names = kernel.map { "'\($0.name)'" }.joined(separator: ", ")
        let row = try db.row(
            """
            SELECT r.line, a.path, m.name
            FROM import_row r CROSS JOIN import_account a ON a.id = r.account
            CROSS JOIN import_meter m ON m.id = r.meter
            WHERE m.name IN (\(names))
                AND a.path IN (SELECT path FROM container WHERE boot IS NOT NULL)
            ORDER BY r.line LIMIT 1
            """)
        guard let row else { return }
        let (line, path, meter): (Int64, String, String) = (row[0], row[1], row[2])
        throw Fault(
            .badData, at: "line \(line), container",
            problem: "Octroi itself meters the \(meter) of \(quoted(path))",
            suggestion:
                "Import a correction under another container name, such as correction-1: the "
                + "invoice shows it by that name")
    }

    /// Refuses rows that were imported before with another quantity.
    ///
    /// - Throws: `badData` with the first such line.
    func refuseOtherQuantities() throws {
        let row = try db.row(
            """
            SELECT r.line, r.quantity_high, r.quantity_low, u.quantity_high, u.quantity_low
            FROM import_account a CROSS JOIN import_row r ON r.account = a.id
            CROSS JOIN import_meter m ON m.id = r.meter
            CROSS JOIN usage_import u ON u.container = a.container AND u.meter = m.meter
                AND u.start_ms = r.start_ms AND u.end_ms = r.end_ms
            WHERE a.container IS NOT NULL
                AND (r.quantity_high <> u.quantity_high OR r.quantity_low <> u.quantity_low)
            ORDER BY r.line LIMIT 1
            """)
        guard let row else { return }
        let line: Int64 = row[0]
        let new = Int128(high: row[1], low: row[2])
        let old = Int128(high: row[3], low: row[4])
        throw Fault(
            .badData, at: "line \(line), quantity",
            problem:
                "\(new), but \(old) was imported for the same start, end, tenant, container and "
                + "meter",
            suggestion:
                "Import only the difference, under another container name: imported usage is never "
                + "overwritten")
    }

    /// Warnings about new rows that may be mistakes, one sentence each.
    func warnings(_ survey: ImportSurvey) throws -> [String] {
        try unpriced(survey) + early(survey) + overlaps(survey) + assigned() + invoiced()
    }

    /// Warns of rows in time that invoices have billed; invoices credited in full do not count.
    private func invoiced() throws -> [String] {
        let rows = try db.rows(
            """
            SELECT v.tenant, v.number, min(r.line), count(*)
            FROM invoice v CROSS JOIN import_account a ON a.tenant = v.tenant
            CROSS JOIN import_meter m
            CROSS JOIN import_row r ON r.account = a.id AND r.meter = m.id
                AND r.start_ms < v.period_end_s * 1000 AND r.end_ms > v.period_start_s * 1000
            WHERE v.credits IS NULL
                AND EXISTS (SELECT 1 FROM invoice_segment s
                    WHERE s.invoice = v.number AND s.is_charged = 1)
                AND v.period_end_s * 1000 > (SELECT min(start_ms) FROM import_row)
                AND v.period_start_s * 1000 < (SELECT max(end_ms) FROM import_row)
            GROUP BY v.number ORDER BY v.period_start_s, v.number
            """)
        let gone = rows.isEmpty ? [] : try ReadTransaction(db: db).creditedInFull(before: .max)
        let lines = rows.filter { !gone.contains($0[1]) }.map { row in
            let (tenant, number, line, count): (String, String, Int64, Int64) = (
                row[0], row[1], row[2], row[3]
            )
            return
                "line \(line): \(count == 1 ? "it lies" : "\(count) rows from here lie") in time "
                + "that \(number) has billed already: the next invoice of tenant \(tenant) will carry "
                + "a correction"
        }
        guard lines.count > 10 else { return lines }
        return Array(lines.prefix(10)) + ["and \(lines.count - 10) more invoices to be corrected"]
    }

    /// Warns of meters that the tenant's price book does not price.
    private func unpriced(_ survey: ImportSurvey) throws -> [String] {
        let priced: [String: Set<String>] = try loadBooks(db).reduce(into: [:]) {
            $0[$1.book.id, default: []].formUnion($1.book.meters.keys)
        }
        let names = Dictionary(meters.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var lines: [String] = []
        for (use, line) in survey.firstLines.sorted(by: { $0.value < $1.value }) {
            // What limits grant is billed by the price of what is used.
            guard let meter = names[use.meter], !meter.isReservation else { continue }
            let place = "line \(line): \(meter.name) of tenant \(use.tenant)"
            guard let book = tenants[use.tenant]?.priceBook else {
                lines.append("\(place) cannot be invoiced: the tenant has no price book")
                continue
            }
            if priced[book]?.contains(meter.name) != true {
                lines.append("\(place) has no price in price book \(book)")
            }
        }
        guard lines.count > 10 else { return lines }
        return Array(lines.prefix(10)) + ["and \(lines.count - 10) more without a price"]
    }

    /// Warns of rows that overlap another row of the same account and meter.
    private func overlaps(_ survey: ImportSurvey) throws -> [String] {
        let (count, line) =
            survey.hasKnownAccounts
            ? try overlapsWithStored() : (survey.overlaps, survey.firstOverlap)
        guard count > 0 else { return [] }
        let more = count > 1 ? " (and \(count - 1) more such rows)" : ""
        return ["line \(line) overlaps another row of its meter and container: both count\(more)"]
    }

    /// The number of new rows that overlap a stored or another new row, and the first such line.
    private func overlapsWithStored() throws -> (count: Int, line: Int64) {
        // Of the stored rows that begin before a new one, the one that ends last can reach into it, however
        // long ago it began. Each stored row is read once: for the first new row that begins after it.
        let found = try db.row(
            """
            WITH placed AS (
                SELECT r.line, r.account, r.meter, r.start_ms, r.end_ms,
                    a.container AS container, m.meter AS known,
                    lag(r.start_ms) OVER (PARTITION BY r.account, r.meter
                        ORDER BY r.start_ms, r.end_ms) AS previous_ms
                FROM import_row r CROSS JOIN import_account a ON a.id = r.account
                CROSS JOIN import_meter m ON m.id = r.meter),
            ends AS (
                SELECT *, (SELECT max(u.end_ms) FROM usage_import u
                        WHERE u.container = p.container AND u.meter = p.known
                            AND u.start_ms < p.start_ms
                            AND u.start_ms >= ifnull(p.previous_ms, \(Int64.min))) AS stored_end,
                    EXISTS (SELECT 1 FROM usage_import u
                        WHERE u.container = p.container AND u.meter = p.known
                            AND u.start_ms >= p.start_ms AND u.start_ms < p.end_ms) AS holds_stored
                FROM placed p),
            reached AS (
                SELECT line, start_ms, holds_stored,
                    max(end_ms) OVER (PARTITION BY account, meter ORDER BY start_ms, end_ms
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS new_end,
                    max(stored_end) OVER (PARTITION BY account, meter ORDER BY start_ms, end_ms
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stored_end
                FROM ends)
            SELECT count(*), min(line) FROM reached
            WHERE new_end > start_ms OR stored_end > start_ms OR holds_stored
            """)
        return (found?[0] as Int? ?? 0, found?[1] as Int64? ?? 0)
    }
}
