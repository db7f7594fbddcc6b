import Metering
import Units

/// What a quantity of usage costs, exactly; not yet rounded.
public struct Charge: Hashable, Sendable {
    public var usage: Usage
    /// `nil` where the book has no price for the meter.
    public var price: Price?
    /// In major units of the book's currency.
    public var amount: Rational

    public init(usage: Usage, price: Price?, amount: Rational) {
        (self.usage, self.price, self.amount) = (usage, price, amount)
    }
}

extension PriceBook {
    /// The exact charge of each usage row.
    ///
    /// - Throws: if the policy is `block` and a meter with usage has no price.
    public func rate(_ usage: [Usage], in month: Period) throws(Fault) -> [Charge] {
        var charges: [Charge] = []
        for row in usage {
            guard let price = meters[row.meter.name] else {
                // What is reserved is another measure of what is used: billed only if it is priced.
                if row.meter.isReservation { continue }
                guard unpriced == .show else { throw unpricedFault(row) }
                charges.append(Charge(usage: row, price: nil, amount: .zero))
                continue
            }
            charges.append(
                Charge(usage: row, price: price, amount: price.amount(of: row.quantity, in: month)))
        }
        return charges
    }

    private func unpricedFault(_ usage: Usage) -> Fault {
        Fault(
            .badData, at: "price book \(id) of \(effective)",
            found: "tenant \(usage.tenant ?? "?") used \(usage.quantity) of \(usage.meter) in "
                + "\(usage.container ?? "?"), and the book has no price for that meter",
            cure: "Add meters.\(usage.meter) to the book (a price of \"0\" is allowed), or set "
                + "\"unpriced: show\", then octroi apply")
    }
}

/// The versions of price books, and which is in force when.
public struct PriceBooks: Sendable {
    private let versions: [String: [PriceBook]]

    public init(_ books: [PriceBook]) {
        versions = Dictionary(grouping: books, by: \.id)
            .mapValues { $0.sorted { $0.effective < $1.effective } }
    }

    /// The versions of a book over a period, each with the part it is in force for.
    ///
    /// - Throws: if the book is unknown, or begins after the period does.
    public func segments(
        of id: String, over period: Period
    ) throws(Fault) -> [(period: Period, book: PriceBook)] {
        guard let all = versions[id], let first = all.first else {
            throw Fault(
                .badData, at: "price book \(id)", found: "no such price book",
                cure: "Add it to prices.yaml and run octroi apply")
        }
        guard first.effective <= period.start else {
            throw Fault(
                .badData, at: "price book \(id)",
                found: "its first version is in force from \(first.effective), after the start of "
                    + "the period, \(period.start)",
                cure: "Add a version that covers the period, or bill from that date on with "
                    + "--from and --to")
        }
        // Cut at months too, as a price per month needs the month's own length.
        return period.cut(at: all.map(\.effective) + period.monthStarts).compactMap { part in
            all.last { $0.effective <= part.start }.map { (part, $0) }
        }
    }
}
