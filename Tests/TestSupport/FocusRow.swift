import Units

/// The columns that a priced row has, and any other row has not.
private let priced = """
    ContractedUnitPrice ListUnitPrice PricingCategory PricingCurrencyContractedUnitPrice \
    PricingCurrencyListUnitPrice PricingQuantity PricingUnit SkuId SkuMeter SkuPriceId
    """
private let providers = "HostProviderName ProviderName PublisherName ServiceProviderName"
private let decimals = """
    BilledCost ConsumedQuantity ContractedCost ContractedUnitPrice EffectiveCost ListCost \
    ListUnitPrice PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost \
    PricingCurrencyListUnitPrice PricingQuantity
    """
private let identifiers = """
    BillingAccountId InvoiceDetailId InvoiceId ResourceId SkuId SkuPriceId SubAccountId
    """
private let allowed = [
    "ChargeCategory": ["Usage", "Purchase", "Tax", "Credit", "Adjustment"],
    "ChargeClass": ["Correction"],
    "ChargeFrequency": ["One-Time", "Recurring", "Usage-Based"],
    "PricingCategory": ["Standard", "Dynamic", "Committed", "Other"],
    "CommitmentDiscountStatus": [],
]
/// The categories of services with their subcategories; the last one is for everything else.
private let services = [
    "Compute": ["Containers"], "Storage": ["Block Storage", "File Storage"],
    "Networking": ["Network Infrastructure"], "Other": ["Other (Other)"],
]
/// Words that a CSV reader may take for null, in lower case.
private let nullWords: Set = [
    "null", "nil", "none", "na", "n/a", "#n/a", "nan", "-nan", "inf", "-inf", "infinity", "-",
    "not applicable", "invalid", "invalid_cost", "invalid_decimal", "invalid_int", "bad_date",
]

/// One row, and the faults that it has by itself.
struct FocusRow {
    let cells: [String: String]
    let columns: [String]

    /// The value of a column; `nil` if it is null or if there is no such column.
    subscript(_ column: String) -> String? {
        cells[column].flatMap { $0.isEmpty ? nil : $0 }
    }

    func number(_ column: String) -> Rational? { self[column].flatMap { Rational(decimal: $0) } }

    var isCorrection: Bool { self["ChargeClass"] == "Correction" }

    var faults: [String] {
        valueFaults + nullFaults + pairFaults + costFaults + periodFaults + serviceFaults
    }

    private func when(_ isWrong: Bool, _ fault: @autoclosure () -> String) -> [String] {
        isWrong ? [fault()] : []
    }

    private var valueFaults: [String] {
        var faults: [String] = []
        for column in columns {
            guard cells[column] != nil else { faults.append("no \(column)"); continue }
            guard let value = self[column] else { continue }
            let isPlain = value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            faults += when(!isPlain, "\(column) is not printable ASCII")
            faults += when(value.first == " " || value.last == " ", "\(column) has outer spaces")
            faults += when(nullWords.contains(value.lowercased()), "\(column) reads as null")
            faults += when(
                allowed[column].map { !$0.contains(value) } ?? false, "\(column) is \(value)")
        }
        for column in words(decimals) {
            guard let value = self[column] else { continue }
            let isDecimal = value.wholeMatch(of: /-?(0|[1-9][0-9]*)\.[0-9]+/) != nil
            let isMinusZero = value.first == "-" && Rational(decimal: value) == .zero
            faults += when(!isDecimal || isMinusZero, "\(column) is no plain decimal: \(value)")
        }
        for column in words(identifiers) {
            let isNumeric = self[column]?.wholeMatch(of: /[-+]?[0-9.,_]+([eE][-+]?[0-9]+)?/) != nil
            faults += when(isNumeric, "\(column) looks like a number")
        }
        for column in ["BillingCurrency", "PricingCurrency"] {
            let isCode = self[column].flatMap(Currency.init) != nil
            faults += when(!isCode, "\(column) is no currency code")
        }
        for column in ["Tags", "SkuPriceDetails"] {
            guard let value = self[column] else { continue }
            guard let keys = flatObjectKeys(value) else {
                faults.append("\(column) is no flat JSON object: \(value)"); continue
            }
            faults += when(Set(keys).count != keys.count, "\(column) names a key twice")
            let isForeign = column != "Tags" && !keys.allSatisfy { $0.hasPrefix("x_") }
            faults += when(isForeign, "a key of \(column) does not begin with x_")
        }
        return faults
    }

