import Units

/// How much of a meter's quantity in a billing month has been rated so far.
struct MonthPosition {
    /// The quantity used so far, in base units: with minimum durations, not rounded up.
    var used: Int128 = 0
    /// The quantity priced so far, in base units: rounded up by the versions that priced it.
    var priced: Int128 = 0
    /// The tiers whose flat amount was already charged this month; `nil` stands for a single tier.
    var flats: Set<TierPlace?> = []
}

/// A price laid along the month's quantity of a meter, as lanes of base units.
///
/// A lane is the free part, or what a tier prices of the rest. Example: with 10 free, a first tier
/// up to 100 at 2 and a second tier at 1, there are three lanes: above 0 up to 10 at 0, above 10 up
/// to 100 at 2, and above 100 at 1. A volume price has a single lane beside the free part: the tier
/// that the month's quantity ends in.
struct PriceScale {
    /// What each of several containers has left, while lanes take their parts one after another.
    private struct Portions {
        /// What each container has left, in the order of the containers.
        private(set) var left: [Int128]

        init(_ quantities: [Int128]) { left = quantities }

        /// Takes `amount` in total, from each container in proportion to what it has left.
        ///
        /// The parts are whole and add up to `amount` (largest remainder). Taking 5 from 6 and 4
        /// takes 3 and 2, and leaves 3 and 2.
        ///
        /// - Parameter amount: at most the sum of what is left, so that nobody gives more than it
        ///   has.
        /// - Returns: what each container gives, in the same order.
        mutating func take(_ amount: Int128) -> [Int128] {
            let parts = apportion(amount, over: left)
            for index in left.indices { left[index] -= parts[index] }
            return parts
        }
    }

    /// The price and the segment that it is applied in.
    private let price: Price
    private let segment: Segment
    /// The free quantity and the rounding step, in base units.
    private let free: Int128
    private let step: Int128?
    /// The lanes from the lowest to the highest.
    ///
    /// They neither overlap nor leave a gap.
    private let lanes: [Lane]

    /// Lays out a price in the billing month of a segment.
    ///
    /// - Parameter total: the whole month's quantity. It picks the tier of a volume price.
    /// - Throws: `badData` if a bound is no whole number of base units. `octroi price check`
    ///   refuses such a bound too.
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
        tiers = price.mode.lanes(tiers, Self.rounded(total, free: free, step: step))
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

    /// The end of a quantity after the part beyond the free quantity is rounded up to whole steps.
    ///
    /// With 30 free and a step of 1,000, 31 becomes 1,030 and 30 stays 30.
    private static func rounded(_ quantity: Int128, free: Int128, step: Int128?) -> Int128 {
        guard let step, quantity > free else { return quantity }
        let (steps, rest) = (quantity - free).quotientAndRemainder(dividingBy: step)
        return free + (rest > 0 ? steps + 1 : steps) * step
    }

    /// The charges for containers whose usage begins at a position in the month.
    ///
    /// A lane holds two amounts. The metered amount is what was used in it. The priced amount is
    /// what is left in it after rounding up. Example: 31 used, 30 of them free, packages of 1,000.
    /// One unit lies beyond the free part, and 1,000 units are priced there. Containers share both
    /// amounts in proportion to what they used; largest remainder keeps the shares whole and their
    /// sums exact.
    ///
    /// - Parameters:
    ///   - usage: one element for each container, sorted by container, so that ties among
    ///     remainders are decided the same way each time.
    ///   - position: where the month's quantity stands; moved to the end of the usage.
    func charges(
        _ usage: [MeterUsage], _ meter: String, by rules: RatingRules,
        from position: inout MonthPosition
    ) -> [Charge] {
        let used = position.used
        position.used += usage.reduce(0) { $0 + $1.billable }
        let from = position.priced
        // The end never goes back: a version with larger steps may have priced further already.
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
                // In the last lane that a container reaches, it gets the rest of its metered
                // quantity.
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

    /// The charges as Octroi 0.1.0 computed them, to verify its invoices (`RatingRules.first`).
    ///
    /// Metered quantities are split between lanes in proportion to the priced ones.
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
            // Usage inside a package that is already paid for goes to its lane at no further cost.
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

    /// The charge for what one container has in a lane.
    private func charge(
        _ lane: Lane, _ meter: String, _ container: ExactText, _ quantity: Int128, _ priced: Int128
    ) -> Charge {
        let size = price.per.size(monthSeconds: segment.month.seconds)
        return Charge(
            kind: .usage, segment: segment, meter: meter, tier: lane.tier, container: container,
            quantity: quantity, priced: priced, price: lane.price, per: price.per,
            amount: Rational(priced) * lane.price.value / size)
    }

    /// The charge for a lane's flat amount, which no container bears.
    private func flatCharge(_ lane: Lane, _ meter: String, _ flat: DecimalPrice) -> Charge {
        Charge(
            kind: .flat, segment: segment, meter: meter, tier: lane.tier, quantity: 1, priced: 1,
            price: flat, amount: flat.value)
    }
}
