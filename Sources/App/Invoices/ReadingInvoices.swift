import Invoicing
import Store
import Units

/// Which issued invoices and credit notes are meant.
public struct InvoiceQuery: Hashable, Sendable {
    /// Only these; none means all.
    public var numbers: [String]
    public var tenant: String?
    /// Only those whose own period begins in it: each document is in exactly one month.
    public var period: Period?

    public init(numbers: [String] = [], tenant: String? = nil, period: Period? = nil) {
        (self.numbers, self.tenant, self.period) = (numbers, tenant, period)
    }
}

extension App {
    /// The issued invoices and credit notes, in the order of their numbers.
    ///
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
    /// - Throws: `badData` for an unknown number.
    public func invoice(_ number: String) throws(Fault) -> Invoice {
        try store(.read).issuedInvoice(number)
    }
}

extension Store {
    /// - Throws: `badData` for an unknown number.
    func issuedInvoice(_ number: String) throws(Fault) -> Invoice {
        guard let invoice = try invoices(number: number).first else {
            throw Fault(
                .badData, at: "invoice \(quoted(number))", problem: "no such invoice",
                suggestion: "octroi invoice list shows them")
        }
        return invoice
    }

    /// Hands out the invoices that are meant, one after another.
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

    /// Refuses an invoice that there is not, or that the rest of a query leaves out.
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
