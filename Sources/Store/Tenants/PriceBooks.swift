import Foundation
import GRDB
import Limits
import Metering
import Pricing
import Units

/// What the files of the config folder say; `nil` is "no such file was given".
public struct Contract: Sendable {
    public var tenants: [Tenant]?
    public var books: [PriceBook]?
    /// What tenants' contracts grant; a tenant that is not named keeps what it has.
    public var limits: [GrantedLimits] = []
    public var ladders: [Ladder] = []
    public var budgets: [Budget] = []

    public init(tenants: [Tenant]?, books: [PriceBook]?) {
        (self.tenants, self.books) = (tenants, books)
    }
}

extension Store {
    /// Brings tenants and price books to what the files say: all of it or nothing.
    ///
    /// - Parameters:
    ///   - isPlan: whether to roll everything back after finding out what would change.
    ///   - author: who does it and why: written into the record of limits.
    /// - Returns: what changed, in words; empty if the store said the same already.
    public func apply(
        _ contract: Contract, isPlan: Bool, at now: Instant, by author: ChangeAuthor? = nil
    ) throws(Fault) -> [String] {
        try write(isPlan: isPlan) { db in
            var changes: [String] = []
            func add(_ done: [String], of tenant: String?, _ action: LimitChangeSet.Action) throws {
                changes += done
                try author?.note(db, done, of: tenant, action, at: now)
            }
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

    /// The base units of custom meters, by meter name.
    public func customUnits() throws(Fault) -> [String: String] {
        try read { db in
            try db.rows("SELECT name, unit FROM meter WHERE unit IS NOT NULL")
                .reduce(into: [:]) { $0[$1["name"] as String] = $1["unit"] as String }
        }
    }
}

/// The versions in force; a book's row is what invoices pin.
func loadBooks(_ db: Database) throws -> [(row: Int64, book: PriceBook)] {
    try db.rows("SELECT id, definition FROM price_book WHERE replaced_ms IS NULL")
        .map { ($0["id"], try JSONDecoder().decode(PriceBook.self, from: $0["definition"])) }
}

/// When a document was made.
package struct DocumentPlace {
    /// The ledger's newest entry.
    package var entry: Int64
    package var issued: Instant

    package init(entry: Int64, issued: Instant) { (self.entry, self.issued) = (entry, issued) }
}

extension ReadTransaction {
    /// The versions of price books that are in force, each with its row, which invoices pin.
    package func priceBooks() throws -> [(row: Int64, book: PriceBook)] { try loadBooks(db) }

    /// The versions that were in force when a document was made.
    package func priceBooks(at place: DocumentPlace) throws -> [PriceBook] {
        try loadBooks(db, at: place)
    }
}

/// The versions that were in force when a document was made.
///
/// What was said of a version since the ledger's chain holds it tells by its entries, whatever the clock said;
/// what an older Octroi left, by its times.
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

func loadBook(_ db: Database, row: Int64) throws -> PriceBook {
    let definition = try db.value(
        Data.self, "SELECT CAST(definition AS BLOB) FROM price_book WHERE id = ?", [row])
    return try JSONDecoder().decode(PriceBook.self, from: definition ?? Data())
}

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

private func saveCustomMeters(_ db: Database, _ book: PriceBook) throws {
    for (name, price) in book.meters.sorted(by: { $0.key < $1.key }) {
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