    private var nullFaults: [String] {
        var faults: [String] = []
        for column in words(focusRequired) + words(providers) + ["InvoiceDetailId"]
        where columns.contains(column) {
            faults += when(self[column] == nil, "\(column) is null")
        }
        let isPriced = ["Usage", "Purchase"].contains(self["ChargeCategory"])
        for column in words(priced) {
            let isNull = self[column] == nil
            faults += when(isPriced && isNull && !isCorrection, "\(column) is null")
            faults += when(!isPriced && !isNull, "\(column) is not null, and nothing is priced")
        }
        let isUsage = self["ChargeCategory"] == "Usage"
        let isMeasured = self["ConsumedQuantity"] != nil
        faults += when(isUsage && !isMeasured && !isCorrection, "ConsumedQuantity is null")
        faults += when(!isUsage && isMeasured, "ConsumedQuantity is not null, and nothing is used")
        let isNegative = ["ConsumedQuantity", "PricingQuantity"]
            .contains { (number($0) ?? .zero) < .zero }
        faults += when(isNegative && !isCorrection, "a negative quantity corrects nothing")
        let isFee = self["ChargeFrequency"] == "Usage-Based" && !isUsage
        return faults + when(isFee, "ChargeFrequency is Usage-Based, and nothing is used")
    }

    /// In each pair of columns, either both or none are null.
    private var pairFaults: [String] {
        let pairs = [
            ("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit"),
            ("SkuId", "SkuMeter"), ("SkuId", "SkuPriceId"), ("ResourceId", "ResourceType"),
            ("RegionId", "RegionName"), ("ListUnitPrice", "ContractedUnitPrice"),
        ]
        let halves = pairs.filter { (self[$0.0] == nil) != (self[$0.1] == nil) }
            .map { "only one of \($0.0) and \($0.1) is null" }
        let lone = [("ResourceId", "ResourceName"), ("SkuPriceId", "SkuPriceDetails")]
            .filter { self[$0.0] == nil && self[$0.1] != nil }
            .map { "\($0.1) without \($0.0)" }
        let isEcho = self["ResourceName"] != nil && self["ResourceName"] == self["ResourceId"]
        return halves + lone + when(isEcho, "ResourceName repeats ResourceId")
    }

    private var costFaults: [String] {
        var faults: [String] = []
        for kind in ["List", "Contracted"] {
            let (cost, price) = (number("\(kind)Cost"), number("\(kind)UnitPrice"))
            faults += when((price ?? .zero) < .zero, "\(kind)UnitPrice is below zero")
            if let price, let quantity = number("PricingQuantity") {
                faults += when(
                    cost != price * quantity, "\(kind)Cost is not \(price) x \(quantity)")
            } else if self["ChargeCategory"] != "Tax" {
                faults += when(cost != number("BilledCost"), "\(kind)Cost is not BilledCost")
            }
            let isOther = number("PricingCurrency\(kind)UnitPrice") != price
            faults += when(isOther, "PricingCurrency\(kind)UnitPrice is not \(kind)UnitPrice")
        }
        let costs = ["BilledCost", "EffectiveCost", "PricingCurrencyEffectiveCost"]
        faults += when(Set(costs.map(number)).count > 1, "costs differ: \(costs)")
        faults += when(self["PricingCurrency"] != self["BillingCurrency"], "currencies differ")
        if let currency = Currency(self["BillingCurrency"] ?? ""), let billed = number("BilledCost")
        {
            let scale = Rational(currency.scale)
            let isWhole = Rational((billed * scale).floor) == billed * scale
            faults += when(!isWhole, "BilledCost \(billed) is not in minor units")
            if self["ListUnitPrice"] != nil, let exact = number("ContractedCost") {
                // Largest remainder stays within one unit. The quantity's last digit may add a little.
                let off = (billed - exact) * scale
                let isFar = off >= Rational(2) || off <= Rational(-2)
                faults += when(isFar, "BilledCost \(billed) is not \(exact) rounded")
            }
        }
        return faults
    }

    private var periodFaults: [String] {
        var faults: [String] = []
        var bounds: [String: Instant] = [:]
        for column in words("BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd")
        {
            let time = self[column].flatMap { Instant(rfc3339: $0) }
            bounds[column] = time
            let isExact = time?.description == self[column] && self[column]?.utf8.count == 20
            faults += when(!isExact, "\(column) is not YYYY-MM-DDTHH:mm:ssZ")
        }
        guard let start = bounds["BillingPeriodStart"], let end = bounds["BillingPeriodEnd"],
            let from = bounds["ChargePeriodStart"], let to = bounds["ChargePeriodEnd"]
        else { return faults }
        faults += when(end <= start, "the billing period ends before it starts")
        faults += when(to <= from, "the charge period ends before it starts")
        if isCorrection { return faults + when(from >= start, "corrects its own period") }
        return faults + when(from < start || to > end, "charged outside of the billing period")
    }

    private var serviceFaults: [String] {
        let (category, sub) = (self["ServiceCategory"] ?? "", self["ServiceSubcategory"] ?? "")
        let issuer = self["InvoiceIssuerName"]
        let isKnown = services[category]?.contains(sub) == true
        return when(!isKnown, "\(category) has no subcategory \(sub)")
            + words(providers).filter { columns.contains($0) && self[$0] != issuer }
            .map { "\($0) is not InvoiceIssuerName" }
    }
}
