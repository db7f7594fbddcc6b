import Foundation
import GRDB
import Limits
import Metering
import Pricing
import Units

/// The content of the configuration files; `nil` for a file that was not given.
public struct Contract: Sendable {
    /// tenants.yaml.
    public var tenants: [Tenant]?
    /// prices.yaml.
    public var books: [PriceBook]?
    /// limits.yaml; tenants that are not named keep their limits.
    public var limits: [GrantedLimits] = []
    /// Ladders of budgets.yaml.
    public var ladders: [Ladder] = []
    /// Budgets of budgets.yaml.
    public var budgets: [Budget] = []

    /// Creates the content of tenants.yaml and prices.yaml; the other files are set afterwards.
    public init(tenants: [Tenant]?, books: [PriceBook]?) {
        (self.tenants, self.books) = (tenants, books)
    }
}

extension Store {
    /// Stores the content of configuration files, either all of it or nothing.
    ///
    /// - Parameters:
    ///   - isPlan: whether to undo everything at the end, to find out what would change.
    ///   - author: who does it and why, for the history of limits.
    /// - Returns: what changed, as sentences; empty if nothing did.
    public func apply(
        _ contract: Contract, isPlan: Bool, at now: Instant, by author: ChangeAuthor? = nil
    ) throws(Fault) -> [String] {
        try write(isPlan: isPlan) { db in
            var changes: [String] = []
            func add(_ done: [String], of tenant: String?, _ action: LimitChangeSet.Action) throws {
                changes += done
                try author?.note(db, done, of: tenant, action, at: now)
            }
            // Prices come before tenants, because tenants name price books.
            try Store.closingTerms(db, at: now) {
                if let books = contract.books {
                    try add(saveBooks(db, books, now), of: nil, .set)
                }
                if let tenants = contract.tenants {
                    try add(saveTenants(db, tenants, at: now), of: nil, .set)
                }
            }
            for limits in contract.limits {
                try add(saveLimits(db, limits, at: now), of: limits.tenant, .set)
            }
            for ladder in contract.ladders {
                try add(saveLadder(db, ladder), of: nil, .budget)
            }
            for budget in contract.budgets {
                try add(saveBudget(db, budget, at: now), of: budget.tenant, .budget)
            }
            return changes
        }
    }

    /// Every version of every price book, by id and date.
    public func bookVersions() throws(Fault) -> [PriceBook] {
        try read { try loadBooks($0).map(\.book) }
            .sorted { ($0.id, $0.effective) < ($1.id, $1.effective) }
    }

    /// The base units of custom meters by meter name.
    public func customUnits() throws(Fault) -> [String: String] {
        try read { db in
            try db.rows("SELECT name, unit FROM meter WHERE unit IS NOT NULL")
                .reduce(into: [:]) { $0[$1["name"] as String] = $1["unit"] as String }
        }
    }
}

/// The versions in force, each with its row, to which invoices refer.
func loadBooks(_ db: Database) throws -> [(row: Int64, book: PriceBook)] {
    try db.rows("SELECT id, definition FROM price_book WHERE replaced_ms IS NULL")
        .map { ($0["id"], try JSONDecoder().decode(PriceBook.self, from: $0["definition"])) }
}

/// A point in the history of the store: when a document was issued.
package struct DocumentPlace {
    /// The newest ledger entry at that time.
    package var entry: Int64
    /// When it was issued by the clock.
    package var issued: Instant

    package init(entry: Int64, issued: Instant) { (self.entry, self.issued) = (entry, issued) }
}

extension ReadTransaction {
    /// The price book versions in force, each with its row, to which invoices refer.
    package func priceBooks() throws -> [(row: Int64, book: PriceBook)] { try loadBooks(db) }

    /// The price book versions that were in force when a document was issued.
    package func priceBooks(at place: DocumentPlace) throws -> [PriceBook] {
        try loadBooks(db, at: place)
    }
}

