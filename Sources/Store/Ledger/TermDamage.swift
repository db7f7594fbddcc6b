import Foundation
import GRDB
import Units

/// Sentences about rows that decide amounts and differ from the changes in table `term`.
///
/// - Parameter most: the number of rows of a kind that are named; the others are only counted.
func termDamage(_ db: Database, most: Int) throws -> [String] {
    var damage = try unclosed(db)
    for kind in TermKind.all {
        var reader = try TermReader(db, kind)
        var count = 0
        while let (key, said, held) = try reader.next() {
            // If the last change has all fields and equals the row, nothing else is compared.
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

/// Changes of terms that are in no ledger entry; Octroi closes each change at once.
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

/// Reads the rows of a kind, and the recorded changes of each, key by key.
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

    /// The next key, with all recorded changes (`said`) and the present row (`held`).
    mutating func next() throws -> (key: String, said: [String], held: String?)? {
        let keys: [String] = [nextSaid, nextHeld].compactMap { $0?["key"] }
        // In the order of SQLite, which compares bytes.
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

/// The fields of a JSON object of texts; any other text becomes a field `unreadable`.
private func parsed(_ text: String) -> [String: String?] {
    let fields = try? JSONDecoder().decode([String: String?].self, from: Data(text.utf8))
    return fields ?? ["unreadable": text]
}

/// The result of all changes, applied one after another; `nil` without any change.
private func merged(_ said: [String]) -> [String: String?]? {
    said.isEmpty ? nil : said.reduce(into: [:]) { $0.merge(parsed($1)) { $1 } }
}

/// A sentence about the difference between the recorded and the present row; `nil` if they agree.
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

/// A row in words; for a version of a price book, with the book and its date.
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
