import Pricing
import Units

extension [LineItem] {
    /// The lines in the order of an invoice.
    ///
    /// The order does not depend on the order of the input, so that a recomputed invoice has its
    /// lines at the same places. Lines sort by kind, reference, container, meter, tier, time, price
    /// and quantity.
    var inInvoiceOrder: [LineItem] {
        map { (place: $0.place, line: $0) }
            .sorted { $0.place.lexicographicallyPrecedes($1.place) }.map(\.line)
    }
}

/// A part of a line's sort key; numbers come before texts.
private enum Place: Comparable {
    case number(Int128)
    case text(ExactText)

    static func < (a: Place, b: Place) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        case (.number, .text): true
        case (.text, .number): false
        }
    }
}

extension LineItem {
    /// The line's sort key, compared part by part.
    fileprivate var place: [Place] {
        let columns = columns
        func text(_ text: String?) -> Place { .text(ExactText(text ?? "")) }
        return [
            .number(Int128(Kind.allCases.firstIndex(of: kind) ?? 0)), text(reference),
            text(columns.container), text(columns.meter), .number(tierPlace),
            .number(Int128(period.start.seconds)), .number(Int128(period.end.seconds)),
            text(columns.unitPrice), text(columns.per), .number(columns.quantity ?? 0),
            .number(columns.priced ?? 0),
        ]
    }

    /// The free part comes first, then lines without tiers, then tiers by number.
    private var tierPlace: Int128 {
        switch subject {
        case .usage(let usage): Self.order(usage.tier)
        case .flat(let flat): Self.order(flat.tier)
        case .fee, .discount, .minimum, .rounding, .tax: 0
        }
    }

    /// The place of a tier: -1 for the free part, 0 without tiers, else its number.
    private static func order(_ tier: TierPlace?) -> Int128 {
        switch tier {
        case .free: -1
        case .number(let number): Int128(number)
        case nil: 0
        }
    }
}
