import Metering
import Pricing
import Units

/// Reads the `books:` list of prices.yaml.
///
/// - Parameter faults: gets every mistake; the books are then not to be used.
func readBooks(_ value: YAMLValue, _ faults: inout [Fault]) -> [PriceBook] {
    var books: [PriceBook] = []
    for item in faults.collect({ () throws(Fault) in try value.list() }) ?? [] {
        guard let book = readBook(item, &faults) else { continue }
        if books.contains(where: { $0.id == book.id && $0.effective == book.effective }) {
            faults.append(
                item.fault(
                    "book \"\(book.id)\" from \(book.effective) a second time",
                    "Give the later entry another effective time"))
        }
        books.append(book)
    }
    return books
}

private func readBook(_ item: YAMLValue, _ faults: inout [Fault]) -> PriceBook? {
    let known = [
        "id", "currency", "effective", "rounding", "memory", "unpriced", "minimum", "taxes",
        "meters", "fixed", "discounts",
    ]
    let checked = faults.collect { () throws(Fault) in try item.members(known) }
    guard let members = checked else { return nil }
    let prices = readPrices(members, &faults)
    let taxes = faults.each(of: members["taxes"]) { item throws(Fault) in try readTax(item) }
    let fixed = faults.each(of: members["fixed"]) { item throws(Fault) in try readFee(item) }
    let discounts = faults.each(of: members["discounts"]) { item throws(Fault) in
        try readDiscount(item, of: prices)
    }
    if let over = overlap(of: discounts, prices), let list = members["discounts"] {
        faults.append(
            list.fault(
                "discounts on \(over) that come to more than 100 percent at one time",
                "Let those that hold together stay below: they add up"))
    }
    faults.unique(taxes.map(\.code), of: members["taxes"])
    faults.unique(fixed.map(\.code), of: members["fixed"])
    return faults.collect { () throws(Fault) in
        PriceBook(
            id: try members.required("id").value("a-z, 0-9 and -, beginning with a letter") {
                isIdentifier($0, also: "-") ? $0 : nil
            },
            currency: try members.required("currency").value(
                "a currency code of ISO 4217, such as EUR"
            ) { Currency($0) }, effective: try wholeHour(members.required("effective")),
            rounding: try members.choice("rounding", default: .halfEven),
            memory: try members.choice("memory", default: .unreclaimable),
            unpriced: try members.choice("unpriced", default: .block), taxes: taxes,
            meters: prices, minimum: try members["minimum"]?.decimal { DecimalPrice($0) },
            fixed: fixed, discounts: discounts)
    }
}

private func readPrices(_ members: YAMLMembers, _ faults: inout [Fault]) -> [String: Price] {
    var prices: [String: Price] = [:]
    let listed = faults.collect { () throws(Fault) in
        try members.required("meters").anyMembers()
    }
    for (name, value) in listed ?? [] {
        prices[name] = faults.collect { () throws(Fault) in
            guard let meter = Meter(name), !LedgerMeter.isReserved(name) else {
                throw value.fault(
                    "the meter \"\(harmless(name))\"", "Name it with a-z, 0-9 and _")
            }
            return try readPrice(value, of: meter)
        }
    }
    for (used, reserved) in [("cpu", "cpu_reserved"), ("memory", "memory_reserved")]
    where prices[used].map({ $0.basis != .used }) == true && prices[reserved] != nil {
        let place = listed?.first { $0.name == reserved }?.value ?? members.owner
        faults.append(
            place.fault(
                "a price for \(reserved), which \(used) is billed by already",
                "Take it out, or set the basis of \(used) to used"))
    }
    return prices
}

private func readTax(_ item: YAMLValue) throws(Fault) -> Tax {
    let members = try item.members(["code", "name", "rate"])
    let code = try readCode(members)
    return Tax(
        code: code, name: try members["name"]?.text() ?? code,
        rate: try members.required("rate").decimal { DecimalPrice($0) })
}

private func readFee(_ item: YAMLValue) throws(Fault) -> FixedFee {
    let members = try item.members(["code", "name", "price", "per"])
    let code = try readCode(members)
    if let per = members["per"] {
        _ = try per.value("month: a fee is for each billing month") { $0 == "month" ? $0 : nil }
    }
    return FixedFee(
        code: code, name: try members["name"]?.text() ?? code,
        price: try members.required("price").decimal { DecimalPrice($0) })
}

