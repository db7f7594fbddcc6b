import Invoicing
import Units

/// Invoices in the FinOps Open Cost and Usage Specification, as csv.
public struct FocusFormat: InvoiceFormat {
    private let dataset: FocusDataset
    private let columns: [String]
    /// The periods of all documents so far: a period has one row, however many documents are in it.
    private var periods: [[String: String]] = []

    /// - Throws: `wrongUse` for a dataset that the version does not have.
    public init(_ version: FocusVersion, _ dataset: FocusDataset) throws(Fault) {
        guard dataset == .costAndUsage || version == .v1_4 else {
            throw Fault(
                .wrongUse, at: "--dataset \(dataset.rawValue)",
                problem: "FOCUS \(version.rawValue), which does not have it",
                suggestion: "Add --focus 1.4")
        }
        (self.dataset, columns) = (dataset, dataset.columns(version))
    }

    public var heading: String { csvHeading(columns) }

    public mutating func text(of document: InvoiceDocument) throws(Fault) -> String {
        let rows = FocusDocument(document)
        switch dataset {
        case .costAndUsage: return csv(rows.costAndUsage)
        case .invoiceDetail: return csv(rows.invoiceDetail)
        case .billingPeriod:
            periods.append(rows.billingPeriodRow)
            return ""
        }
    }

    public mutating func ending() -> String { csv(merged(periods)) }

    /// A line for each row; null is nothing.
    private func csv(_ rows: [[String: String]]) -> String {
        rows.map { row in csvLine(columns.map { row[$0].map(Cell.text) ?? .none }) }.joined()
    }
}

/// One row for each billing period: open if all of its documents leave it open.
private func merged(_ rows: [[String: String]]) -> [[String: String]] {
    func key(_ row: [String: String]) -> String {
        (row["BillingPeriodStart"] ?? "") + (row["BillingPeriodEnd"] ?? "")
    }
    return Dictionary(grouping: rows, by: key).sorted { $0.key < $1.key }.compactMap { _, rows in
        guard var row = rows.first else { return nil }
        let isOpen = rows.allSatisfy { $0["BillingPeriodStatus"] == "Open" }
        row["BillingPeriodStatus"] = isOpen ? "Open" : "Closed"
        row["BillingPeriodLastUpdated"] = rows.compactMap { $0["BillingPeriodLastUpdated"] }.max()
        return row
    }
}
