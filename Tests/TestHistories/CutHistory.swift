import Metering
import Pricing
import TestSupport
import Units

/// A random history of two billing months: usage, prices, and how the months are cut into invoices.
///
/// The same history can be played as it happened, or as if all had been known and each month had
/// been invoiced once.
public struct CutHistory: CustomStringConvertible {
    /// Usage of one container in one or more hours.
    public struct Use {
        /// Before which issue it is known.
        public var step: Int
        public var tenant: Int
        public var container: Int
        public var meter: Int
        /// From the start of the first month.
        public var hour: Int
        public var hours: Int
        public var quantity: Int
    }

    /// Hours of a container that change hands before an issue.
    public struct Move {
        public var step: Int
        public var tenant: Int
        public var container: Int
        public var hours: Range<Int>
        public var to: Int
    }

    /// A document of which everything is credited before an issue, and issued again.
    public struct Credit {
        public var step: Int
        public var place: Int
        /// Issued again when all is over, and not at once.
        ///
        /// Not where invoices reach over a month's end: these round both months as one, as long as one such stands.
        public var isLater = false
    }

    /// Hours that are drafted before an issue, to be held against what issuing them would bill.
    public struct Probe {
        public var step: Int
        public var hours: Range<Int>
        /// Whether what was credited is in it.
        public var isAgain: Bool
    }

    /// A meter, m2, that gets its price before an issue.
    public struct Late {
        public var step: Int
        public var price: Price
        /// The hour that a version of the book with the price begins in; `nil`: all versions get it.
        public var from: Int?
        public var discount: Discount?
        /// None is known before the price.
        public var uses: [Use]
    }

    public static let tenants = ["ada", "bob", "cyd"]
    public static let months = ["2026-08", "2026-09"]
    public static let hours = (31 + 30) * 24

    public var book: [PriceBook]
    public var uses: [Use]
    /// Ends of invoices in hours, in order; each invoice begins where the one before ended.
    public var cuts: [Int]
    public var moves: [Move]
    public var credits: [Credit]
    public var probes: [Probe] = []
    /// Whether an invoice may hold the end of one month and the beginning of the next.
    public var crossesMonths: Bool
    public var late: Late?
    /// Whether it happens in a zone whose days begin in the middle of a UTC hour.
    public var isHalfHours = false

    public var description: String {
        let uses = (uses + (late?.uses ?? [])).map { use in
            "  before issue \(use.step): \(Self.tenants[use.tenant]) c\(use.container) m\(use.meter) "
                + "hour \(use.hour)+\(use.hours): \(use.quantity)"
        }
        let moves = moves.map {
            "  before issue \($0.step): hours \($0.hours) of \(Self.tenants[$0.tenant]) "
                + "c\($0.container) go to \(Self.tenants[$0.to])"
        }
        let late = late.map {
            "  before issue \($0.step): m2 gets its price, from hour \($0.from ?? 0): \($0.price) "
                + ($0.discount.map { "\($0)" } ?? "no discount")
        }
        let credits = credits.map {
            "  before issue \($0.step): credit document \($0.place)"
                + ($0.isLater ? ", issue it again at the end" : "")
        }
        let probes = probes.map {
            "  before issue \($0.step): draft hours \($0.hours)" + ($0.isAgain ? " again" : "")
        }
        let books = book.map { "  from \($0.effective): \($0)" }
        return
            (["issues end at hours \(cuts)" + (isHalfHours ? " of a half-hour zone" : "")] + uses
            + [late].compactMap(\.self) + moves + credits + probes + books)
            .joined(separator: "\n")
    }
}

