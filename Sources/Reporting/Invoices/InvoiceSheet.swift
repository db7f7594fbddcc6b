import BigInt
import Invoicing
import Units

/// The columns of invoice lines in csv and json.
///
/// Programs read them by name, so columns are only ever added. docs/invoice.schema.json describes
/// each.
public let lineColumns = [
    "invoice", "line", "tenant", "kind", "meter", "tier", "container", "period_start",
    "period_end", "quantity", "unit", "unit_price", "per", "exact_amount", "amount",
    "currency", "priced_quantity", "reference",
]

/// The lines of an invoice or draft, under `lineColumns`.
///
/// - Parameter number: the number of the invoice; `nil` for a draft, whose lines say `draft`.
public func lineRows(_ number: String?, _ draft: Draft) -> [[Cell]] {
    let number = Cell.text(number ?? "draft")
    let (tenant, currency) = (Cell.text(draft.tenant), Cell.text(draft.currency.code))
    return draft.lines.enumerated().map { index, line in
        let columns = line.columns
        return [
            number, .integer(Int128(index + 1)), tenant, .text(columns.kind.rawValue),
            .text(columns.meter), .optional(columns.tier), .optional(columns.container),
            .time(line.period.start), .time(line.period.end), .optional(columns.quantity),
            .optional(columns.unit), columns.unitPrice.map(Cell.exact) ?? .none,
            .optional(columns.per), .fraction(line.exactAmount),
            .exact(draft.currency.text(line.amount)), currency, .optional(columns.priced),
            .optional(line.reference),
        ]
    }
}

/// The lines of several invoices or drafts in one sheet, for csv and json.
public func lineSheet(_ invoices: [(number: String?, draft: Draft)]) -> Sheet {
    Sheet(columns: lineColumns, rows: invoices.flatMap { lineRows($0.number, $0.draft) })
}

/// One row for each invoice or credit note, with its period and totals.
public func invoiceSheet(_ invoices: [Invoice]) -> Sheet {
    Sheet(
        columns: [
            "invoice", "tenant", "period_start", "period_end", "net", "tax", "total", "currency",
            "status", "issued_at",
        ],
        rows: invoices.map { invoice in
            let draft = invoice.draft
            return [
                .text(invoice.number), .text(draft.tenant), .time(draft.period.start),
                .time(draft.period.end), .exact(draft.currency.text(draft.net)),
                .exact(draft.currency.text(draft.tax)), .exact(draft.currency.text(draft.total)),
                .text(draft.currency.code), .text(invoice.status.rawValue), .time(invoice.issued),
            ]
        })
}

/// One invoice or draft for people: its lines, then net, tax and total.
///
/// - Parameter number: the number of the invoice; `nil` for a draft.
public func invoiceTable(_ number: String?, _ draft: Draft) -> Sheet {
    let lines: [[Cell]] = draft.lines.enumerated().map { index, line in
        let shown = LineQuantity(line, draft.before + draft.segments, draft.currency)
        let metered = shown.metered.map { " (\($0) metered)" } ?? ""
        let quantity: Cell =
            line.counted.flatMap { counted in
                shown.priced.map { .integer(counted.metered, display: $0 + metered) }
            } ?? .none
        let columns = line.columns
        return [
            .integer(Int128(index + 1)),
            .text(columns.kind.rawValue + (line.reference.map { " of \($0)" } ?? "")),
            .optional(columns.container),
            .text(columns.meter + (columns.tier.map { " (\($0))" } ?? "")), quantity,
            priceCell(line),
            .exact(draft.currency.text(line.amount)),
        ]
    }
    /// A row with one of the totals.
    func total(_ word: String, _ amount: BigInt) -> [Cell] {
        [.none, .text(word), .none, .none, .none, .none, .exact(draft.currency.text(amount))]
    }
    return Sheet(
        columns: [
            "line", "kind", "container", "meter", "quantity", "price", "amount \(draft.currency)",
        ],
        rows: lines + [
            total("net", draft.net), total("tax", draft.tax), total("total", draft.total),
        ],
        title: "\(number ?? "Draft")  tenant \(draft.tenant)  \(draft.period.start) to "
            + "\(draft.period.end)")
}

/// The price of a line for people, such as `0.05 / 1 GB`; of a discount or tax, its rate.
private func priceCell(_ line: LineItem) -> Cell {
    switch line.subject {
    case .discount(_, let part), .tax(_, let part): return .text("\(part.rate) %")
    case .usage, .flat, .fee, .minimum, .rounding:
        let columns = line.columns
        guard let price = columns.unitPrice else { return .none }
        return .text("\(price) / \(columns.per ?? "")")
    }
}
