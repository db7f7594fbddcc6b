import Invoicing
import Metering
import Pricing
import Units

extension FocusDocument {
    /// The columns with quantities and prices, for lines of usage, flat amounts and fees.
    ///
    /// Other lines have none. ListCost is PricingQuantity times ListUnitPrice, not rounded to minor
    /// units; BilledCost is what the invoice says. List prices equal contracted prices, because
    /// Octroi knows only the tenant's own price book.
    func pricing(_ line: LineItem) -> [String: String] {
        guard let counted = line.counted, category(line).charge == "Usage" else { return [:] }
        let columns = line.columns
        let consumed = consumption(counted.metered, columns.unit)
        var row = [
            "ConsumedQuantity": focusDecimal(consumed.quantity), "ConsumedUnit": consumed.unit,
            "PricingQuantity": focusDecimal(consumed.quantity), "PricingUnit": consumed.unit,
            "PricingCategory": "Other", "SkuId": focusID(columns.meter),
            "SkuMeter": focusID(columns.meter),
        ]
        var price = "0.0"
        if let unitPrice = columns.unitPrice, let per = columns.per {
            let (unit, factor) = focusUnit(per)
            let exact = (Rational(decimal: unitPrice) ?? .zero) * factor
            price = focusDecimal(exact.description)
            let priced = Rational(counted.billed) / size(line) / factor
            row["PricingQuantity"] = focusDecimal(priced)
            row["PricingUnit"] = unit
            row["PricingCategory"] = "Standard"
        }
        for column in [
            "ListUnitPrice", "ContractedUnitPrice", "PricingCurrencyListUnitPrice",
            "PricingCurrencyContractedUnitPrice",
        ] { row[column] = price }
        let cost =
            (Rational(decimal: price) ?? .zero)
            * (Rational(decimal: row["PricingQuantity"] ?? "") ?? .zero)
        row["ListCost"] = focusDecimal(cost.description)
        row["ContractedCost"] = row["ListCost"]
        row.merge(sku(line)) { $1 }
        return row
    }

    /// SkuPriceId and SkuPriceDetails: which price was applied, by which version of the book.
    ///
    /// The id is `BOOK/METER/TIER`, so it stays the same in all versions of the book. The details
    /// name the version.
    private func sku(_ line: LineItem) -> [String: String] {
        let segment =
            document.segments.first { $0.period == line.period }
            ?? document.segments.first { $0.period.intersection(line.period) != nil }
            ?? document.segments.last
        let book = segment.map { focusID($0.book.id) } ?? "book"
        let tier =
            switch line.subject {
            case .flat(let flat): "\(flat.tier?.description ?? "1")-flat"
            case .fee: "fixed"
            case .usage(let usage):
                usage.price == nil ? "unpriced" : usage.tier?.description ?? "1"
            case .discount, .minimum, .rounding, .tax: "1"
            }
        var details = ["x_Tier": tier]
        if let segment {
            details["x_PriceBook"] = segment.book.id
            details["x_PriceBookEffective"] = segment.book.effective.description
        }
        return [
            "SkuPriceId": "\(book)/\(focusID(line.columns.meter))/\(tier)",
            "SkuPriceDetails": focusJSON(details),
        ]
    }

    /// A metered quantity with its unit.
    ///
    /// FOCUS has names of its own for units, so CPU time in µs becomes vCPU-Seconds, and
    /// byte-seconds become B-Seconds.
    private func consumption(
        _ quantity: Int128, _ unit: String?
    ) -> (quantity: Rational, unit: String) {
        let count = Rational(quantity)
        switch unit {
        case "us": return (count / Rational(1_000_000), "vCPU-Seconds")
        case "byte-second": return (count, "B-Seconds")
        case let unit?: return (count, focusUnit(unit).unit)
        case nil: return (count, "Units")
        }
    }

    /// The size of what a price is for, in the unit that the line counts in.
    ///
    /// Example: 3,600,000,000 for a price per `1 vCPU-hour`, because usage is in µs.
    private func size(_ line: LineItem) -> Rational {
        switch line.subject {
        case .usage(let usage):
            let month = document.segments.first { $0.period.intersection(line.period) != nil }?
                .month
            return usage.price?.per.size(monthSeconds: month?.seconds ?? line.period.seconds)
                ?? Rational(1)
        case .fee(let fee):
            guard case .second(let month) = fee.unit else { return Rational(1) }
            return Rational(month)
        case .flat, .discount, .minimum, .rounding, .tax: return Rational(1)
        }
    }
}

// The datasets that FOCUS 1.4 has beside Cost and Usage.
extension FocusDocument {
    /// The rows of Invoice Detail, one for each line.
    ///
    /// InvoiceDetailGrain holds the values of Cost and Usage that identify the line's charges.
    var invoiceDetail: [[String: String]] {
        let issued = Instant(seconds: invoice.issued.seconds).description
        return zip(invoice.draft.lines, costAndUsage).map { line, row in
            var detail = row.filter { detailCopies.contains($0.key) }
            let grain = row.filter { grainKeys.contains($0.key) }
            detail["InvoiceDetailGrain"] = focusJSON(
                grain.merging(["x_ChargePeriodStart": "\(line.period.start)"]) { $1 })
            detail["InvoiceDetailDescription"] = row["ChargeDescription"]
            detail["InvoiceDetailCreated"] = issued
            detail["InvoiceDetailLastUpdated"] = issued
            detail["InvoiceIssueDate"] = issued
            detail["InvoiceIssueStatus"] = "Issued"
            detail["PaymentTerms"] = focusName(invoice.parties.terms) ?? "Due on receipt"
            detail["ReferenceInvoiceId"] = focusID(
                invoice.credits ?? line.reference ?? invoice.number)
            for name in ["PricingQuantity", "PricingUnit", "ListUnitPrice"] {
                detail["x_\(name)"] = row[name]
            }
            return detail
        }
    }

    /// The row of Billing Period for this document; `FocusFormat` merges those of one period.
    ///
    /// An invoice closes its period. A credit note is billed in a later period, which it leaves
    /// open.
    var billingPeriodRow: [String: String] {
        let issued = Instant(seconds: invoice.issued.seconds)
        return [
            "BillingPeriodStart": "\(billingPeriod.start)",
            "BillingPeriodEnd": "\(billingPeriod.end)",
            "BillingPeriodCreated": "\(billingPeriod.start)",
            "BillingPeriodLastUpdated": "\(max(issued, billingPeriod.start))",
            "BillingPeriodStatus": invoice.credits == nil ? "Closed" : "Open",
            "InvoiceIssuerName": focusName(invoice.parties.seller?.name) ?? "Octroi",
        ]
    }
}

/// Columns of Cost and Usage that Invoice Detail has with the same values.
private let detailCopies: Set = [
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "InvoiceDetailId", "InvoiceId", "InvoiceIssuerName",
]
/// Columns of Cost and Usage that InvoiceDetailGrain holds.
private let grainKeys: Set = [
    "ResourceId", "ResourceType", "ServiceName", "SkuId", "SkuMeter", "SkuPriceId",
    "SubAccountId",
]
