import Billing
import Reporting
import Store
import Units

extension App {
    /// Computes issued invoices again from the ledger and the price books of their day, and follows their chain.
    ///
    /// - Parameters:
    ///   - numbers: only these; `nil` for all.
    ///   - head: a head hash that an earlier verification gave.
    /// - Throws: `wrongUse` for a head that is no hash.
    public func verifyInvoices(
        _ numbers: [String]? = nil, head: String? = nil
    ) throws(Fault) -> InvoiceFindings {
        if let head { try checkHash(head) }
        let store = try store(.read)
        let result = try store.verifyInvoices(numbers)
        let hash = result.head.map { "; head \(hex($0))" } ?? ""
        notify(
            "\(result.count) invoices recomputed, \(result.differences.count) differences\(hash)")
        if result.unpinned > 0 {
            notify(
                "\(result.unpinned) of them were issued before what they rest on was kept: their "
                    + "sums and hashes alone were looked at")
        }
        var findings = InvoiceFindings(verification: result)
        if let head, try !store.hasSeal(head) {
            findings.missingHead = noSuchHash(head, "invoice", in: store)
        }
        return findings
    }
}

/// What a verification of invoices found.
public struct InvoiceFindings: Sendable {
    public var verification: InvoiceVerification
    /// That the hash that was asked for is of no invoice; `nil` if it is, or none was asked for.
    public var missingHead: Fault?

    public var hasDifferences: Bool { !verification.differences.isEmpty }

    /// A row for each difference.
    public var sheet: Sheet {
        Sheet(
            columns: ["invoice", "difference"],
            rows: verification.differences.map { [.optional($0.invoice), .text($0.found)] })
    }

    /// That all is well, as a sentence.
    public var success: String {
        let count = verification.count
        return switch count {
        case 0: "no invoice has been issued: nothing to verify"
        case 1: "1 invoice verified: all figures agree"
        default: "\(count) invoices verified: all figures agree"
        }
    }
}
