import Units

/// The columns of Octroi's FOCUS export, in order; `nil` for a version that Octroi does not write.
public func focusColumns(_ version: String) -> [String]? {
    let own: [String]
    switch version {
    case "1.2": own = ["ProviderName", "PublisherName"]
    case "1.3": own = ["HostProviderName", "ProviderName", "PublisherName", "ServiceProviderName"]
    case "1.4": own = ["HostProviderName", "InvoiceDetailId", "ServiceProviderName"]
    default: return nil
    }
    return (words(focusRequired) + words(focusNullable) + own).sorted()
}

/// The faults of the rows of a FOCUS export, in words; empty if there are none.
public func focusFaults(
    _ rows: [[String: String]], columns: [String], version: String
) -> [String] {
    var faults: [String] = []
    if focusColumns(version) == nil { faults.append("FOCUS \(version) is not known") }
    if let wanted = focusColumns(version), wanted != columns {
        let (missing, extra) = (Set(wanted).subtracting(columns), Set(columns).subtracting(wanted))
        faults.append(
            "the columns are not those of \(version): missing \(missing.sorted()), "
                + "not ours \(extra.sorted()), or out of order")
    }
    for (index, cells) in rows.enumerated() {
        let row = FocusRow(cells: cells, columns: columns)
        let name = row["InvoiceDetailId"].map { " (\($0))" } ?? ""
        faults += row.faults.map { "row \(index + 1)\(name): \($0)" }
    }
    return faults + faultsAcross(rows)
}

/// The sum of BilledCost over the rows of one invoice or credit note.
public func focusSum(_ rows: [[String: String]], invoice: String) -> Rational {
    rows.filter { $0["InvoiceId"] == invoice }
        .compactMap { Rational(decimal: $0["BilledCost"] ?? "") }.reduce(.zero, +)
}

/// The faults that show only when all rows are compared.
private func faultsAcross(_ rows: [[String: String]]) -> [String] {
    var seen: Set<[String]> = []
    let ids = rows.map { [$0["InvoiceId"] ?? "", $0["InvoiceDetailId"] ?? ""] }
    let twice = ids.filter { !$0[1].isEmpty && !seen.insert($0).inserted }
        .map { "InvoiceDetailId \($0[1]) stands twice in \($0[0])" }
    let oneToOne = [
        ("ServiceName", "ServiceCategory"), ("ServiceName", "ServiceSubcategory"),
        ("SkuPriceId", "SkuId"), ("SkuId", "SkuMeter"), ("InvoiceId", "BillingAccountId"),
        ("InvoiceId", "BillingCurrency"), ("InvoiceId", "BillingPeriodStart"),
        ("InvoiceId", "BillingPeriodEnd"), ("BillingAccountId", "BillingAccountName"),
    ]
    return twice
        + oneToOne.flatMap { one, other in
            Dictionary(grouping: rows) { $0[one] ?? "" }
                .filter { !$0.key.isEmpty && Set($0.value.map { $0[other] ?? "" }).count > 1 }
                .keys.sorted().map { "\(one) \($0) has more than one \(other)" }
        }
}

func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

let focusRequired = """
    BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency \
    BillingPeriodEnd BillingPeriodStart ChargeCategory ChargeDescription ChargeFrequency \
    ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceId InvoiceIssuerName \
    ListCost PricingCurrency PricingCurrencyEffectiveCost ServiceCategory ServiceName \
    ServiceSubcategory SubAccountId SubAccountName SubAccountType
    """
let focusNullable = """
    AvailabilityZone ChargeClass CommitmentDiscountStatus ConsumedQuantity ConsumedUnit \
    ContractedUnitPrice ListUnitPrice PricingCategory PricingCurrencyContractedUnitPrice \
    PricingCurrencyListUnitPrice PricingQuantity PricingUnit RegionId RegionName ResourceId \
    ResourceName ResourceType SkuId SkuMeter SkuPriceDetails SkuPriceId Tags
    """
