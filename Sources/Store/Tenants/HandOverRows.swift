import GRDB
import Metering
import Units

/// An assignment: hours that an operator gave to a tenant by hand.
public struct Assignment: Sendable {
    /// Its number, by which it can be undone.
    public var number: Int64
    /// When it was made.
    public var at: Instant
    /// The user id of the operator.
    public var uid: Int64
    /// The container as the operator named it.
    public var container: String
    /// The tenant that got the hours.
    public var tenant: String
    /// The reason that was given.
    public var reason: String?
}

extension Store {
    /// The assignments that were not undone, newest first.
    public func assignments() throws(Fault) -> [Assignment] {
        try read { db in
            try db.rows(
                "SELECT * FROM hand_over WHERE undone_ms IS NULL ORDER BY id DESC"
            ).map { row in
                Assignment(
                    number: row["id"], at: Instant(milliseconds: row["at_ms"]), uid: row["uid"],
                    container: row["container"], tenant: row["tenant"], reason: row["reason"])
            }
        }
    }
}

extension WriteTransaction {
    /// Records an assignment and who owned its hours before.
    ///
    /// - Returns: the assignment's number.
    package func record(
        _ request: HandOverRequest, _ stretches: [Stretch], at now: Instant
    ) throws -> Int64 {
        try db.run(
            """
            INSERT INTO hand_over (at_ms, uid, container, tenant, reason) VALUES (?, ?, ?, ?, ?)
            """,
            [
                now.milliseconds, request.uid, request.container, request.to, request.reason,
            ])
        let number = db.lastInsertedRowID
        // The earlier owners are stored, so that the assignment can be undone.
        for part in stretches {
            try db.run(
                "INSERT INTO hand_over_part VALUES (?, ?, ?, ?, ?)",
                [number, part.container, part.since, part.until, part.tenant])
        }
        return number
    }

    /// Marks an assignment as undone.
    package func markUndone(_ number: Int64, at now: Instant) throws {
        try db.run(
            "UPDATE hand_over SET undone_ms = ? WHERE id = ?", [now.milliseconds, number])
    }
}

extension ReadTransaction {
    /// An assignment's new owner, and the stretches with their owners before.
    ///
    /// - Throws: `badData` if there is none of this number, or it was undone, or its hours changed
    ///   hands again since.
    package func assignment(_ number: Int64) throws -> (tenant: String, parts: [Stretch]) {
        func refuse(_ found: String, _ suggestion: String) -> Fault {
            Fault(.badData, at: "assignment \(number)", problem: found, suggestion: suggestion)
        }
        let row = try db.row(
            "SELECT tenant, undone_ms FROM hand_over WHERE id = ?", [number])
        guard let row else {
            throw refuse("there is no such assignment", "octroi tenant unassign lists them")
        }
        guard row["undone_ms"] as Int64? == nil else {
            throw refuse("it was undone already", "octroi tenant unassign lists the others")
        }
        let tenant: String = row["tenant"]
        let parts = try db.rows(
            "SELECT * FROM hand_over_part WHERE hand_over = ?", [number]
        ).map { row in
            Stretch(
                container: row["container"], since: row["since_s"], until: row["until_s"],
                tenant: row["tenant"])
        }
        for part in parts {
            let period = Period(
                start: Instant(seconds: part.since), end: Instant(seconds: part.until))
            guard let period else { continue }
            // The assignment can be undone only while all of its hours belong to the tenant it gave
            // them to.
            let isOwn = try stretches(db, of: part.container, over: period).allSatisfy {
                $0.tenant == tenant
            }
            guard isOwn else {
                throw refuse(
                    "hours of it changed hands again since",
                    "octroi tenant assign --from-tenant gives hours to whom they are due")
            }
        }
        return (tenant, parts)
    }

    /// The hours with usage in a stretch; `nil` if there are none.
    package func usedHours(_ stretch: Stretch) throws -> UsedHours? {
        try Store.usedHours(db, stretch)
    }
}
