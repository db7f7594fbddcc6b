import GRDB
import Invoicing
import Units

extension Store {
    /// The billing zone of the newest invoice; `nil` before the first one.
    public func zoneOfLastInvoice() throws(Fault) -> String? {
        try read { db in
            try db.value(
                String.self, "SELECT zone FROM invoice ORDER BY issued_ms DESC, number DESC LIMIT 1"
            )
        }
    }

    /// Loads issued invoices and credit notes in the order of their numbers.
    ///
    /// - Parameters:
    ///   - number: only this one; `nil` for all.
    ///   - tenant: only this tenant's; `nil` for all.
    ///   - period: only documents whose own period begins in it, as in report `invoices`. So each
    ///     document is in exactly one month, however many it spans.
    public func invoices(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil
    ) throws(Fault) -> [Invoice] {
        try storeErrors(path) {
            var invoices: [Invoice] = []
            try forEachInvoice(number: number, tenant: tenant, over: period) { invoices.append($0) }
            return invoices
        }
    }

    /// Calls `body` with each document that `invoices` would return, one at a time in memory.
    public func forEachInvoice(
        number: String? = nil, tenant: String? = nil, over period: Period? = nil,
        _ body: (Invoice) throws -> Void
    ) throws {
        let numbers = try read { db in
            try db.values(
                String.self,
                """
                SELECT number FROM invoice
                WHERE (?1 IS NULL OR number = ?1) AND (?2 IS NULL OR tenant = ?2)
                    AND (?3 IS NULL OR (period_start_s >= ?3 AND period_start_s < ?4))
                ORDER BY series, sequence
                """,
                [number, tenant, period?.start.seconds, period?.end.seconds])
        }
        // Issued documents never change, so each can be read in a transaction of its own.
        for number in numbers { try body(try read { try loadInvoice($0, number) }) }
    }

    /// Whether an invoice has this hash, given in hexadecimal.
    public func hasSeal(_ hash: String) throws(Fault) -> Bool {
        try read { db in
            try db.value(
                Bool.self, "SELECT EXISTS (SELECT 1 FROM invoice_seal WHERE hex(hash) = upper(?))",
                [hash]) ?? false
        }
    }
}

extension ReadTransaction {
    /// Loads an issued invoice or credit note.
    ///
    /// - Throws: `badData` if there is none of this number, or its rows are not what Octroi writes.
    package func invoice(_ number: String) throws -> Invoice { try loadInvoice(db, number) }

    /// All numbers in order.
    package func invoiceNumbers() throws -> [String] {
        try db.values(String.self, "SELECT number FROM invoice ORDER BY series, sequence")
    }

    /// Net, tax and total of a document as they are stored, in minor units.
    package func storedTotals(of number: String) throws -> [Int64?] {
        let row = try db.row(
            "SELECT net_minor, tax_minor, total_minor FROM invoice WHERE number = ?", [number])
        return ["net_minor", "tax_minor", "total_minor"].map { row?[$0] as Int64? }
    }

    /// The newest entry of the ledger's chain.
    package func ledgerHead() throws -> Proof.Ledger {
        let last = try LedgerEntry.last(db)
        return Proof.Ledger(entry: last.id, hash: last.hash)
    }
}
