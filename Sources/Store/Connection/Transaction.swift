import GRDB
import Units

/// A transaction that reads a store and returns rows as values.
///
/// Other modules of Octroi read the store through its methods, so that only this module knows SQL.
package struct ReadTransaction {
    /// The connection, inside the transaction.
    let db: Database
}

/// A transaction that writes a store: all of its changes are kept, or none.
package struct WriteTransaction {
    /// The connection, inside the transaction.
    let db: Database

    /// The same transaction for reading; it sees what was written so far.
    package var reading: ReadTransaction { ReadTransaction(db: db) }
}

extension Store {
    /// Runs `body` inside one transaction that sees one state of the store.
    package func reading<Value>(
        _ body: (ReadTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try read { try body(ReadTransaction(db: $0)) }
    }

    /// Runs `body` inside one transaction that takes the write lock at its start.
    ///
    /// If `body` throws, nothing is kept.
    ///
    /// - Parameter isPlan: whether to undo everything at the end, to find out what would change.
    package func writing<Value>(
        isPlan: Bool = false, _ body: (WriteTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try write(isPlan: isPlan) { try body(WriteTransaction(db: $0)) }
    }
}

extension WriteTransaction {
    /// Runs a change of terms and records it in a ledger entry of its own.
    ///
    /// Terms are everything that decides an amount besides usage: tenants, prices and owners.
    package func closingTerms<Value>(
        at now: Instant, _ change: () throws -> Value
    ) throws -> Value {
        try Store.closingTerms(db, at: now, change)
    }
}

extension ReadTransaction {
    /// Runs `body`, which reads stored rows, and says why they are not what Octroi writes.
    ///
    /// - Returns: `nil` if they can be read.
    /// - Throws: the database's error if it cannot read at all.
    package func damage(in body: () throws -> Void) throws -> String? {
        do {
            try body()
            return nil
        } catch let error as DatabaseError {
            throw error
        } catch {
            return (error as? Fault)?.problem ?? "it cannot be read: \(error)"
        }
    }
}