// How a history is made up.
extension CutHistory {
    public init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        crossesMonths = Int.random(in: 0..<6, using: &random) == 0
        let month = 31 * 24
        var cuts = Set(
            (0..<Int.random(in: 0...4, using: &random)).map { _ in
                Int.random(in: 1..<Self.hours, using: &random)
            })
        if crossesMonths { cuts.remove(month) } else { cuts.insert(month) }
        cuts.insert(Self.hours)
        self.cuts = cuts.sorted()
        let steps = self.cuts.count
        uses = (0..<Int.random(in: 1...8, using: &random)).map { _ in
            let hour = Int.random(in: 0..<Self.hours - 2, using: &random)
            return Use(
                step: Int.random(in: 0...steps, using: &random),
                tenant: Int.random(in: 0..<3, using: &random),
                container: Int.random(in: 0..<2, using: &random),
                meter: Int.random(in: 0..<2, using: &random), hour: hour,
                hours: Int.random(in: 1...2, using: &random),
                quantity: Int.random(in: 1...40, using: &random))
        }
        moves = (0..<Int.random(in: 0...2, using: &random)).map { _ in
            let from = Int.random(in: 0..<Self.hours - 1, using: &random)
            return Move(
                step: Int.random(in: 0...steps, using: &random),
                tenant: Int.random(in: 0..<3, using: &random),
                container: Int.random(in: 0..<2, using: &random),
                hours: from..<Int.random(in: from + 1...Self.hours, using: &random),
                to: Int.random(in: 0..<3, using: &random))
        }
        credits =
            Int.random(in: 0..<4, using: &random) == 0
            ? [
                Credit(
                    step: Int.random(in: 1...steps, using: &random),
                    place: Int.random(in: 0..<9, using: &random))
            ] : []
        book = []
        book = Self.books(&random)
        isHalfHours = Int.random(in: 0..<4, using: &random) == 0
        if Int.random(in: 0..<2, using: &random) == 0 { late = Self.late(steps, &random) }
        if Int.random(in: 0..<12, using: &random) == 0 { crumble(&random) }
        probes = (0..<max(0, Int.random(in: -3...1, using: &random))).map { _ in
            let ends = [0] + self.cuts + [Int.random(in: 1..<Self.hours, using: &random)]
            let from = ends.randomElement(using: &random) ?? 0
            let to = ends.filter { $0 > from }.randomElement(using: &random) ?? Self.hours + 24
            return Probe(
                step: Int.random(in: 0...self.cuts.count, using: &random), hours: from..<to,
                isAgain: Bool.random(using: &random))
        }
    }

    /// Makes many small invoices of it, of prices that rounding cannot show, most of them credited.
    private mutating func crumble(_ random: inout SeededRandom) {
        let more = (0..<Int.random(in: 6...14, using: &random)).map { _ in
            Int.random(in: 1..<Self.hours / 24, using: &random) * 24
        }
        cuts = Set(cuts + (crossesMonths ? more.filter { $0 != 31 * 24 } : more)).sorted()
        let steps = cuts.count
        uses += (0..<Int.random(in: 10...25, using: &random)).map { _ in
            Use(
                step: Int.random(in: 0...3, using: &random), tenant: 0,
                container: Int.random(in: 0..<2, using: &random),
                meter: Int.random(in: 0..<2, using: &random),
                hour: Int.random(in: 0..<Self.hours - 2, using: &random), hours: 1,
                quantity: Int.random(in: 1...3, using: &random))
        }
        credits += (0..<Int.random(in: 3...12, using: &random)).map { _ in
            Credit(
                step: Int.random(in: 1...steps, using: &random),
                place: Int.random(in: 0..<20, using: &random),
                isLater: Int.random(in: 0..<4, using: &random) > 0 && !crossesMonths)
        }
        let thousandths = Int.random(in: 1...9, using: &random)
        guard let price = DecimalPrice("0.00\(thousandths)"), let per = UnitQuantity("1 thing")
        else { return }
        for index in book.indices {
            book[index].meters = book[index].meters.mapValues { _ in
                Price(amount: price, per: per)
            }
            (book[index].minimum, book[index].fixed) = (nil, [])
        }
    }

    private static func books(_ random: inout SeededRandom) -> [PriceBook] {
        guard
            let currency = Currency(["EUR", "JPY", "BHD"].randomElement(using: &random) ?? "EUR"),
            let first = Period(month: months[0])
        else { return [] }
        let rounding = Rounding.allCases.randomElement(using: &random) ?? .halfEven
        func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }
        func amount(_ most: Int) -> DecimalPrice {
            let text = String(Int.random(in: 1...most, using: &random))
            let padded = String(repeating: "0", count: max(0, 4 - text.count)) + text
            return DecimalPrice("\(padded.dropLast(3)).\(padded.suffix(3))") ?? .zero
        }
        var book = PriceBook(
            id: "b", currency: currency, effective: Instant(seconds: 0), rounding: rounding,
            memory: .unreclaimable, unpriced: .show,
            taxes: chance(2)
                ? [Tax(code: "vat", name: "VAT", rate: DecimalPrice("19.6") ?? .zero)] : [],
            meters: ["m0": price(&random), "m1": price(&random)],
            minimum: chance(2) ? amount(60_000) : nil,
            fixed: chance(2) ? [FixedFee(code: "fee", name: "Fee", price: amount(20_000))] : [],
            discounts: chance(3)
                ? [
                    Discount(
                        percent: amount(50_000), meters: chance(2) ? ["m0"] : nil,
                        tenants: chance(2) ? ["ada"] : nil, from: nil,
                        until: chance(2)
                            ? first.start.advanced(bySeconds: 3600 * 400) : nil)
                ] : [])
        var books = [book]
        if chance(4) {
            book.effective = first.start.advanced(
                bySeconds: 3600 * Int64.random(in: 1..<Int64(hours), using: &random))
            book.meters["m0"] = price(&random)
            if book.minimum != nil { book.minimum = amount(60_000) }
            books.append(book)
        }
        return books
    }

    static func price(_ random: inout SeededRandom) -> Price {
        func decimal(_ range: ClosedRange<Int>) -> DecimalPrice {
            let thousandths = Int.random(in: range, using: &random)
            let text = String(thousandths + 1_000_000)
            return DecimalPrice("\(text.dropFirst().dropLast(3)).\(text.suffix(3))") ?? .zero
        }
        guard let per = UnitQuantity("\(Int.random(in: 1...7, using: &random)) thing") else {
            preconditionFailure("a unit")
        }
        var bound = 0
        let tiers = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            bound += Int.random(in: 3...30, using: &random)
            return Tier(
                upTo: DecimalPrice(String(bound)), price: decimal(0...2500),
                flat: Bool.random(using: &random) ? nil : decimal(0...3000))
        }
        var all = tiers
        all[all.count - 1].upTo = nil
        var price = Price(
            per: per, mode: Bool.random(using: &random) ? .graduated : .volume, tiers: all)
        func some(_ most: Int) -> UnitQuantity? {
            Int.random(in: 0..<3, using: &random) == 0
                ? UnitQuantity("\(Int.random(in: 1...most, using: &random)) thing") : nil
        }
        price.free = some(40)
        price.step = some(25)
        if price.step == nil, Int.random(in: 0..<3, using: &random) == 0 {
            price.minimumSeconds = Int64.random(in: 3601...4 * 3600, using: &random)
        }
        return price
    }
}

