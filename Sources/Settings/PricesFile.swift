import Metering
import Pricing
import Units

/// Reads the `books:` list of prices.yaml, and collects every mistake in it.
///
/// - Parameters:
///   - value: the list.
///   - zone: the billing zone. A date in the list is a day of this zone.
///   - names: the names in all files read so far.
///   - faults: receives the mistakes. If there is one, the result is incomplete and must not be
///     used.
func readBooks(
    _ value: YAMLValue, in zone: BillingZone, _ names: WrittenNames, _ faults: inout [Fault]
) -> [PriceBook] {
    var books: [PriceBook] = []
    for item in faults.collect({ () throws(Fault) in try value.list() }) ?? [] {
        guard let book = readBook(item, in: zone, &faults) else { continue }
        _ = faults.collect { () throws(Fault) in
            try names.add(
                "book \"\(book.id)\" from \(book.effective)", item,
                suggestion: "Give the later version another effective time")
        }
        books.append(book)
    }
    return books
}

/// The errors for books in a currency that is no longer in force (`Currency.end`).
///
/// Such a book is accepted if a later version changes the currency in time. Example: the lev (BGN)
/// ended on 2026-01-01. A book in BGN needs a version in EUR that takes effect on that day or
/// before.
func faultsOfEndedCurrencies(_ books: [PriceBook]) -> [Fault] {
    let current = Dictionary(grouping: books.filter { $0.currency.end == nil }, by: \.id)
    return books.compactMap { book in
        guard let end = book.currency.end else { return nil }
        let isReplaced = current[book.id]?.contains {
            book.effective < $0.effective && $0.effective <= end.at
        }
        if isReplaced == true { return nil }
        return Fault(
            .badData, at: "price book \(book.id) from \(book.effective)",
            problem: "currency \(book.currency) was replaced by \(end.successor) on \(end.at)",
            suggestion:
                "Add a version in \(end.successor) that is effective from \(end.at) at the latest"
        )
    }
}

/// Reads one version of a price book.
///
/// Every part is read, even after a mistake, so that the user sees all mistakes at once.
///
/// - Parameter faults: receives the mistakes.
/// - Returns: `nil` if a mistake leaves the book without an id, a currency or another setting.
///   Prices, taxes, fees and discounts with mistakes are only left out.
private func readBook(
    _ item: YAMLValue, in zone: BillingZone, _ faults: inout [Fault]
) -> PriceBook? {
    let known = [
        "id", "currency", "effective", "rounding", "memory", "unpriced", "minimum", "taxes",
        "meters", "fixed", "discounts",
    ]
    let checked = faults.collect { () throws(Fault) in try item.members(known) }
    guard let members = checked else { return nil }
    let prices = readPrices(members, &faults)
    let taxes = faults.each(of: members["taxes"]) { item throws(Fault) in try readTax(item) }
    let fixed = faults.each(of: members["fixed"]) { item throws(Fault) in try readFee(item) }
    // Meters whose price has a mistake are included: discounts may name them.
    let named = Set(((try? members["meters"]?.anyMembers()) ?? []).map(\.name))
    let discounts = faults.each(of: members["discounts"]) { item throws(Fault) in
        try readDiscount(item, of: named, in: zone)
    }
    let taxed = taxes.reduce(Rational.zero) { $0 + $1.rate.value }
    if taxed > Rational(100), taxes.count > 1, let list = members["taxes"] {
        faults.append(
            list.fault(
                "the taxes add up to \(taxed) %",
                "Lower them: the maximum is 100 %, because each is on the net"))
    }
    if let over = overlap(of: discounts, prices), let list = members["discounts"] {
        faults.append(
            list.fault(
                "discounts on \(over) add up to more than 100 % at the same time",
                "Lower them, or separate their dates"))
    }
    faults.unique(taxes.map(\.code), of: members["taxes"])
    faults.unique(fixed.map(\.code), of: members["fixed"])
    // Each key is read on its own, so that all mistakes are reported together.
    let id = faults.collect { () throws(Fault) in
        try members.required("id").value("a-z, 0-9 and -, beginning with a letter") {
            isIdentifier($0, also: "-") ? $0 : nil
        }
    }
    let currency = faults.collect { () throws(Fault) in
        try members.required("currency").value("a currency code of ISO 4217, such as EUR") {
            Currency($0)
        }
    }
    let effective = faults.collect { () throws(Fault) in
        try wholeHour(members.required("effective"), in: zone)
    }
    let rounding: Rounding? = faults.choice("rounding", of: members, default: .halfEven)
    let memory: MemoryFormula? = faults.choice("memory", of: members, default: .unreclaimable)
    let unpriced: UnpricedPolicy? = faults.choice("unpriced", of: members, default: .block)
    let minimum = faults.collect { () throws(Fault) in
        try members["minimum"]?.decimal { DecimalPrice($0) }
    }
    guard let id, let currency, let effective, let rounding, let memory, let unpriced, let minimum
    else { return nil }
    return PriceBook(
        id: id, currency: currency, effective: effective, rounding: rounding, memory: memory,
        unpriced: unpriced, taxes: taxes, meters: prices, minimum: minimum, fixed: fixed,
        discounts: discounts)
}

