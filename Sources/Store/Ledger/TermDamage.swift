import Foundation
import GRDB
import Units

/// Names the rows that decide amounts and are not as table `term` says.
///
/// - Parameter most: how many rows of a kind are named; the others are only counted.
func termDamage(_ db: Database, most: Int) throws -> [String] {
    var damage = try unclosed(db)
    for kind in TermKind.all {
        var reader = try TermReader(db, kind)
        var count = 0
        while let (key, said, held) = try reader.next() {
            // The last time that all of it was said needs no closer look if that is what is there.
            if said.last == held { continue }
            let found = differences(of: kind, key, said: merged(said), held: held.map(parsed))
            guard let found else { continue }
            count += 1
            if count <= most { damage.append(found) }
        }
        if count > most { damage.append("\(count - most) more rows of table \(kind.name) differ") }
    }
    return damage
}

/// Terms that no entry of the ledger holds: Octroi closes them as it says them.
private func unclosed(_ db: Database) throws -> [String] {
    let row = try db.row(
        "SELECT count(*) AS count, min(id) AS first FROM term WHERE entry = 0")
    guard let row, let first = row["first"] as Int64? else { return [] }
    let count: Int64 = row["count"]
    return [
        "table term: \(count) row\(count == 1 ? "" : "s") in no ledger entry, the first of id \(first), "
            + "\(count == 1 ? "was" : "were") added"
    ]
}

/// The rows of a kind beside what was said of them, key by key.
private struct TermReader {
    private let saidRows: RowCursor
    private let heldRows: RowCursor
    private var nextSaid: Row?
    private var nextHeld: Row?

    init(_ db: Database, _ kind: TermKind) throws {
        saidRows = try Row.fetchCursor(
            db, sql: "SELECT key, said FROM term WHERE kind = ? ORDER BY key, id",
            arguments: [kind.name])
        heldRows = try Row.fetchCursor(db, sql: kind.held)
        nextSaid = try saidRows.next()?.copy()
        nextHeld = try heldRows.next()?.copy()
    }

    /// The next key, with all that was said of it and what is there now.
    mutating func next() throws -> (key: String, said: [String], held: String?)? {
        let keys: [String] = [nextSaid, nextHeld].compactMap { $0?["key"] }
        // In SQLite's order, which is that of the bytes.
        let first = keys.min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard let key = first else { return nil }
        var said: [String] = []
        while let row = nextSaid, row["key"] == key {
            said.append(row["said"])
            nextSaid = try saidRows.next()?.copy()
        }
        var held: String?
        if let row = nextHeld, row["key"] == key {
            held = row["said"]
            nextHeld = try heldRows.next()?.copy()
        }
        return (key, said, held)
    }
}

/// The fields of a JSON object of texts; what cannot be read is one field of no known name.
private func parsed(_ text: String) -> [String: String?] {
    let fields = try? JSONDecoder().decode([String: String?].self, from: Data(text.utf8))
    return fields ?? ["unreadable": text]
}

/// What was said one after another comes to; `nil` if nothing was said.
private func merged(_ said: [String]) -> [String: String?]? {
    said.isEmpty ? nil : said.reduce(into: [:]) { $0.merge(parsed($1)) { $1 } }
}

private func differences(
    of kind: TermKind, _ key: String, said: [String: String?]?, held: [String: String?]?
) -> String? {
    let name = title(kind, key, said ?? held ?? [:])
    guard let said else { return "\(name) was added: nobody said it" }
    guard let held else { return "\(name) is missing" }
    let names = Set(said.keys).union(held.keys).sorted()
    let changed = names.filter { (said[$0] ?? nil) != (held[$0] ?? nil) }
    guard !changed.isEmpty else { return nil }
    let words = changed.map { field in
        "\(field) is \(shown(field, held[field] ?? nil)), where "
            + "\(shown(field, said[field] ?? nil)) was said"
    }
    return "\(name) was changed: \(words.joined(separator: "; "))"
}

/// A row in words: of a price book's version, which book's and from when on.
private func title(_ kind: TermKind, _ key: String, _ fields: [String: String?]) -> String {
    let key = escapingControlCharacters(shortened(key, to: 100))
    guard kind.name == TermKind.priceBook.name, let book = fields["book"] ?? nil else {
        return "\(kind.name) \(key)"
    }
    return "\(kind.name) \(key), \(quoted(book)) from "
        + shown("effective_s", fields["effective_s"] ?? nil) + ","
}

private func shown(_ field: String, _ value: String?) -> String {
    guard let value else { return "none" }
    if let number = Int64(value) {
        if field.hasSuffix("_s") { return time(number) }
        if field.hasSuffix("_ms") { return time(number / 1000) }
    }
    return quoted(value)
}