// How a failing history is made smaller.
extension CutHistory {
    /// Histories with one thing less.
    public var smaller: [CutHistory] {
        func without<Part>(_ parts: WritableKeyPath<CutHistory, [Part]>) -> [CutHistory] {
            self[keyPath: parts].indices.map { index in
                var history = self
                history[keyPath: parts].remove(at: index)
                return history
            }
        }
        let month = 31 * 24
        var all = without(\.probes) + without(\.credits) + without(\.moves) + without(\.uses)
        all += without(\.cuts).filter {
            $0.cuts.last == Self.hours && ($0.crossesMonths || $0.cuts.contains(month))
        }
        if isHalfHours {
            var history = self
            history.isHalfHours = false
            all.append(history)
        }
        all += smallerLate
        if book.count > 1 { all += without(\.book).filter { $0.book[0].effective.seconds == 0 } }
        func edited(_ change: (inout PriceBook) -> Void) {
            var history = self
            for index in history.book.indices { change(&history.book[index]) }
            if history.book != book { all.append(history) }
        }
        edited { $0.minimum = nil }
        edited { $0.fixed = [] }
        edited { $0.discounts = [] }
        edited { $0.taxes = [] }
        for meter in ["m0", "m1"] {
            edited { $0.meters[meter]?.free = nil }
            edited { $0.meters[meter]?.step = nil }
            edited { $0.meters[meter]?.minimumSeconds = nil }
            edited { $0.meters[meter]?.mode = .graduated }
        }
        return all
    }
}
