import GRDB
import Units

/// Records in table `assignment` who owns a container's hours from now on.
///
/// The table `attribution` has the result; `attributionDamage` compares the two.
///
/// - Parameters:
///   - since: the start in seconds since 1970.
///   - until: the end, exclusive; `nil` for all later hours.
///   - tenant: the owner; `nil` for nobody.
func noteAssignment(
    _ db: Database, _ container: Int64, since: Int64, until: Int64?, to tenant: String?
) throws {
    try db.cachedStatement(
        sql: "INSERT INTO assignment (container, since_s, until_s, tenant) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [container, since, until, tenant])
}

/// Where table `attribution` differs from what the assignments lead to, as sentences.
///
/// - Parameter most: the number of containers to name; further ones are only counted.
func attributionDamage(_ db: Database, most: Int) throws -> [String] {
    var said = try SpanReader(db, "SELECT * FROM assignment ORDER BY container, id")
    var held = try SpanReader(db, "SELECT * FROM attribution ORDER BY container, since_s")
    var damage: [String] = []
    var count = 0
    while let container = [said.container, held.container].compactMap(\.self).min() {
        let (told, found) = (
            owners(try said.take(container)), owners(try held.take(container))
        )
        // Equal owners in the same hours, however they were split into rows.
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

/// Hours that belong to one tenant, in seconds since 1970, `until` exclusive.
private struct Span: Equatable {
    var since: Int64
    var until: Int64
    var tenant: String?

    /// What is left of this span without the hours of another.
    func without(_ other: Span) -> [Span] {
        [
            Span(since: since, until: min(until, other.since), tenant: tenant),
            Span(since: max(since, other.until), until: until, tenant: tenant),
        ].filter { $0.since < $0.until }
    }
}

/// Reads spans container by container from rows that are sorted by container.
private struct SpanReader {
    private let rows: RowCursor
    private var next: (container: Int64, span: Span)?

    init(_ db: Database, _ sql: String) throws {
        rows = try Row.fetchCursor(db, sql: sql)
        try advance()
    }

    /// The container whose spans come next; `nil` at the end.
    var container: Int64? { next?.container }

    /// Reads the next row.
    private mutating func advance() throws {
        next = try rows.next().map { row -> (container: Int64, span: Span) in
            let until: Int64? = row["until_s"]
            return (
                row["container"],
                Span(since: row["since_s"], until: until ?? .max, tenant: row["tenant"])
            )
        }
    }

    /// The spans of a container, in order; empty if other containers come next.
    mutating func take(_ container: Int64) throws -> [Span] {
        var spans: [Span] = []
        while let found = next, found.container == container {
            spans.append(found.span)
            try advance()
        }
        return spans
    }
}

/// The owners after a sequence of assignments, each of which overrides those before it.
///
/// Example: hours 0 to 10 to acme, then hours 3 to 5 to shop, gives acme 0 to 3, shop 3 to 5 and
/// acme 5 to 10.
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

/// Spans in words, for a message.
private func words(_ spans: [Span]) -> String {
    if spans.isEmpty { return "nobody" }
    return spans.prefix(5).map { span in
        let until = span.until == .max ? "on" : "to \(time(span.until))"
        return "\(span.tenant ?? "nobody") from \(time(span.since)) \(until)"
    }.joined(separator: ", ") + (spans.count > 5 ? ", and more" : "")
}
