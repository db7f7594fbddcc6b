import Pricing
import Reporting
import Units

/// Price books, with a row for each tier of a price, for each fee and for the minimum.
func priceSheet(_ books: [PriceBook]) -> Sheet {
    Sheet(
        columns: [
            "book", "effective", "meter", "price", "per", "currency", "tier", "up_to", "flat",
            "mode", "basis", "free", "minimum_duration_s", "round_up",
        ], rows: books.flatMap(rows))
}

/// The rows of one version of a price book.
private func rows(_ book: PriceBook) -> [[Cell]] {
    /// A row whose last cells are empty, up to the number of columns.
    ///
    /// - Parameter rest: the cells after `currency`.
    func row(_ meter: String, _ price: String, _ per: String, _ rest: [Cell]) -> [Cell] {
        [
            .text(book.id), .time(book.effective), .text(meter), .exact(price), .text(per),
            .text(book.currency.code),
        ] + rest + Array(repeating: .none, count: 8 - rest.count)
    }
    let meters = book.meters.sorted { $0.key < $1.key }.flatMap { meter, price in
        price.tiers.enumerated().map { index, tier in
            row(
                meter, tier.price.description, price.per.description,
                tierCells(price, tier, index))
        }
    }
    return meters + book.fixed.map { row($0.code, $0.price.description, "month", []) }
        + (book.minimum.map { [row("minimum", $0.description, "month", [])] } ?? [])
}

/// The cells of one tier; a price with a single tier shows no number and no mode.
private func tierCells(_ price: Price, _ tier: Tier, _ index: Int) -> [Cell] {
    let hasTiers = price.tiers.count > 1
    return [
        hasTiers ? .integer(Int128(index + 1)) : .none,
        tier.upTo.map { .exact($0.description) } ?? .none,
        tier.flat.map { .exact($0.description) } ?? .none,
        hasTiers ? .text(price.mode.name) : .none, .text(price.basis.rawValue),
        .optional(price.free?.description),
        .optional(price.minimumSeconds.map { Int128($0) }), .optional(price.step?.description),
    ]
}
