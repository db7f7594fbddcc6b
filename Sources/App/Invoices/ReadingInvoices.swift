import Invoicing
import Store
import Units

/// Selects issued invoices and credit notes.
///
/// Example: `InvoiceQuery(tenant: "acme")` selects all documents of one tenant.
public struct InvoiceQuery: Hashable, Sendable {
    /// Only documents with these numbers; empty for all.
    public var numbers: [String]
    /// Only documents of this tenant; `nil` for all.
    public var tenant: String?
    /// Only documents whose own period begins in this one; `nil` for all.
    ///
    /// So each document is in exactly one month, however many months it bills.
    public var period: Period?

    /// Selects all documents, unless it is narrowed.
    public init(numbers: [String] = [], tenant: String? = nil, period: Period? = nil) {
        (self.numbers, self.tenant, self.period) = (numbers, tenant, period)
    }
}

extension App {
    /// The issued invoices and credit notes, in the order of their numbers.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` for all.
    ///   - period: only documents whose own period begins in it; `nil` for all.
    /// - Throws: `badData` for an unknown tenant.
    public func invoices(tenant: String? = nil, over period: Period? = nil) throws(Fault)
        -> [Invoice]
    {
        let store = try store(.read)
        try store.requireTenant(tenant)
        return try store.invoices(tenant: tenant, over: period)
    }

    /// One issued invoice or credit note.
    ///
    /// - Parameter number: such as `OCT-000001`.
    /// - Throws: `badData` if no invoice has this number.
    public func invoice(_ number: String) throws(Fault) -> Invoice {
        try store(.read).issuedInvoice(number)
    }
}

extension Store {
    /// One issued invoice or credit note, by its number.
    ///
    /// - Throws: `badData` if no invoice has this number.
    func issuedInvoice(_ number: String) throws(Fault) -> Invoice {
        guard let invoice = try invoices(number: number).first else {
            throw Fault(
                .badData, at: "invoice \(quoted(number))", problem: "no such invoice",
                suggestion: "octroi invoice list shows them")
        }
        return invoice
    }

    /// Passes the selected documents to `body`, one after another.
    func forEachInvoice(
        of query: InvoiceQuery, _ body: (Invoice) throws -> Void
    ) throws {
        if query.numbers.isEmpty {
            return try forEachInvoice(tenant: query.tenant, over: query.period, body)
        }
        for number in query.numbers {
            try forEachInvoice(
                number: number, tenant: query.tenant, over: query.period, body)
        }
    }

    /// Refuses numbers of a query that do not exist, or that the rest of the query excludes.
    ///
    /// - Throws: `badData` for an unknown tenant or number; `wrongUse` for a number that is
    ///   excluded.
    func requireSelected(_ query: InvoiceQuery) throws(Fault) {
        try requireTenant(query.tenant)
        for number in query.numbers {
            let draft = try issuedInvoice(number).draft
            if let tenant = query.tenant, tenant != draft.tenant {
                throw Fault(
                    .wrongUse, at: "invoice \(number)",
                    problem: "it is of tenant \(draft.tenant), not of --tenant "
                        + escapingControlCharacters(tenant),
                    suggestion: "Leave --tenant out")
            }
            if let period = query.period,
                !(period.start <= draft.period.start && draft.period.start < period.end)
            {
                throw Fault(
                    .wrongUse, at: "invoice \(number)",
                    problem: "its period begins on \(draft.period.start), not in \(period)",
                    suggestion: "Leave --month, --from and --to out")
            }
        }
    }
}