/// Reads `meters:`, the price of each meter by its name.
///
/// A price with a mistake is left out. If `basis:` makes cpu or memory billed by reservations, the
/// book must not price `cpu_reserved` or `memory_reserved` too: the reservation would be billed
/// twice.
private func readPrices(_ members: YAMLMembers, _ faults: inout [Fault]) -> [String: Price] {
    var prices: [String: Price] = [:]
    let listed = faults.collect { () throws(Fault) in
        try members.required("meters").anyMembers()
    }
    for (name, value) in listed ?? [] {
        prices[name] = faults.collect { () throws(Fault) in
            let meter: Meter
            do throws(LedgerMeter.WrongName) {
                meter = try LedgerMeter.meter(named: name)
            } catch {
                throw value.fault("the meter \(quoted(name))", error.suggestion)
            }
            return try readPrice(value, of: meter)
        }
    }
    for (used, reserved) in [("cpu", "cpu_reserved"), ("memory", "memory_reserved")]
    where prices[used].map({ $0.basis != .used }) == true && prices[reserved] != nil {
        let place = listed?.first { $0.name == reserved }?.value ?? members.owner
        faults.append(
            place.fault(
                "\(reserved) would be billed twice: \(used) already bills reservations (basis)",
                "Remove this price, or set the basis of \(used) to used"))
    }
    return prices
}

/// Reads one item of `taxes:`; without `name:`, the code is the name.
private func readTax(_ item: YAMLValue) throws(Fault) -> Tax {
    let members = try item.members(["code", "name", "rate"])
    let code = try readCode(members)
    let value = try members.required("rate")
    let rate = try value.decimal { DecimalPrice($0) }
    // A rate is in percent. More than 100 percent is taken for a slip.
    guard rate.value <= Rational(100) else {
        throw value.fault(
            "\(quoted(rate.description)) percent",
            "Let a tax be 100 percent at most, such as \"20\"")
    }
    return Tax(code: code, name: try members["name"]?.text() ?? code, rate: rate)
}

/// Reads one item of `fixed:`, a monthly fee; without `name:`, the code is the name.
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

/// Reads `code:` of a tax or a fee.
///
/// It is an identifier as `isIdentifier` defines it, with both `_` and `-`.
private func readCode(_ members: YAMLMembers) throws(Fault) -> String {
    try members.required("code").value("a code of a-z, 0-9, _ and -, beginning with a letter") {
        isIdentifier($0.replacing("-", with: "_"), also: "_") ? $0 : nil
    }
}

