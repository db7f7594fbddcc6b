import Sealing
import Foundation
import GRDB
import Units

/// What a walk along the chain of change-sets found.
public struct LimitVerification: Sendable {
    public var count = 0
    /// The last hash, in hexadecimal: noted elsewhere, it shows a later rewriting of the whole chain.
    public var head = ""
    /// What is wrong, in words; empty if nothing is.
    public var damage: [String] = []
    /// Whether the hash that was asked for is in the chain; true if none was.
    public var hasHead = true
}

extension Store {
    /// Recomputes every hash of the record of limits.
    ///
    /// - Parameter head: a hash that was the last one once, in hexadecimal.
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
                if set.hash == wanted { result.hasHead = true }
            }
            result.head = hex(walk.head)
            result.damage += try strayWrites(db)
            return result
        }
    }
}

/// What is wrong with a change, in words: one that is chained to another hash is not looked into.
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

/// The writes that say something else than their change-set, or belong to none.
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
    // Those of before change-sets were kept come first.
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
