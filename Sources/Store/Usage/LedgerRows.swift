import GRDB
import Metering
import Pricing
import Units

/// A row of the ledger of one account.
package struct LedgerRow {
    package var hour: Instant
    /// The meter's name in the ledger, which for memory includes the formula.
    package var meter: String
    /// In base units of the meter.
    package var quantity: Int64
    package var assurance: String
    /// The entry of the ledger's chain that closed it.
    package var entry: Int64
}

/// The kind of an account (a row of table `container`), and its identity if it is a cgroup.
package struct AccountOrigin {
    package var kind: String
    package var boot: String?
    package var cgroupID: Int64?
}

extension ReadTransaction {
    /// The kind and the identity of an account; `nil` if there is no such account.
    package func origin(of container: Int64) throws -> AccountOrigin? {
        try db.row(
            """
            SELECT c.kind, c.cgroup_id, b.boot_id FROM container c
            LEFT JOIN boot b ON b.id = c.boot WHERE c.id = ?
            """, [container]
        ).map { AccountOrigin(kind: $0["kind"], boot: $0["boot_id"], cgroupID: $0["cgroup_id"]) }
    }

    /// The closed rows of an account's hours, in order of time.
    ///
    /// - Parameters:
    ///   - span: the account, and its hours in seconds since 1970; `until` is exclusive.
    ///   - meters: one name or two, as invoices show them.
    ///   - memory: for memory, the formula whose rows are wanted.
    ///   - entry: the newest entry of the ledger that counts; later rows are left out.
    package func ledgerRows(
        of span: (container: Int64, since: Int64, until: Int64), meters: [String],
        memory: MemoryFormula, upTo entry: Int64
    ) throws -> [LedgerRow] {
        try db.rows(
            """
            SELECT u.hour_s, m.name, u.quantity, a.name, u.entry FROM usage u
            JOIN meter m ON m.id = u.meter JOIN assurance a ON a.id = u.assurance
            WHERE u.container = ? AND u.hour_s >= ? AND u.hour_s < ? AND u.entry <= ?
                AND m.shown_as IN (?, ?)
                AND (m.memory_formula IS NULL OR m.memory_formula = ?)
            ORDER BY u.hour_s, m.id, u.entry
            """,
            [
                span.container, span.since, span.until, entry, meters.first, meters.last,
                memory.rawValue,
            ]
        ).map {
            LedgerRow(
                hour: Instant(seconds: $0[0]), meter: $0[1], quantity: $0[2], assurance: $0[3],
                entry: $0[4])
        }
    }

    /// The ids of the newest ledger entry, account, and row of table `assignment`.
    package func newestRows() throws -> (entry: Int64, container: Int64, assignment: Int64) {
        func newest(_ table: String) throws -> Int64 {
            try db.value(Int64.self, "SELECT max(id) FROM \(table)") ?? 0
        }
        return try (newest("ledger_entry"), newest("container"), newest("assignment"))
    }

    /// Whether hours of an account up to `container` were given to a tenant after an `assignment`.
    package func wasAssigned(since assignment: Int64, upTo container: Int64) throws -> Bool {
        try db.value(
            Int64.self, "SELECT 1 FROM assignment WHERE id > ? AND container <= ? LIMIT 1",
            [assignment, container]) != nil
    }

    /// The accounts that belong to any tenant in an hour, with the tenant.
    ///
    /// Only accounts that have open rows in the hour, or are in `named`.
    package func accounts(inHour hour: Instant, or named: [Int64]) throws -> [(
        tenant: String, container: Int64
    )] {
        let list = "[\(named.map(String.init).joined(separator: ","))]"
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT a.tenant, a.container FROM attribution a
                WHERE a.container IN (SELECT container FROM usage_open WHERE hour_s = ?1
                        UNION SELECT value FROM json_each(?2))
                    AND a.tenant IS NOT NULL AND a.since_s <= ?1
                    AND (a.until_s IS NULL OR ?1 < a.until_s)
                ORDER BY a.container
                """, arguments: [hour.seconds, list])
        var found: [(tenant: String, container: Int64)] = []
        while let row = try rows.next() { found.append((row[0], row[1])) }
        return found
    }
}
