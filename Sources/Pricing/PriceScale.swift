import Units

/// How far the month's quantity of a meter has come.
struct MonthPosition {
    /// In base units, as used.
    var used: Int128 = 0
    /// As priced: rounded up by the versions that priced it.
    var priced: Int128 = 0
    /// The tiers whose flat amount is charged.
    var flats: Set<TierPlace?> = []
}

/// A price laid along the month's quantity: lanes in base units, each with its amount for a `per`.
struct PriceScale {
    private struct Lane {
        /// What lies above `lower`, up to `upper` (`nil`: without end).
        var lower: Int128
        var upper: Int128?
        var tier: TierPlace?
        var price: DecimalPrice
        /// What is charged once, when the quantity gets above `lower`.
        var flat: DecimalPrice?

        /// How much of what lies above `from`, up to `to`, lies in the lane.
        func overlap(_ from: Int128, _ to: Int128) -> Int128 {
            max(0, min(to, upper ?? .max) - max(from, lower))
        }
    }

    /// Quantities of several containers that are taken lane by lane.
    private struct Portions {
        private(set) var left: [Int128]

        init(_ quantities: [Int128]) { left = quantities }

        /// Takes an amount of them, from each in proportion to what it has left.
        mutating func take(_ amount: Int128) -> [Int128] {
            let parts = apportion(amount, over: left)
            for index in left.indices { left[index] -= parts[index] }
            return parts
        }
    }

    private let price: Price
    private let segment: Segment
    private let free: Int128
    private let step: Int128?
    private let lanes: [Lane]

    /// - Parameter total: the whole month's quantity, which picks the tier of a volume price.
    /// - Throws: if bounds are not whole base units, which `octroi price check` refuses, too.
    init(_ price: Price, _ segment: Segment, ofMonth total: Int128) throws(Fault) {
        let seconds = segment.month.seconds
        func whole(_ quantity: UnitQuantity, _ count: Rational) throws(Fault) -> Int128 {
            guard let whole = quantity.whole(count, monthSeconds: seconds) else {
                throw Fault(
                    .badData, at: "price book \(segment.book.id) of \(segment.book.effective)",
                    problem: "\(count) times \(quantity), which is no whole number of base units",
                    suggestion:
                        "Let tiers, free quantities and steps be whole base units of the meter")
            }
            return whole
        }
        let one = Rational(1)
        self.price = price
        self.segment = segment
        free = try price.free.map { quantity throws(Fault) in try whole(quantity, one) } ?? 0
        step = try price.step.map { quantity throws(Fault) in try whole(quantity, one) }
        let isSingle = price.tiers.count == 1
        var tiers: [Lane] = []
        var lower: Int128 = 0
        for (index, tier) in price.tiers.enumerated() {
            let upper = try tier.upTo.map { bound throws(Fault) in
                try whole(price.per, bound.value)
            }
            tiers.append(
                Lane(
                    lower: lower, upper: upper, tier: isSingle ? nil : .number(index + 1),
                    price: tier.price, flat: tier.flat))
            lower = upper ?? lower
        }
        if price.mode == .volume {
            let end = Self.rounded(total, free: free, step: step)
            var one = tiers.first { end <= $0.upper ?? .max } ?? tiers[tiers.count - 1]
            (one.lower, one.upper) = (0, nil)
            tiers = [one]
        }
        let free = free
        let beyond = tiers.filter { $0.upper.map { $0 > free } ?? true }.map { lane in
            var lane = lane
            lane.lower = max(lane.lower, free)
            return lane
        }
        let first =
            free > 0 ? [Lane(lower: 0, upper: free, tier: .free, price: .zero, flat: nil)] : []
        lanes = first + beyond
    }

    /// Where a quantity ends once it is rounded up beyond the free part.
    private static func rounded(_ quantity: Int128, free: Int128, step: Int128?) -> Int128 {
        guard let step, quantity > free else { return quantity }
        let (steps, rest) = (quantity - free).quotientAndRemainder(dividingBy: step)
        return free + (rest > 0 ? steps + 1 : steps) * step
    }

