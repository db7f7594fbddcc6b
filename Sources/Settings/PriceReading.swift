import Metering
import Pricing
import Units

/// Reads the price of one meter, such as `{ price: "0.04", per: 1 vCPU-hour }`.
///
/// docs/prices.md explains the keys.
///
/// - Parameters:
///   - value: the mapping below the meter's name.
///   - meter: the meter, which decides what `per` may measure.
/// - Throws: `badData` for the first mistake in the price.
func readPrice(_ value: YAMLValue, of meter: Meter) throws(Fault) -> Price {
    let members = try value.members([
        "price", "per", "unit", "basis", "mode", "tiers", "free", "minimum_duration", "round_up",
    ])
    let per = try readPer(members, of: meter)
    let model = try readModel(members)
    return Price(
        per: per, mode: model.storedModel, tiers: try readTiers(members, per),
        basis: try readBasis(members, meter),
        free: try members["free"].map { value throws(Fault) in try amount(value, like: per) },
        minimumSeconds: try members["minimum_duration"].map { value throws(Fault) in
            try value.value("a duration of whole seconds, such as 60s, 366d at most") {
                parseMilliseconds($0).flatMap { $0 % 1000 == 0 ? $0 / 1000 : nil }
            }
        }, step: try readStep(members, per, model))
}

/// Reads `per`, the quantity that a price is for.
///
/// - Throws: `badData` if it does not measure what the meter counts, as `1 GB` for cpu.
private func readPer(_ members: YAMLMembers, of meter: Meter) throws(Fault) -> UnitQuantity {
    let value = try members.required("per")
    let per = try value.value(
        "a quantity with its unit, such as 1 vCPU-hour, 1 GiB-hour, 1 GB or 1000000 operation"
    ) { UnitQuantity($0) }
    let dimension = try dimension(of: meter, members)
    guard per.dimension == dimension else {
        throw value.fault(
            "\(meter) cannot be priced per \"\(per)\"",
            "Use \(name(of: dimension)), such as \(example(dimension))")
    }
    return per
}

/// Reads `mode`.
private func readModel(_ members: YAMLMembers) throws(Fault) -> PriceModel {
    guard let value = members["mode"] else { return .graduated }
    let names = PriceModel.all.map(\.name).joined(separator: ", ")
    return try value.value("one of \(names)") { PriceModel($0) }
}

/// Reads `tiers`, or makes a single tier of `price`.
///
/// Each tier starts where the one before it ends, so the tiers have neither gaps nor overlaps.
///
/// - Throws: `badData` if a tier before the last has no bound, if the last one has a bound, or if
///   both `price` and `tiers` are given.
private func readTiers(_ members: YAMLMembers, _ per: UnitQuantity) throws(Fault) -> [Tier] {
    guard let list = members["tiers"] else {
        return [Tier(upTo: nil, price: try readDecimal(members.required("price")))]
    }
    if let price = members["price"] {
        throw price.fault("a price and tiers", "Keep one of them: each tier has a price of its own")
    }
    let items = try list.list()
    guard !items.isEmpty else { throw list.fault("no tier", "Write one tier at least") }
    var tiers: [Tier] = []
    for (index, item) in items.enumerated() {
        let parts = try item.members(["up_to", "price", "flat"])
        let upTo = try parts["up_to"].map { value throws(Fault) in
            try readBound(value, per, after: tiers.last?.upTo)
        }
        if index == items.count - 1, let upTo {
            throw (parts["up_to"] ?? item).fault(
                "the last tier ends at \(upTo), so larger quantities have no price",
                "Leave up_to out of the last tier, or add a tier without up_to")
        }
        if index < items.count - 1, upTo == nil {
            throw item.fault(
                "a tier before the last has no up_to",
                "Give every tier but the last its bound, up_to, in units of \"\(per)\"")
        }
        tiers.append(
            Tier(
                upTo: upTo, price: try readDecimal(parts.required("price")),
                flat: try parts["flat"].map { value throws(Fault) in try readDecimal(value) }))
    }
    return tiers
}

/// Reads `up_to`, the upper bound of a tier, in units of `per`.
///
/// - Parameter last: the bound of the tier before; `nil` for the first tier.
/// - Throws: `badData` if the bound is not above `last`, or is no whole number of base units.
private func readBound(
    _ value: YAMLValue, _ per: UnitQuantity, after last: DecimalPrice?
) throws(Fault) -> DecimalPrice {
    let bound = try value.value("a number of \"\(per)\", such as 100 or \"0.5\"") {
        DecimalPrice($0)
    }
    guard bound.value > last?.value ?? .zero else {
        throw value.fault(
            "up_to \(bound) is not above " + (last.map { "the tier before it (\($0))" } ?? "0"),
            last == nil ? "Write a number above 0" : "Sort tiers by up_to")
    }
    try requireWhole(value, per, bound.value)
    return bound
}

