import Sealing
import Foundation
import GRDB
import Units

/// The result of checking the chain of limit changes.
public struct LimitVerification: Sendable {
    /// The number of changes.
    public var count = 0
    /// The newest hash, in hexadecimal.
    ///
    /// Kept in a safe place, it proves later that the chain was not rewritten.
    public var head = ""
    /// What is wrong, as sentences; empty if nothing is.
    public var damage: [String] = []
    /// Whether the hash that was asked for is in the chain; true if none was asked for.
    public var hasHead = true
}

extension Store {
    /// Recomputes every hash of the chain of limit changes.
    ///
    /// - Parameter head: a hash in hexadecimal that an earlier check printed.
    public func verifyLimitHistory(head: String? = nil) throws(Fault) -> LimitVerification {
        try read { db in
            var result = LimitVerification()
            var walk = HashChainWalk()
            let wanted = head?.lowercased()
            result.hasHead = wanted == nil
            for row in try db.rows("SELECT * FROM limit_change_set ORDER BY id") {
                let set = try changeSet(db, row)
                result.count += 1
                let damage = walk.step(
                    set.id, previous: Array(row["previous"] as Data),
                    hash: Array(row["hash"] as Data)
                ) { hash(set, after: $0) }
                result.damage += words(damage, of: set.id)
                // The hash that somebody kept must be one of the chain's.
                if set.hash == wanted { result.hasHead = true }
            }
            result.head = hex(walk.head)
            result.damage += try strayWrites(db)
            return result
        }
    }
}

/// The damage as sentences.
///
/// If the previous hash is wrong, the change's own hash is not judged.
private func words(_ damage: [HashChain.Damage], of change: Int64) -> [String] {
    damage.compactMap { found in
        switch found {
        case .gap(let last, _): "change \(last + 1) is missing"
        case .otherPrevious: "change \(change): the hash before it is another"
        case .changed:
            damage.contains(.otherPrevious)
                ? nil : "change \(change): it is not what was written down"
        }
    }
}

/// The writes that contradict their change, or belong to none.
private func strayWrites(_ db: Database) throws -> [String] {
    let differing = try db.rows(
        """
        SELECT c.id, c.change_set FROM limit_change c
        LEFT JOIN limit_change_set s ON s.id = c.change_set
        WHERE c.change_set IS NOT NULL AND (c.at_ms IS NOT s.at_ms OR c.uid IS NOT s.uid
            OR c.target IS NOT s.target OR c.reason IS NOT s.reason)
        ORDER BY c.id
        """
    ).map { row -> String in
        "change \(row["change_set"] as Int64): its write \(row["id"] as Int64) is not what was "
            + "written down"
    }
    // Writes without a change are older than the first change. Later ones are suspect.
    let stray = try db.values(
        Int64.self,
        """
        SELECT id FROM limit_change WHERE change_set IS NULL
            AND id > (SELECT min(id) FROM limit_change WHERE change_set IS NOT NULL)
        ORDER BY id
        """
    ).map { "write \($0) belongs to no change" }
    return differing + stray
}
