/// A version of the FinOps Open Cost and Usage Specification.
public enum FocusVersion: String, Sendable, CaseIterable {
    case v1_2 = "1.2"
    case v1_3 = "1.3"
    case v1_4 = "1.4"

    /// The columns of Cost and Usage that apply to what Octroi bills, in their order.
    var columns: [String] {
        let own: [String] =
            switch self {
            case .v1_2: ["ProviderName", "PublisherName"]
            case .v1_3:
                ["HostProviderName", "ProviderName", "PublisherName", "ServiceProviderName"]
            case .v1_4: ["HostProviderName", "InvoiceDetailId", "ServiceProviderName"]
            }
        return (sharedColumns + own).sorted()
    }
}

/// A dataset of FOCUS.
public enum FocusDataset: String, Sendable, CaseIterable {
    case costAndUsage = "cost-and-usage"
    /// From 1.4 on.
    case invoiceDetail = "invoice-detail"
    /// From 1.4 on.
    case billingPeriod = "billing-period"

    /// Its columns in their order.
    func columns(_ version: FocusVersion) -> [String] {
        switch self {
        case .costAndUsage: version.columns
        case .invoiceDetail: detailColumns
        case .billingPeriod:
            [
                "BillingPeriodCreated", "BillingPeriodEnd", "BillingPeriodLastUpdated",
                "BillingPeriodStart", "BillingPeriodStatus", "InvoiceIssuerName",
            ]
        }
    }
}

private let sharedColumns = [
    "AvailabilityZone", "BilledCost", "BillingAccountId", "BillingAccountName",
    "BillingAccountType", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd",
    "ChargePeriodStart", "CommitmentDiscountStatus", "ConsumedQuantity", "ConsumedUnit",
    "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName",
    "ListCost", "ListUnitPrice", "PricingCategory", "PricingCurrency",
    "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "RegionId", "RegionName",
    "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId",
    "SubAccountName", "SubAccountType", "Tags",
]

private let detailColumns = [
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain",
    "InvoiceDetailId", "InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate",
    "InvoiceIssueStatus", "InvoiceIssuerName", "PaymentDueDate", "PaymentTerms",
    "ReferenceInvoiceId", "x_PricingQuantity", "x_PricingUnit", "x_ListUnitPrice",
]