/// Reads `basis`.
///
/// - Throws: `badData` for `reserved` and `max`, if the meter is neither cpu nor memory. Limits
///   grant quantities of these two only.
private func readBasis(_ members: YAMLMembers, _ meter: Meter) throws(Fault) -> Price.Basis {
    let basis: Price.Basis = try members.choice("basis", default: .used)
    guard basis == .used || meter == .cpu || meter == .memory else {
        throw (members["basis"] ?? members.owner).fault(
            "basis \(basis.rawValue) works for cpu and memory only",
            "Remove basis: \(meter) is billed by what is used")
    }
    return basis
}

/// Reads `round_up`, which is `true`, `false` or a quantity such as `10 MB`.
///
/// - Returns: the step that quantities are rounded up to; `nil` if they are not rounded. For `true`
///   and for a model that rounds up it is `per`; a quantity in `round_up` replaces it.
private func readStep(
    _ members: YAMLMembers, _ per: UnitQuantity, _ model: PriceModel
) throws(Fault) -> UnitQuantity? {
    guard let value = members["round_up"] else { return model.roundsUp ? per : nil }
    switch try value.text() {
    case "true": break
    case "false" where !model.roundsUp: return nil
    case "false":
        throw value.fault("mode: \(model.name) always rounds up", "Remove round_up: false")
    default: return try amount(value, like: per)
    }
    try requireWhole(members["per"] ?? value, per, Rational(1))
    return per
}

/// Reads a quantity that measures the same as `per`.
///
/// - Throws: `badData` for another dimension, and if it is no whole number of base units.
private func amount(_ value: YAMLValue, like per: UnitQuantity) throws(Fault) -> UnitQuantity {
    let quantity = try value.value("a quantity with its unit, such as \(example(per.dimension))") {
        UnitQuantity($0)
    }
    guard quantity.dimension == per.dimension else {
        throw value.fault(
            "\"\(quantity)\", which is not counted in \(per.dimension.baseUnit)",
            "Write a quantity such as \(example(per.dimension))")
    }
    try requireWhole(value, quantity, Rational(1))
    return quantity
}

/// Refuses `count` times a quantity unless that is a whole number of base units.
///
/// Usage is counted in whole base units. So the price may change, and rounding may end, only at a
/// whole number of them, however long the billing month is. Multiples above 2^100 base units are
/// refused as well: no usage comes near them, and sums of them must fit into 128 bits.
///
/// - Parameters:
///   - value: the place that the error names.
///   - quantity: a quantity, possibly per month.
///   - count: how many of it.
private func requireWhole(
    _ value: YAMLValue, _ quantity: UnitQuantity, _ count: Rational
) throws(Fault) {
    let largest = Rational(Int128(1) << 100)
    if count * quantity.size(monthSeconds: 2_678_400) > largest {
        throw value.fault(
            "\(count) × \(quantity) is too large (the maximum is 2^100 "
                + "\(quantity.dimension.baseUnit))", "Write a smaller number")
    }
    // A quantity that is whole for a month of one hour is whole for every month of whole hours. The
    // month of 31 days is checked for its size.
    guard quantity.whole(count, monthSeconds: 3600) != nil,
        quantity.whole(count, monthSeconds: 2_678_400) != nil
    else {
        throw value.fault(
            "\(count) times \(quantity), which is no whole number of "
                + quantity.dimension.baseUnit,
            "Choose a bound that is a whole number of \(quantity.dimension.baseUnit)")
    }
}

/// Reads a price in major units of the currency: decimal text in quotes.
private func readDecimal(_ value: YAMLValue) throws(Fault) -> DecimalPrice {
    try value.decimal { DecimalPrice($0) }
}

/// What a meter counts; a custom meter says so with `unit:`.
///
/// Another meter may repeat its own base unit: price books of an older Octroi have
/// `unit: byte-second` for `storage`, which was a custom meter then.
///
/// - Throws: `badData` if a custom meter has no unit, if another meter has a wrong one, or if the
///   unit is no base unit, such as `GPU-hour` in place of `GPU-second`.
private func dimension(of meter: Meter, _ members: YAMLMembers) throws(Fault) -> Dimension {
    if let known = meter.dimension {
        if let unit = members["unit"], try unit.text() != known.baseUnit {
            throw unit.fault(
                "a unit for \(meter), which counts \(known.baseUnit)", "Take the unit out")
        }
        return known
    }
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

/// What a dimension measures, in words for error messages.
private func name(of dimension: Dimension) -> String {
    switch dimension {
    case .cpuTime: "CPU time"
    case .byteTime: "bytes over time"
    case .bytes: "bytes"
    case .operations: "operations"
    case .custom(let name, let overTime): overTime ? "\(name) time" : "a number of \(name)"
    }
}

/// A quantity of a dimension, as an example in error messages.
private func example(_ dimension: Dimension) -> String {
    switch dimension {
    case .cpuTime: "1 vCPU-hour"
    case .byteTime: "1 GiB-hour"
    case .bytes: "1 GB"
    case .operations: "1000000 operation"
    case .custom(let name, let overTime): overTime ? "1 \(name)-hour" : "1 \(name)"
    }
}
