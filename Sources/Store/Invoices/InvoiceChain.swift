import Sealing
import Foundation
import GRDB
import Units

/// Something that is wrong with an issued invoice or with the chain of invoices.
public struct InvoiceDifference: Hashable, Sendable {
    /// The invoice's number; `nil` for a problem of the chain as a whole.
    public var invoice: String?
    /// What was found, as a sentence.
    public var found: String

    /// Something that is wrong.
    public init(_ invoice: String?, _ found: String) {
        (self.invoice, self.found) = (invoice, found)
    }
}

extension ReadTransaction {
    /// Checks the chain of invoices: every hash, and that no number is missing.
    ///
    /// - Returns: what is wrong, and the newest hash; `nil` if there is no invoice.
    package func checkInvoiceChain() throws -> (differences: [InvoiceDifference], head: [UInt8]?) {
        var differences: [InvoiceDifference] = []
        var definitions = PriceBookDigests()
        var walk = HashChainWalk()
        for row in try db.rows("SELECT * FROM invoice_seal ORDER BY id") {
            let number: String = row["invoice"]
            let damage = try walk.step(
                row["id"], previous: Array(row["previous"] as Data),
                hash: Array(row["hash"] as Data)
            ) { try sealHash(db, number, after: $0, &definitions) }
            for damage in damage {
                differences.append(InvoiceDifference(number, damage.ofInvoice))
            }
        }
        // Every invoice must be in the chain, or it could be removed unnoticed.
        let unsealed = try db.values(
            String.self,
            "SELECT number FROM invoice WHERE number NOT IN (SELECT invoice FROM invoice_seal)"
        )
        differences += unsealed.map { InvoiceDifference($0, "it is not in the chain") }
        // A series without gaps has as many numbers as its highest number.
        let gaps = try db.rows(
            """
            SELECT series, count(*) AS held, max(sequence) AS last FROM invoice
            GROUP BY series HAVING count(*) <> max(sequence)
            """)
        differences += gaps.map {
            let (held, last): (Int64, Int64) = ($0["held"], $0["last"])
            return InvoiceDifference(
                nil, "series \($0["series"] as String) holds \(held) numbers of \(last)")
        }
        return (differences, walk.isEmpty ? nil : walk.head)
    }

    /// The place of an invoice in the chain; the largest number if it is not in it.
    package func sealPlace(of number: String) throws -> Int64 {
        try db.value(Int64.self, "SELECT id FROM invoice_seal WHERE invoice = ?", [number]) ?? .max
    }

    /// Where prices, tenants and owners differ from what the ledger's chain recorded, as sentences.
    package func changedTerms() throws -> [String] { try Store.changedTerms(db) }
}

extension HashChain.Damage {
    /// The damage as a sentence about an invoice.
    fileprivate var ofInvoice: String {
        switch self {
        case .gap(let last, let next): "its place in the chain is \(next), not \(last + 1)"
        case .otherPrevious: "the hash before it is not the one it was chained to"
        case .changed: "its rows, or its price book, are not those that were sealed"
        }
    }
}
