import Billing
import Reporting
import Store
import Units

extension App {
    /// Recomputes issued invoices, and checks their chain of hashes.
    ///
    /// Each invoice is computed again from the ledger, the rules and the prices at its time of
    /// issue. A notice has the newest hash. Kept in a safe place, it proves later that no invoice
    /// was removed.
    ///
    /// - Parameters:
    ///   - numbers: only these invoices; `nil` for all.
    ///   - head: a hash that an earlier verification printed, in hexadecimal.
    /// - Throws: `wrongUse` for a `head` that is not a hash, `badData` for an unknown number.
    ///   Differences are not thrown.
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
                "\(result.unpinned) of them are of an older Octroi, which did not store the usage "
                    + "that they bill: only their sums and hashes were checked")
        }
        var findings = InvoiceFindings(verification: result)
        if let head, try !store.hasSeal(head) {
            findings.missingHead = noSuchHash(head, "invoice", in: store)
        }
        return findings
    }
}

/// The result of verifying invoices.
public struct InvoiceFindings: Sendable {
    /// What was checked, and what differs.
    public var verification: InvoiceVerification
    /// The fault if no invoice has the hash that was asked for.
    ///
    /// `nil` if one has it, or if none was asked for.
    public var missingHead: Fault?

    public var hasDifferences: Bool { !verification.differences.isEmpty }

    /// The differences, one row each.
    public var sheet: Sheet {
        Sheet(
            columns: ["invoice", "difference"],
            rows: verification.differences.map { [.optional($0.invoice), .text($0.found)] })
    }

    /// The sentence to print if there are no differences.
    public var success: String {
        let count = verification.count
        return switch count {
        case 0: "no invoice has been issued: nothing to verify"
        case 1: "1 invoice verified: all figures agree"
        default: "\(count) invoices verified: all figures agree"
        }
    }
}
