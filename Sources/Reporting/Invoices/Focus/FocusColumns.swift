/// A version of FOCUS, the FinOps Open Cost and Usage Specification (focus.finops.org).
public enum FocusVersion: String, Sendable, CaseIterable {
    case v1_2 = "1.2"
    case v1_3 = "1.3"
    case v1_4 = "1.4"

    /// The columns of Cost and Usage that apply to what Octroi bills, in alphabetical order.
    ///
    /// Version 1.3 has columns for the host and the service provider beside the older ones for
    /// provider and publisher. Version 1.4 has only the new ones.
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

/// A dataset of FOCUS; the raw value is the word on the command line.
public enum FocusDataset: String, Sendable, CaseIterable {
    /// Charges with their usage, one row for each line of an invoice.
    case costAndUsage = "cost-and-usage"
    /// The lines of invoices as issued documents; from version 1.4 on.
    case invoiceDetail = "invoice-detail"
    /// The billing periods, open or closed; from version 1.4 on.
    case billingPeriod = "billing-period"

    /// The columns of the dataset, in the order in which they are printed.
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

/// The columns of Cost and Usage that all versions have.
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

/// The columns of Invoice Detail.
///
/// Those with `x_` are additions by Octroi, as the specification allows.
private let detailColumns = [
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain",
    "InvoiceDetailId", "InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate",
    "InvoiceIssueStatus", "InvoiceIssuerName", "PaymentDueDate", "PaymentTerms",
    "ReferenceInvoiceId", "x_PricingQuantity", "x_PricingUnit", "x_ListUnitPrice",
]
