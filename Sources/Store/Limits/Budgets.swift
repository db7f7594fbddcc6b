import Foundation
import GRDB
import Limits
import Units

extension Store {
    /// The budgets of all tenants, by tenant, with the state of each on its ladder.
    ///
    /// The state is `nil` before the first look, and after another ladder was chosen.
    public func budgets() throws(Fault) -> [(budget: Budget, state: LadderState?)] {
        try read { db in
            let rows = try db.rows(
                """
                SELECT b.* FROM budget b JOIN tenant t ON t.id = b.tenant
                WHERE t.removed_ms IS NULL ORDER BY b.tenant
                """)
            return try rows.map { row in
                // The state is JSON of a `LadderState`, written by the daemon.
                let state = try (row["state"] as Data?).map {
                    try JSONDecoder().decode(LadderState.self, from: $0)
                }
                return (try budget(row), state)
            }
        }
    }

    /// A text that changes whenever a budget or ladder does, to notice changes cheaply.
    public func budgetVersion() throws(Fault) -> String {
        try read { db in
            try db.value(
                String.self,
                """
                SELECT coalesce((SELECT group_concat(b.tenant || char(31) || b.amount || char(31)
                        || b.per || char(31) || coalesce(b.ladder, '') || char(31)
                        || coalesce(b.exempt_until_ms, ''), char(30))
                    FROM budget b JOIN tenant t ON t.id = b.tenant
                    WHERE t.removed_ms IS NULL), '')
                    || char(29)
                    || coalesce((SELECT group_concat(definition, char(30)) FROM ladder), '')
                """) ?? ""
        }
    }

    /// All ladders by id.
    public func ladders() throws(Fault) -> [Ladder] {
        try read { db in
            try db.rows("SELECT definition FROM ladder ORDER BY id")
                .map { try JSONDecoder().decode(Ladder.self, from: $0["definition"]) }
        }
    }

    /// Adds or replaces the budget of a tenant.
    ///
    /// - Parameter record: who does it and why; added to the history of limits if anything changes.
    /// - Returns: what changed, as sentences.
    /// - Throws: `badData` if the tenant or ladder does not exist, or if the tenant has no price
    ///   book, so that its spending is unknown.
    public func setBudget(
        _ budget: Budget, at now: Instant, record: LimitChangeSet? = nil
    ) throws(Fault) -> [String] {
        try write { db in
            let changes = try saveBudget(db, budget, at: now)
            if let record, !changes.isEmpty { try append(db, record) }
            return changes
        }
    }

    /// Adds or replaces a ladder.
    ///
    /// - Returns: what changed, as sentences.
    public func setLadder(_ ladder: Ladder) throws(Fault) -> [String] {
        try write { try saveLadder($0, ladder) }
    }

    /// Removes a tenant's budget and its state on the ladder.
    ///
    /// - Parameter record: who does it and why; added to the history of limits.
    /// - Returns: what changed, as sentences.
    /// - Throws: `badData` if the tenant has no budget.
    public func removeBudget(
        of tenant: String, record: LimitChangeSet? = nil
    ) throws(Fault) -> [String] {
        try write { db in
            try db.run("DELETE FROM budget WHERE tenant = ?", [tenant])
            guard db.changesCount > 0 else {
                throw Fault(
                    .badData, at: "tenant \(tenant)", problem: "it has no budget",
                    suggestion: "Look at octroi budget list, and correct the name")
            }
            if let record { try append(db, record) }
            return ["removed the budget of tenant \(tenant)"]
        }
    }

    /// Stores the states of tenants on their ladders, all in one transaction.
    ///
    /// Budgets that were removed meanwhile or have another ladder now are skipped.
    public func saveStates(_ states: [(budget: Budget, state: LadderState)]) throws(Fault) {
        try write { db in
            for (budget, state) in states {
                try db.run(
                    """
                    UPDATE budget SET state = :state
                    WHERE tenant = :tenant AND ladder IS :ladder AND state IS NOT :state
                    """,
                    [
                        "state": try json(state), "tenant": budget.tenant,
                        "ladder": budget.ladder,
                    ])
            }
        }
    }
}

