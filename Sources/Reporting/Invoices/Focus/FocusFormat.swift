import Invoicing
import Units

/// Writes invoices in FOCUS, the FinOps Open Cost and Usage Specification, as csv.
///
/// Rows of Billing Period are printed at the end: several documents may share a period, which has
/// one row.
public struct FocusFormat: InvoiceFormat {
    /// The dataset that is written.
    private let dataset: FocusDataset
    /// The columns of the dataset in the version that is written.
    private let columns: [String]
    /// The rows of Billing Period for all documents so far.
    private var periods: [[String: String]] = []

    /// Creates a format.
    ///
    /// - Throws: `wrongUse` if the version does not have the dataset.
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

    /// The rows as lines of csv; a null is an empty field.
    private func csv(_ rows: [[String: String]]) -> String {
        rows.map { row in csvLine(columns.map { row[$0].map(Cell.text) ?? .none }) }.joined()
    }
}

/// Merges the rows of each billing period into one.
///
/// A period is open only if all its documents leave it open. The time of the last update is the
/// latest of theirs.
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
