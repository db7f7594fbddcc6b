import GRDB
import Units

/// Writes down whose hours of a container are said to be: all from `since` on, or until before `until`.
///
/// - Parameter tenant: `nil` is nobody.
func noteAssignment(
    _ db: Database, _ container: Int64, since: Int64, until: Int64?, to tenant: String?
) throws {
    try db.cachedStatement(
        sql: "INSERT INTO assignment (container, since_s, until_s, tenant) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [container, since, until, tenant])
}

/// Where table attribution is not what the assignments come to, in words.
///
/// - Parameter most: so many containers are named; the rest is counted.
func attributionDamage(_ db: Database, most: Int) throws -> [String] {
    var said = try SpanReader(db, "SELECT * FROM assignment ORDER BY container, id")
    var held = try SpanReader(db, "SELECT * FROM attribution ORDER BY container, since_s")
    var damage: [String] = []
    var count = 0
    while let container = [said.container, held.container].compactMap(\.self).min() {
        let (told, found) = (
            owners(try said.take(container)), owners(try held.take(container))
        )
        if told == found { continue }
        count += 1
        if count > most { continue }
        let path = try db.value(
            String.self, "SELECT path FROM container WHERE id = ?", [container])
        damage.append(
            "attribution of \(path ?? "container \(container)") was changed: \(words(found)), where "
                + "\(words(told)) was said")
    }
    if count > most { damage.append("attribution of \(count - most) more containers was changed") }
    return damage
}

/// Hours that are one tenant's.
private struct Span: Equatable {
    var since: Int64
    var until: Int64
    var tenant: String?

    /// What is left of it without the hours of another.
    func without(_ other: Span) -> [Span] {
        [
            Span(since: since, until: min(until, other.since), tenant: tenant),
            Span(since: max(since, other.until), until: until, tenant: tenant),
        ].filter { $0.since < $0.until }
    }
}

/// Reads spans container by container.
private struct SpanReader {
    private let rows: RowCursor
    private var next: (container: Int64, span: Span)?

    init(_ db: Database, _ sql: String) throws {
        rows = try Row.fetchCursor(db, sql: sql)
        try advance()
    }

    /// The container whose spans come next; `nil` at the end.
    var container: Int64? { next?.container }

    private mutating func advance() throws {
        next = try rows.next().map { row -> (container: Int64, span: Span) in
            let until: Int64? = row["until_s"]
            return (
                row["container"],
                Span(since: row["since_s"], until: until ?? .max, tenant: row["tenant"])
            )
        }
    }

    /// The spans of a container, in order; none if others come next.
    mutating func take(_ container: Int64) throws -> [Span] {
        var spans: [Span] = []
        while let found = next, found.container == container {
            spans.append(found.span)
            try advance()
        }
        return spans
    }
}

/// What spans come to that were said one after another: each counts over those before it.
private func owners(_ spans: [Span]) -> [Span] {
    var owned: [Span] = []
    for span in spans {
        owned = owned.flatMap { $0.without(span) }
        if span.tenant != nil { owned.append(span) }
    }
    owned.sort { $0.since < $1.since }
    var joined: [Span] = []
    for span in owned {
        if let last = joined.last, last.until == span.since, last.tenant == span.tenant {
            joined[joined.count - 1].until = span.until
        } else {
            joined.append(span)
        }
    }
    return joined
}

private func words(_ spans: [Span]) -> String {
    if spans.isEmpty { return "nobody" }
    return spans.prefix(5).map { span in
        let until = span.until == .max ? "on" : "to \(time(span.until))"
        return "\(span.tenant ?? "nobody") from \(time(span.since)) \(until)"
    }.joined(separator: ", ") + (spans.count > 5 ? ", and more" : "")
}