/// Stores a ladder.
///
/// - Returns: what changed, as sentences.
func saveLadder(_ db: Database, _ ladder: Ladder) throws -> [String] {
    let definition = try json(ladder)
    let before = try db.value(
        String.self, "SELECT definition FROM ladder WHERE id = ?", [ladder.id])
    guard before != definition else { return [] }
    try db.run(
        """
        INSERT INTO ladder (id, definition) VALUES (?, ?)
        ON CONFLICT (id) DO UPDATE SET definition = excluded.definition
        """, [ladder.id, definition])
    return ["\(before == nil ? "new" : "changed") ladder \(ladder.id)"]
}

/// Stores a budget; if the ladder differs, the tenant starts at its beginning.
///
/// - Returns: what changed, as sentences.
func saveBudget(_ db: Database, _ new: Budget, at now: Instant) throws -> [String] {
    // Without prices nothing can be said about spending.
    try requirePayer(db, new.tenant)
    try requireLadder(db, new)
    let before = try db.row(
        "SELECT * FROM budget WHERE tenant = ?", [new.tenant]
    ).map(budget)
    // Setting the same budget again changes nothing, not even the state on the ladder.
    guard before != new else { return [] }
    try db.run(
        """
        INSERT INTO budget (tenant, amount, per, ladder, exempt_until_ms, exempt_reason, set_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (tenant) DO UPDATE SET amount = excluded.amount, per = excluded.per,
            state = iif(ladder IS excluded.ladder, state, NULL), ladder = excluded.ladder,
            exempt_until_ms = excluded.exempt_until_ms,
            exempt_reason = excluded.exempt_reason, set_ms = excluded.set_ms
        """,
        [
            new.tenant, new.amount.description, new.per.rawValue, new.ladder,
            new.exemptUntil?.milliseconds, new.exemptReason, now.milliseconds,
        ])
    return ["\(before == nil ? "new" : "changed") budget of tenant \(new.tenant)"]
}

/// Builds a budget from its row.
private func budget(_ row: Row) throws -> Budget {
    let tenant: String = row["tenant"]
    guard let amount = Budget.Amount(row["amount"]), let per = Budget.Span(rawValue: row["per"])
    else {
        throw Fault(
            .badData, at: "budget of tenant \(tenant)",
            problem: "\(row["amount"] as String) per \(row["per"] as String), which is no budget",
            suggestion: "Set it again with octroi budget set")
    }
    return Budget(
        tenant: tenant, amount: amount, per: per, ladder: row["ladder"],
        exemptUntil: (row["exempt_until_ms"] as Int64?).map(Instant.init(milliseconds:)),
        exemptReason: row["exempt_reason"])
}

/// Requires that a tenant exists and has a price book.
private func requirePayer(_ db: Database, _ tenant: String) throws {
    let known = try db.row(
        "SELECT price_book FROM tenant WHERE id = ? AND removed_ms IS NULL",
        [tenant])
    guard let known else {
        throw Fault(
            .badData, at: "budget of tenant \(tenant)", problem: "no such tenant",
            suggestion: "Add it to tenants.yaml and run octroi apply, or correct the name")
    }
    guard known["price_book"] as String? == nil else { return }
    throw Fault(
        .badData, at: "budget of tenant \(tenant)",
        problem: "the tenant has no price book, so its spending is unknown",
        suggestion: "Name one as price_book in tenants.yaml and run octroi apply")
}

/// Requires that the budget's ladder exists.
private func requireLadder(_ db: Database, _ budget: Budget) throws {
    guard let ladder = budget.ladder else { return }
    let isThere = try db.value(
        Bool.self, "SELECT EXISTS (SELECT 1 FROM ladder WHERE id = ?)", [ladder])
    guard isThere != true else { return }
    throw Fault(
        .badData, at: "budget of tenant \(budget.tenant)",
        problem: "its ladder \"\(ladder)\" does not exist",
        suggestion: "Add the ladder to budgets.yaml and run octroi apply, or name another one")
}
