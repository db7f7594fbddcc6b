import Metering
import Units

/// Facts about all new rows of an import, collected in one pass; warnings are based on them.
struct ImportSurvey {
    /// A meter that a tenant uses.
    struct Use: Hashable {
        var tenant: String
        /// The meter's id in the temporary table `import_meter`.
        var meter: Int64
    }

    /// Rows of a tenant that begin before the first version of its price book.
    struct Early {
        var line: Int64
        var count: Int
    }

    private(set) var count = 0
    /// The first line of each meter of each tenant.
    private(set) var firstLines: [Use: Int64] = [:]
    private(set) var early: [String: Early] = [:]
    /// The number of new rows that overlap another new row of the same account and meter.
    private(set) var overlaps = 0
    private(set) var firstOverlap = Int64.max
    /// Whether an account was imported before: then its stored rows may overlap, too.
    private(set) var hasKnownAccounts = false
    /// The first and the last hour, in seconds since 1970; `nil` if nothing was used.
    private(set) var hours: (first: Int64, last: Int64)?

    /// Reads all new rows of an import.
    ///
    /// - Throws: `badData` if the quantity of an hour exceeds 64 bits.
    init(_ stage: ImportStage) throws {
        var splitter = HourSplitter(stage.zone)
        try stage.forEachAccount { account, rows in
            if account.container != nil { hasKnownAccounts = true }
            add(rows, of: account.tenant, from: stage.firstPrice(of: account.tenant))
            for part in try splitter.parts(of: rows, { Int($0) }) {
                hours = (
                    min(hours?.first ?? part.hour, part.hour),
                    max(hours?.last ?? part.hour, part.hour)
                )
            }
        }
    }

    private mutating func add(_ rows: [ImportRow], of tenant: String, from first: Instant?) {
        count += rows.count
        var (meter, end) = (Int64.min, Int64.min)
        for row in rows {
            if row.meter != meter { (meter, end) = (row.meter, .min) }
            if end > row.start {
                overlaps += 1
                firstOverlap = min(firstOverlap, row.line)
            }
            end = max(end, row.end)
            if let first, row.start < first.milliseconds {
                let known = early[tenant] ?? Early(line: row.line, count: 0)
                early[tenant] = Early(line: min(known.line, row.line), count: known.count + 1)
            }
        }
        for (meter, line) in firstLines(of: rows) {
            let use = Use(tenant: tenant, meter: meter)
            firstLines[use] = min(firstLines[use] ?? line, line)
        }
    }

    /// The first line of each meter.
    private func firstLines(of rows: [ImportRow]) -> [(meter: Int64, line: Int64)] {
        rows.reduce(into: []) { lines, row in
            if let last = lines.last, last.meter == row.meter {
                lines[lines.count - 1].line = min(last.line, row.line)
            } else {
                lines.append((row.meter, row.line))
            }
        }
    }
}

extension ImportStage {
    /// The start of a tenant's price book; `nil` if it has none, or the book is unknown.
    func firstPrice(of tenant: String) -> Instant? {
        tenants[tenant]?.priceBook.flatMap { firstPrices[$0] }
    }
}
