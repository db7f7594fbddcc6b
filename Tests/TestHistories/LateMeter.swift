import Pricing
import TestSupport
import Units

// A meter that the book has no price for at first.
extension CutHistory {
    static func late(_ steps: Int, _ random: inout SeededRandom) -> Late {
        func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }
        let step = Int.random(in: 1...steps, using: &random)
        let from = chance(3) ? Int.random(in: 1..<hours - 40, using: &random) : nil
        // A half-hour zone's months begin before those of UTC.
        let first = from.map { $0 + 7 } ?? 0
        let uses = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            Use(
                step: Int.random(in: step...steps, using: &random),
                tenant: Int.random(in: 0..<3, using: &random),
                container: Int.random(in: 0..<2, using: &random), meter: 2,
                hour: Int.random(in: first..<hours - 2, using: &random),
                hours: Int.random(in: 1...2, using: &random),
                quantity: Int.random(in: 1...40, using: &random))
        }
        let end = Int.random(in: 1..<hours, using: &random)
        let discount = Discount(
            percent: DecimalPrice("12.5") ?? .zero, meters: ["m2"],
            tenants: chance(2) ? ["bob"] : nil, from: nil,
            until: chance(2) ? instant(end) : nil)
        return Late(
            step: step, price: price(&random), from: from, discount: chance(3) ? discount : nil,
            uses: uses)
    }

    private static func instant(_ hour: Int) -> Instant? {
        Period(month: months[0])?.start.advanced(bySeconds: 3600 * Int64(hour))
    }

    /// The versions of the book before or after the late meter got its price.
    public func books(withLate: Bool) -> [PriceBook] {
        guard let late else { return book }
        var books = book
        for index in books.indices { books[index].unpriced = .block }
        guard withLate else { return books }
        let from = late.from.flatMap(Self.instant) ?? Instant(seconds: 0)
        if let place = books.lastIndex(where: { $0.effective <= from }),
            books[place].effective < from
        {
            var version = books[place]
            version.effective = from
            books.insert(version, at: place + 1)
        }
        for index in books.indices where from <= books[index].effective {
            books[index].meters["m2"] = late.price
            books[index].discounts += [late.discount].compactMap(\.self)
        }
        return books
    }

    /// Histories with less of the late meter.
    var smallerLate: [CutHistory] {
        guard let late else { return [] }
        func changed(_ change: (inout Late) -> Void) -> CutHistory {
            var history = self
            history.late.map { late in
                var late = late
                change(&late)
                history.late = late
            }
            return history
        }
        var without = self
        without.late = nil
        var all =
            [without] + late.uses.indices.map { index in changed { $0.uses.remove(at: index) } }
        if late.discount != nil { all.append(changed { $0.discount = nil }) }
        if late.from != nil { all.append(changed { $0.from = nil }) }
        if late.price.free != nil { all.append(changed { $0.price.free = nil }) }
        if late.price.step != nil { all.append(changed { $0.price.step = nil }) }
        if late.price.mode == .volume { all.append(changed { $0.price.mode = .graduated }) }
        return all
    }
}
