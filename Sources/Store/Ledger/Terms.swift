import GRDB
import Glibc
import Metering
import Units

/// A kind of term: a row that may change and decides amounts, such as a price book or a tenant.
///
/// Each change is recorded in table `term`, and so in the ledger's chain.
struct TermKind: Sendable {
    let name: String
    /// SQL: the table of its rows.
    let rows: String
    /// SQL: the key of a row, which never changes.
    let key: String
    let fields: [(name: String, value: String)]

    /// SQL: the fields as a JSON object.
    ///
    /// Values are texts; a field without a value is null.
    private func said(_ chosen: Set<String>?) -> String {
        let parts = fields.filter { chosen?.contains($0.name) ?? true }.map {
            "'\($0.name)', CAST(\($0.value) AS TEXT)"
        }
        return "json_object(\(parts.joined(separator: ", ")))"
    }

    /// SQL: each present row, in the form of a recorded change, by its key.
    var held: String {
        "SELECT CAST(\(key) AS TEXT) AS key, \(said(nil)) AS said FROM \(rows) ORDER BY 1"
    }

    /// SQL: records the fields of the rows that meet a condition.
    fileprivate func appending(
        _ chosen: Set<String>?, _ condition: String, by uid: Int64?
    ) -> String {
        """
        INSERT INTO term (uid, kind, key, said)
        SELECT \(uid.map(String.init) ?? "NULL"), '\(name)', \(key), \(said(chosen)) FROM \(rows) WHERE \(condition)
        ORDER BY \(key)
        """
    }
}

extension TermKind {
    static let all = [priceBook, tenant, invoicedPeriod, lateEntry, ratingRules]

    static let priceBook = TermKind(
        name: "price_book", rows: "price_book r", key: "r.id",
        fields: columns("book effective_s memory") + [
            ("definition_sha256", "sha256(r.definition)")
        ] + columns("applied_ms replaced_ms") + [
            (
                "files",
                """
                (SELECT group_concat(file || ' ' || is_counted || ' ' || meters, '; ')
                 FROM (SELECT * FROM priced_file WHERE price_book = r.id ORDER BY file, is_counted))
                """
            )
        ])

    static let tenant = TermKind(
        name: "tenant", rows: "tenant r", key: "r.id",
        fields: columns("place name price_book invoice_to since_s until_s removed_ms") + [
            (
                "rules",
                """
                (SELECT group_concat(kind || ' ' || quote(pattern), ', ')
                 FROM (SELECT * FROM tenant_rule WHERE tenant = r.id AND until_ms IS NULL
                     ORDER BY place, kind, pattern))
                """
            )
        ])

    static let invoicedPeriod = TermKind(
        name: "invoiced_period", rows: "invoiced_period r", key: "r.id",
        fields: columns("tenant start_s end_s issued_ms"))

    static let lateEntry = TermKind(
        name: "late_entry", rows: "late_entry r", key: "r.entry",
        fields: columns("first_hour_s last_hour_s"))

    /// There is no row if all invoices were made by the same rules.
    static let ratingRules = TermKind(
        name: "rating_rules", rows: "(SELECT * FROM rating_rules WHERE first_seal > 1) r",
        key: "r.rules", fields: columns("first_seal"))

    private static func columns(_ names: String) -> [(name: String, value: String)] {
        names.split(separator: " ").map { (String($0), "r.\($0)") }
    }
}

/// Records the present values of rows in table `term`, or only those of the named fields.
///
/// A command records only the fields that it changed. So a forged value of another field stays
/// detectable. Call it only inside `closingTerms`.
///
/// - Parameter uid: the user who made the change; `nil` if no user did.
func say(
    _ db: Database, _ kind: TermKind, only fields: Set<String>? = nil, where condition: String,
    _ arguments: StatementArguments, by uid: Int64? = Int64(getuid())
) throws {
    try db.execute(sql: kind.appending(fields, condition, by: uid), arguments: arguments)
}

extension Store {
    /// Runs `change`, and closes the terms that it records in an entry of their own.
    ///
    /// Earlier rows of `term` without an entry were not written by Octroi. They are not closed.
    static func closingTerms<Value>(
        _ db: Database, at now: Instant, _ change: () throws -> Value
    ) throws -> Value {
        let last = try db.value(Int64.self, "SELECT max(id) FROM term") ?? 0
        let value = try change()
        try closeTerms(db, after: last, at: now)
        return value
    }
}