private func readCode(_ members: YAMLMembers) throws(Fault) -> String {
    try members.required("code").value("a code of a-z, 0-9, _ and -, beginning with a letter") {
        isIdentifier($0.replacing("-", with: "_"), also: "_") ? $0 : nil
    }
}

private func readDiscount(
    _ item: YAMLValue, of prices: [String: Price]
) throws(Fault) -> Discount {
    let members = try item.members(["percent", "meters", "tenants", "from", "until"])
    let value = try members.required("percent")
    let percent = try value.decimal { DecimalPrice($0) }
    guard percent.value <= Rational(100) else {
        throw value.fault("\(percent) percent", "Let a discount be 100 percent at most")
    }
    func texts(_ key: String) throws(Fault) -> [YAMLValue]? {
        guard let value = members[key] else { return nil }
        let list = try value.list()
        // Read as "all", an emptied list would give to everybody what it took from the last.
        if list.isEmpty {
            throw value.fault("an empty list", "Name one at least, or leave \(key) out for all")
        }
        return list
    }
    var meters: [String]?
    for value in try texts("meters") ?? [] {
        meters =
            try (meters ?? []) + [
                value.value("a meter that this book prices") { prices[$0] == nil ? nil : $0 }
            ]
    }
    var tenants: [String]?
    for value in try texts("tenants") ?? [] {
        tenants =
            try (tenants ?? []) + [
                value.value("a tenant's id") { isIdentifier($0, also: "-") ? $0 : nil }
            ]
    }
    let discount = Discount(
        percent: percent, meters: meters, tenants: tenants,
        from: try members["from"].map { value throws(Fault) in try wholeHour(value) },
        until: try members["until"].map { value throws(Fault) in try wholeHour(value) })
    if let from = discount.from, let until = discount.until, until <= from {
        throw (members["until"] ?? item).fault(
            "\(until), which is not after from, \(from)", "Let it end after it begins")
    }
    return discount
}

/// A meter that several discounts make cost less than nothing, at some time for some tenant.
private func overlap(of discounts: [Discount], _ prices: [String: Price]) -> String? {
    let tenants = Set(discounts.flatMap { $0.tenants ?? [] }).sorted() + [""]
    let starts = discounts.map { $0.from ?? Instant(seconds: -62_135_596_800) }
    for meter in prices.keys.sorted() {
        for tenant in tenants {
            for start in starts {
                guard let moment = Period(start: start, end: start.advanced(bySeconds: 1)) else {
                    continue
                }
                let sum = discounts.filter {
                    $0.meters?.contains(meter) != false && $0.applies(to: tenant, over: moment)
                }.reduce(Rational.zero) { $0 + $1.percent.value }
                if sum > Rational(100) { return meter }
            }
        }
    }
    return nil
}

func wholeHour(_ value: YAMLValue) throws(Fault) -> Instant {
    try value.value("a whole UTC hour, such as 2026-01-01T00:00:00Z") {
        Instant(rfc3339: $0).flatMap { $0 == $0.startOfHour ? $0 : nil }
    }
}

extension [Fault] {
    /// The value, or its fault remembered.
    fileprivate mutating func collect<Value>(_ read: () throws(Fault) -> Value) -> Value? {
        do {
            return try read()
        } catch {
            append(error)
            return nil
        }
    }

    /// What a list's sound items say.
    fileprivate mutating func each<Value>(
        of list: YAMLValue?, _ read: (YAMLValue) throws(Fault) -> Value
    ) -> [Value] {
        let items = collect { () throws(Fault) in try list?.list() ?? [] }
        var values: [Value] = []
        for item in items ?? [] {
            if let value = collect({ () throws(Fault) in try read(item) }) { values.append(value) }
        }
        return values
    }

    fileprivate mutating func unique(_ codes: [String], of list: YAMLValue?) {
        guard let list else { return }
        for code in Set(codes) where codes.count(where: { $0 == code }) > 1 {
            append(list.fault("the code \"\(code)\" twice", "Give each a code of its own"))
        }
    }
}