/// The price book versions that were in force when a document was issued.
///
/// Versions are recorded in ledger entries, so the entry's number decides, not the clock. Versions
/// from before that was done are compared by time.
func loadBooks(_ db: Database, at place: DocumentPlace) throws -> [PriceBook] {
    try db.rows(
        """
        WITH said AS (
            SELECT CAST(key AS INTEGER) AS id, uid IS NULL AS is_older, entry,
                json_extract(said, '$.replaced_ms') AS replaced_ms
            FROM term WHERE kind = 'price_book')
        SELECT b.definition FROM price_book b WHERE EXISTS (
            SELECT 1 FROM said s WHERE s.id = b.id
                AND iif(s.is_older, b.applied_ms <= ?2, s.entry <= ?1))
        AND NOT EXISTS (
            SELECT 1 FROM said s WHERE s.id = b.id AND s.replaced_ms IS NOT NULL
                AND iif(s.is_older, b.replaced_ms <= ?2, s.entry <= ?1))
        """, [place.entry, place.issued.milliseconds]
    ).map { try JSONDecoder().decode(PriceBook.self, from: $0["definition"]) }
}

/// The price book version in a row, even if it is not in force any more.
func loadBook(_ db: Database, row: Int64) throws -> PriceBook {
    let definition = try db.value(
        Data.self, "SELECT CAST(definition AS BLOB) FROM price_book WHERE id = ?", [row])
    return try JSONDecoder().decode(PriceBook.self, from: definition ?? Data())
}

/// Stores new and changed price books; a changed one replaces its version and keeps its row.
private func saveBooks(_ db: Database, _ books: [PriceBook], _ now: Instant) throws -> [String] {
    var changes: [String] = []
    for book in books {
        let definition = try json(book)
        let before = try db.row(
            """
            SELECT id, definition FROM price_book
            WHERE book = ? AND effective_s = ? AND replaced_ms IS NULL
            """, [book.id, book.effective.seconds])
        guard before?["definition"] != definition else { continue }
        // The old version stays in the store, since invoices refer to its row.
        if let old = before?["id"] as Int64? {
            try db.run(
                "UPDATE price_book SET replaced_ms = ? WHERE id = ?", [now.milliseconds, old])
            try say(db, .priceBook, only: ["replaced_ms"], where: "r.id = ?", [old])
        }
        try db.run(
            """
            INSERT INTO price_book (book, effective_s, memory, definition, applied_ms)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                book.id, book.effective.seconds, book.memory.rawValue, definition,
                now.milliseconds,
            ])
        let row = db.lastInsertedRowID
        // The kernel files that prices depend on decide which missing readings matter for a bill.
        for file in book.pricedFiles {
            try db.run(
                "INSERT INTO priced_file VALUES (?, ?, ?, ?)",
                [row, file.file, file.isCounted, file.meters])
        }
        try say(db, .priceBook, where: "r.id = ?", [row])
        try saveCustomMeters(db, book)
        changes.append(
            "\(before == nil ? "new" : "changed") price book \(book.id) from \(book.effective)")
    }
    return changes
}

/// Adds the custom meters that a book prices.
///
/// - Throws: `badData` if the store counts such a meter in another unit.
private func saveCustomMeters(_ db: Database, _ book: PriceBook) throws {
    for (name, price) in book.meters.sorted(by: { $0.key < $1.key }) {
        // Meters of Octroi itself have fixed units.
        guard Meter(name)?.dimension == nil else { continue }
        let unit = price.per.dimension.baseUnit
        let known = try db.value(
            String.self, "SELECT unit FROM meter WHERE name = ?", [name])
        if let known, known != unit {
            throw Fault(
                .badData, at: "price book \(book.id), meter \(name)",
                problem: "its unit is \(unit), and the store counts this meter in \(known)",
                suggestion: "Give one meter one unit, or name the other meter differently")
        }
        try db.run(
            """
            INSERT INTO meter (name, shown_as, unit) VALUES (?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET unit = excluded.unit
            """, [name, name, unit])
    }
}
