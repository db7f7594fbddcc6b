import Metering
import Invoicing
import Pricing
import Units

/// The rows of FOCUS for an invoice or credit note.
///
/// A row is a dictionary from the column's name to its text. A column without a value is missing in
/// it, and becomes a null.
struct FocusDocument {
    /// The document whose lines become rows.
    let document: InvoiceDocument

    init(_ document: InvoiceDocument) { self.document = document }

    var invoice: Invoice { document.invoice }
    /// The period that the document is billed in; a credit note's is later than the credited one.
    var billingPeriod: Period { document.billingPeriod }

    /// The rows of Cost and Usage, one for each line.
    ///
    /// On tax lines, ListCost and ContractedCost are the tax on these costs of the taxed lines.
    /// They are not rounded to minor units, unlike the tax that is billed.
    var costAndUsage: [[String: String]] {
        var rows = invoice.draft.lines.enumerated().map { row($1, $0 + 1) }
        for (index, line) in invoice.draft.lines.enumerated() {
            guard case .tax(_, let part) = line.subject else { continue }
            let base = zip(invoice.draft.lines, rows).filter { other, _ in
                !other.isTax && !Set(other.taxes).isDisjoint(with: line.taxes)
            }
            for kind in ["ListCost", "ContractedCost"] {
                let sum = base.compactMap { Rational(decimal: $0.1[kind] ?? "") }
                    .reduce(.zero, +)
                let tax = sum * part.rate.value / Rational(100)
                rows[index][kind] = focusDecimal(tax.description)
            }
        }
        return rows
    }

    /// The issuer, which FOCUS requires; `Octroi` if the invoice names no seller.
    private var seller: String { focusName(invoice.parties.seller?.name) ?? "Octroi" }
    /// The billing account, which is the tenant.
    private var account: String { focusID(invoice.draft.tenant) }

    /// The row of one line.
    ///
    /// - Parameter place: the number of the line, from 1.
    private func row(_ line: LineItem, _ place: Int) -> [String: String] {
        let currency = invoice.draft.currency
        let amount = currency.text(line.amount)
        let cost = amount.contains(".") ? amount : amount + ".0"
        let name = focusName(invoice.parties.buyer?.name) ?? account
        var row = [
            "BilledCost": cost, "EffectiveCost": cost, "PricingCurrencyEffectiveCost": cost,
            "BillingAccountId": account, "SubAccountId": account, "BillingAccountName": name,
            "SubAccountName": name, "BillingAccountType": "Tenant", "SubAccountType": "Tenant",
            "BillingCurrency": currency.code, "PricingCurrency": currency.code,
            "BillingPeriodStart": "\(billingPeriod.start)",
            "BillingPeriodEnd": "\(billingPeriod.end)",
            "ChargePeriodStart": "\(line.period.start)", "ChargePeriodEnd": "\(line.period.end)",
            "ChargeDescription": description(line), "ChargeCategory": category(line).charge,
            "ChargeFrequency": category(line).frequency, "InvoiceId": focusID(invoice.number),
            "InvoiceDetailId": "\(focusID(invoice.number))/\(place)", "ListCost": cost,
            "ContractedCost": cost,
        ]
        for issuer in [
            "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName",
            "HostProviderName",
        ] { row[issuer] = seller }
        if line.reference != nil || invoice.credits != nil { row["ChargeClass"] = "Correction" }
        (row["ServiceCategory"], row["ServiceSubcategory"], row["ServiceName"]) = service(line)
        row.merge(resource(line)) { $1 }
        return row.merging(pricing(line)) { $1 }
    }

    /// The ChargeCategory and the ChargeFrequency of a line.
    func category(_ line: LineItem) -> (charge: String, frequency: String) {
        switch line.subject {
        case .tax: ("Tax", "One-Time")
        case .discount: ("Credit", "One-Time")
        case .minimum, .rounding: ("Adjustment", "One-Time")
        case .fee: ("Usage", "Recurring")
        case .usage, .flat: ("Usage", "Usage-Based")
        }
    }

    /// The ChargeDescription: what a line bills, in a few words.
    private func description(_ line: LineItem) -> String {
        let columns = line.columns
        var text =
            switch line.subject {
            case .tax(let code, let part): "Tax \(code) \(part.rate) %"
            case .discount(let meter, let part) where !line.isCorrection:
                "Discount of \(part.rate) % on \(meter)"
            case .minimum where !line.isCorrection: "Difference to the monthly minimum"
            case .usage(let usage) where line.kind == .unpriced:
                "\(usage.meter), for which there is no price"
            case .rounding: "Rounding carried from earlier invoices"
            case .usage, .flat, .fee, .discount, .minimum: columns.meter
            }
        if let tier = columns.tier {
            text += tier == TierPlace.free.description ? ", free allowance" : ", tier \(tier)"
        }
        if let container = line.container { text += " of container \(container)" }
        if let price = columns.unitPrice, let per = columns.per, line.counted != nil {
            text += ", \(price) \(invoice.draft.currency) per \(per)"
        }
        if let reference = line.reference { text += ", corrects \(reference)" }
        if let credits = invoice.credits { text = "Credit of \(credits): " + text }
        return focusName(text) ?? "Charge"
    }

    /// The ServiceCategory, the ServiceSubcategory and the ServiceName of a line.
    private func service(_ line: LineItem) -> (String, String, String) {
        switch line.subject {
        case .tax: return ("Other", "Other (Other)", "Tax")
        case .fee: return ("Other", "Other (Other)", "Fixed Fees")
        case .minimum: return ("Other", "Other (Other)", "Minimum Charge")
        case .rounding: return ("Other", "Other (Other)", "Rounding")
        case .usage, .flat, .discount: break
        }
        switch line.meter.flatMap({ Meter($0)?.service }) {
        case .compute: return ("Compute", "Containers", "Container Compute")
        case .blockStorage: return ("Storage", "Block Storage", "Container Storage")
        case .fileStorage: return ("Storage", "File Storage", "Folder Storage")
        case .network: return ("Networking", "Network Infrastructure", "Container Network")
        case nil: return ("Other", "Other (Other)", "Custom Usage")
        }
    }

    /// The columns of the container that used something; empty for other lines.
    ///
    /// The name is left out if it says no more than the id, or could be read as a number.
    private func resource(_ line: LineItem) -> [String: String] {
        guard let container = line.container else { return [:] }
        let isFolder = container.hasPrefix(StorageReading.prefix)
        let isPath = container.hasPrefix("/") || isFolder
        let id = focusID(isPath ? container : "imported/\(container)")
        var row = ["ResourceId": id, "ResourceType": isFolder ? "Folder" : "Container"]
        let known = document.containers[ExactText(container)]
        if let name = focusName(known?.name), name != id, Rational(decimal: name) == nil {
            row["ResourceName"] = name
        }
        if let labels = known?.labels, !labels.isEmpty { row["Tags"] = focusJSON(labels) }
        return row
    }
}
