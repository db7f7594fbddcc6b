import GRDB
import Units

/// A transaction that reads a store: rows come out as values.
///
/// Other modules of Octroi read the store through it, so that none of them knows SQL or the database.
package struct ReadTransaction {
    let db: Database
}

/// A transaction that writes a store: it happens whole or not at all.
package struct WriteTransaction {
    let db: Database

    /// The same transaction, for reading.
    package var reading: ReadTransaction { ReadTransaction(db: db) }
}

extension Store {
    /// Reads inside one transaction.
    package func reading<Value>(
        _ body: (ReadTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try read { try body(ReadTransaction(db: $0)) }
    }

    /// Writes inside one transaction, which takes the write lock at once.
    ///
    /// - Parameter isPlan: whether to take everything back once it is known what it comes to.
    package func writing<Value>(
        isPlan: Bool = false, _ body: (WriteTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try write(isPlan: isPlan) { try body(WriteTransaction(db: $0)) }
    }
}

extension WriteTransaction {
    /// Closes what `change` says of terms, in an entry of the ledger of its own.
    package func closingTerms<Value>(
        at now: Instant, _ change: () throws -> Value
    ) throws -> Value {
        try Store.closingTerms(db, at: now, change)
    }
}

extension ReadTransaction {
    /// Says why stored rows cannot be read as what Octroi writes; `nil` if they can.
    ///
    /// - Throws: what keeps the database from reading any rows.
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