/// Reads one item of `discounts:`.
///
/// - Parameter meters: the names of the meters that the book prices.
/// - Throws: `badData` for more than 100 percent, a meter that the book does not price, an empty
///   list, and an end that is not after the start.
private func readDiscount(
    _ item: YAMLValue, of meters: Set<String>, in zone: BillingZone
) throws(Fault) -> Discount {
    let members = try item.members(["percent", "meters", "tenants", "from", "until"])
    let value = try members.required("percent")
    let percent = try value.decimal { DecimalPrice($0) }
    guard percent.value <= Rational(100) else {
        throw value.fault("\(percent) percent", "Let a discount be 100 percent at most")
    }
    /// The items of a list, which must not be empty; `nil` if the key is missing.
    func texts(_ key: String) throws(Fault) -> [YAMLValue]? {
        guard let value = members[key] else { return nil }
        let list = try value.list()
        // If an empty list meant "all", removing the last tenant from a list would give the
        // discount to everybody.
        if list.isEmpty {
            throw value.fault("an empty list", "Name one at least, or leave \(key) out for all")
        }
        return list
    }
    var only: [String]?
    for value in try texts("meters") ?? [] {
        only =
            try (only ?? []) + [
                value.value("a meter that this book prices") { meters.contains($0) ? $0 : nil }
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
        percent: percent, meters: only, tenants: tenants,
        from: try members["from"].map { value throws(Fault) in try wholeHour(value, in: zone) },
        until: try members["until"].map { value throws(Fault) in try wholeHour(value, in: zone) })
    if let from = discount.from, let until = discount.until, until <= from {
        throw (members["until"] ?? item).fault(
            "\(until), which is not after from, \(from)", "Make the end later than the start")
    }
    return discount
}

/// The first meter on which discounts add up to more than 100 percent; `nil` if there is none.
///
/// Discounts add up if they apply to the same tenant at the same time. Discounts without `tenants:`
/// apply to every tenant.
private func overlap(of discounts: [Discount], _ prices: [String: Price]) -> String? {
    let general = discounts.filter { $0.tenants == nil }
    var byTenant: [String: [Discount]] = ["": general]
    for discount in discounts {
        for tenant in Set(discount.tenants ?? []) {
            byTenant[tenant, default: general] += [discount]
        }
    }
    let held = byTenant.sorted { $0.key < $1.key }
    return prices.keys.sorted().first { meter in
        held.contains { _, own in
            isMoreThanWhole(own.filter { $0.meters?.contains(meter) != false })
        }
    }
}

/// Whether discounts add up to more than 100 percent at any time.
///
/// It goes through all starts and ends in order of time, and keeps the sum that is in force.
private func isMoreThanWhole(_ discounts: [Discount]) -> Bool {
    var changes: [(at: Int64, percent: Rational)] = []
    for discount in discounts {
        let percent = discount.percent.value
        changes.append((discount.from?.milliseconds ?? .min, percent))
        if let until = discount.until {
            changes.append((until.milliseconds, Rational.zero - percent))
        }
    }
    // An end is exclusive. So at the same instant, ends (negative) come before starts.
    changes.sort { ($0.at, $0.percent) < ($1.at, $1.percent) }
    var sum = Rational.zero
    return changes.contains { change in
        sum = sum + change.percent
        return sum > Rational(100)
    }
}

/// Reads the start of a ledger hour: a date, or a whole UTC hour.
///
/// A date stands for its first instant in the billing zone. Usage is kept by ledger hours, so
/// prices and contracts can change only between two of them.
///
/// - Throws: `badData` for a time inside a ledger hour, and for a time before 1970.
func wholeHour(_ value: YAMLValue, in zone: BillingZone) throws(Fault) -> Instant {
    try value.value(
        "a date such as 2026-01-01, in the billing zone, or a whole UTC hour such as "
            + "2026-01-01T00:00:00Z"
    ) {
        guard let time = Instant(rfc3339: $0) ?? zone.day($0)?.start else { return nil }
        return zone.isLedgerHour(time) && time.isBillable ? time : nil
    }
}

extension [Fault] {
    /// Runs a reader and returns its value; if it throws, appends the error and returns `nil`.
    fileprivate mutating func collect<Value>(_ read: () throws(Fault) -> Value) -> Value? {
        do {
            return try read()
        } catch {
            append(error)
            return nil
        }
    }

    /// Reads a choice as `YAMLMembers.choice` does; if it throws, appends the error.
    fileprivate mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, of members: YAMLMembers, default fallback: Value
    ) -> Value? where Value.RawValue == String {
        collect { () throws(Fault) in try members.choice(key, default: fallback) }
    }

    /// Reads every item of a list, and leaves out the items with mistakes.
    ///
    /// - Parameter list: `nil` is an empty list.
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

    /// Appends an error for each code that occurs more than once in a list.
    fileprivate mutating func unique(_ codes: [String], of list: YAMLValue?) {
        guard let list else { return }
        var (seen, twice): (Set<String>, Set<String>) = ([], [])
        for code in codes where !seen.insert(code).inserted { twice.insert(code) }
        for code in twice.sorted() {
            append(list.fault("the code \"\(code)\" twice", "Give each a code of its own"))
        }
    }
}
