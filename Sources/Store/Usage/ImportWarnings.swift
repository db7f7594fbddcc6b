import GRDB
import Metering
import Units

// Warnings about the tenant and the prices of new rows.
extension ImportStage {
    /// Warns of rows in hours that an operator moved to another tenant (`octroi tenant assign`).
    ///
    /// That tenant pays for the rows, not the one in the file: the decision was about all usage of
    /// these hours.
    func assigned() throws -> [String] {
        let rows = try db.rows(
            """
            SELECT a.path, a.tenant, t.tenant, min(r.line), count(*)
            FROM import_account a
            CROSS JOIN attribution t ON t.container = a.container AND t.tenant IS NOT a.tenant
            CROSS JOIN import_meter m
            CROSS JOIN import_row r ON r.account = a.id AND r.meter = m.id
                AND r.end_ms > t.since_s * 1000
                AND (t.until_s IS NULL OR r.start_ms < t.until_s * 1000)
            GROUP BY a.id, t.tenant ORDER BY 4, 3
            """)
        let lines = rows.map { row in
            let (path, named, line, count): (String, String, Int64, Int64) = (
                row[0], row[1], row[3], row[4]
            )
            let payer = (row[2] as String?).map { "tenant \($0)" } ?? "nobody"
            let what = count == 1 ? "it lies" : "\(count) rows of it lie"
            return "line \(line): container \(quoted(path)) of tenant \(named): \(what) in hours "
                + "that were given to \(payer), who pays for them (octroi tenant unassign lists that)"
        }
        return shortened(lines, "containers")
    }

    /// Warns of rows that begin before the first version of their tenant's price book.
    func early(_ survey: ImportSurvey) throws -> [String] {
        let lines = survey.early.sorted { $0.key < $1.key }.compactMap { tenant, early -> String? in
            guard let book = tenants[tenant]?.priceBook, let first = firstPrices[book] else {
                return nil
            }
            let what =
                early.count == 1 ? "it begins" : "\(early.count) rows of tenant \(tenant) begin"
            return
                "line \(early.line): \(what) before \(first), when price book \(book) begins: no invoice can bill that "
                + "until an earlier version of the book is applied"
        }
        return shortened(lines, "tenants")
    }

    /// Refuses a row that begins before all price books, which is a typing mistake.
    ///
    /// - Throws: `badData` with the line.
    func requirePriced(_ usage: ImportedUsage) throws {
        guard let first = firstPrice, usage.period.start < first else { return }
        throw Fault(
            .badData, at: "line \(usage.row), start",
            problem: "\(usage.period.start), before every price book: the first begins on \(first)",
            suggestion:
                "Correct the time, or first apply prices that are effective by then: an import "
                + "cannot be undone")
    }
}

/// The first ten lines, and a line with the number of the others.
private func shortened(_ lines: [String], _ what: String) -> [String] {
    guard lines.count > 10 else { return lines }
    return Array(lines.prefix(10)) + ["and \(lines.count - 10) more \(what) like these"]
}
