import Metering
import Pricing
import Units

/// Reads the `books:` list of prices.yaml.
func readBooks(_ value: YAMLValue) throws(Fault) -> [PriceBook] {
    var books: [PriceBook] = []
    for item in try value.list() {
        let book = try readBook(item)
        if books.contains(where: { $0.id == book.id && $0.effective == book.effective }) {
            throw item.fault(
                "book \"\(book.id)\" from \(book.effective) a second time",
                "Give the later entry another effective time")
        }
        books.append(book)
    }
    return books
}

private func readBook(_ item: YAMLValue) throws(Fault) -> PriceBook {
    let members = try item.members([
        "id", "currency", "effective", "rounding", "memory", "unpriced", "minimum", "taxes",
        "meters", "fixed", "discounts",
    ])
    for name in ["minimum", "fixed", "discounts"] { try refuse(members[name], name) }
    let currency = try members.required("currency").value(
        "a currency code of ISO 4217, such as EUR"
    ) { Currency($0) }
    let effective = try members.required("effective").value(
        "a whole UTC hour, such as 2026-01-01T00:00:00Z"
    ) { Instant(rfc3339: $0).flatMap { $0 == $0.startOfHour ? $0 : nil } }
    var prices: [String: Price] = [:]
    for (name, value) in try members.required("meters").anyMembers() {
        guard let meter = Meter(name), !LedgerMeter.isReserved(name) else {
            throw value.fault("the meter \"\(name)\"", "Name it with a-z, 0-9 and _")
        }
        prices[name] = try readPrice(value, of: meter)
    }
    return PriceBook(
        id: try members.required("id").value("a-z, 0-9 and -, beginning with a letter") {
            isIdentifier($0, also: "-") ? $0 : nil
        }, currency: currency, effective: effective,
        rounding: try members.choice("rounding", default: .halfEven),
        memory: try members.choice("memory", default: .unreclaimable),
        unpriced: try members.choice("unpriced", default: .block),
        taxes: try readTaxes(members["taxes"]), meters: prices)
}

private func readTaxes(_ value: YAMLValue?) throws(Fault) -> [Tax] {
    var taxes: [Tax] = []
    for item in try value?.list() ?? [] {
        let members = try item.members(["code", "name", "rate"])
        let code = try members.required("code").text()
        if taxes.contains(where: { $0.code == code }) {
            throw item.fault("tax \"\(code)\" a second time", "Give every tax a code of its own")
        }
        taxes.append(
            Tax(
                code: code, name: try members["name"]?.text() ?? code,
                rate: try members.required("rate").decimal { DecimalPrice($0) }))
    }
    return taxes
}

private func readPrice(_ value: YAMLValue, of meter: Meter) throws(Fault) -> Price {
    let members = try value.members([
        "price", "per", "unit", "basis", "mode", "tiers", "free", "minimum_duration", "round_up",
    ])
    for name in ["mode", "tiers", "free", "minimum_duration", "round_up"] {
        try refuse(members[name], name)
    }
    if let basis = members["basis"], try basis.text() != "used" { try refuse(basis, "basis") }
    let amount = try members.required("price").decimal { DecimalPrice($0) }
    let per = try members.required("per").value(
        "a quantity with its unit, such as 1 vCPU-hour, 1 GiB-hour, 1 GB or 1000000 operation"
    ) { UnitQuantity($0) }
    let dimension = try dimension(of: meter, members)
    guard per.dimension == dimension else {
        throw (members["per"] ?? value).fault(
            "\"\(per)\", which does not measure \(meter)",
            "Price \(meter) per quantity of \(dimension.baseUnit), such as \(example(dimension))")
    }
    return Price(amount: amount, per: per)
}

/// What the meter counts: known, or named by `unit:` for a custom one.
private func dimension(of meter: Meter, _ members: YAMLMembers) throws(Fault) -> Dimension {
    if let known = meter.dimension { return known }
    guard let unit = members["unit"] else {
        throw members.owner.fault(
            "a custom meter without a unit",
            "Add the base unit it is imported in, such as unit: GPU-second")
    }
    let quantity = try unit.value("a unit, such as GPU-second or request") { UnitQuantity($0) }
    guard try quantity.dimension.baseUnit == unit.text() else {
        throw unit.fault(
            "\"\(try unit.text())\", which is not a base unit",
            "Write \(quantity.dimension.baseUnit), and import quantities in it")
    }
    return quantity.dimension
}

private func example(_ dimension: Dimension) -> String {
    switch dimension {
    case .cpuTime: "1 vCPU-hour"
    case .byteTime: "1 GiB-hour"
    case .bytes: "1 GB"
    case .operations: "1000000 operation"
    case .custom(let name, let overTime): overTime ? "1 \(name)-hour" : "1 \(name)"
    }
}

/// A part of a price that this version cannot compute is refused: leaving it out would bill wrong.
private func refuse(_ value: YAMLValue?, _ name: String) throws(Fault) {
    guard let value else { return }
    throw value.fault(
        "\"\(name)\", which this version of Octroi cannot compute",
        "Take it out: this version bills plain prices per unit, on used quantities, and taxes")
}