    /// The charges of containers, sorted, whose quantities follow a position in the month.
    ///
    /// Metered quantities lie in the lane that they were used in, priced ones in the lane that they
    /// are rounded up to: of 31 used, 30 free and packages of 1,000, one lies beyond the free part,
    /// and 1,000 are priced. Containers share what lies in a lane in proportion to what they used.
    func charges(
        _ usage: [MeterUsage], _ meter: String, by rules: RatingRules,
        from position: inout MonthPosition
    ) -> [Charge] {
        let used = position.used
        position.used += usage.reduce(0) { $0 + $1.billable }
        let from = position.priced
        let to = max(from, Self.rounded(position.used, free: free, step: step))
        position.priced = to
        if rules == .first { return chargesByFirstRules(usage, meter, from, to, &position) }
        var priced = Portions(apportion(to - from, over: usage.map(\.billable)))
        var billable = Portions(usage.map(\.billable))
        var metered = usage.map(\.quantity)
        var charges: [Charge] = []
        for lane in lanes {
            let inside = lane.overlap(from, to)
            let parts = priced.take(inside)
            let shares = billable.take(lane.overlap(used, position.used))
            for (index, use) in usage.enumerated() where shares[index] > 0 || parts[index] > 0 {
                let isLast = billable.left[index] == 0
                let own =
                    isLast
                    ? metered[index]
                    : Units.scale(use.quantity, by: shares[index], over: use.billable).quotient
                metered[index] -= own
                charges.append(charge(lane, meter, use.container, own, parts[index]))
            }
            if let flat = lane.flat, inside > 0, position.flats.insert(lane.tier).inserted {
                charges.append(flatCharge(lane, meter, flat))
            }
        }
        return charges
    }

    /// As Octroi 0.1.0 did it; see `RatingRules.first`.
    private func chargesByFirstRules(
        _ usage: [MeterUsage], _ meter: String, _ from: Int128, _ to: Int128,
        _ position: inout MonthPosition
    ) -> [Charge] {
        var left = apportion(to - from, over: usage.map(\.billable))
        let total = left
        var metered = usage.map(\.quantity)
        var charges: [Charge] = []
        for lane in lanes where to > lane.lower && from < lane.upper ?? .max || from == to {
            let inside = min(to, lane.upper ?? .max) - max(from, lane.lower)
            // A package that is already paid for takes the quantity in at no further cost.
            if from == to, lane.upper.map({ $0 < to }) ?? false { continue }
            let parts = from == to ? left : apportion(inside, over: left)
            for (index, part) in parts.enumerated() {
                left[index] -= part
                let isLast = left[index] == 0
                let own =
                    isLast
                    ? metered[index]
                    : Units.scale(usage[index].quantity, by: part, over: total[index]).quotient
                guard part > 0 || own > 0 else { continue }
                metered[index] -= own
                charges.append(charge(lane, meter, usage[index].container, own, part))
            }
            if let flat = lane.flat, inside > 0, position.flats.insert(lane.tier).inserted {
                charges.append(flatCharge(lane, meter, flat))
            }
            if from == to { break }
        }
        return charges
    }

    private func charge(
        _ lane: Lane, _ meter: String, _ container: ExactText, _ quantity: Int128, _ priced: Int128
    ) -> Charge {
        let size = price.per.size(monthSeconds: segment.month.seconds)
        return Charge(
            kind: .usage, segment: segment, meter: meter, tier: lane.tier, container: container,
            quantity: quantity, priced: priced, price: lane.price, per: price.per,
            amount: Rational(priced) * lane.price.value / size)
    }

    private func flatCharge(_ lane: Lane, _ meter: String, _ flat: DecimalPrice) -> Charge {
        Charge(
            kind: .flat, segment: segment, meter: meter, tier: lane.tier, quantity: 1, priced: 1,
            price: flat, amount: flat.value)
    }
}
