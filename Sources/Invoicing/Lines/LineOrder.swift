import Pricing
import Units

extension [LineItem] {
    /// The lines as they stand on an invoice: a total order but for lines that are equal.
    var inInvoiceOrder: [LineItem] {
        map { (place: $0.place, line: $0) }
            .sorted { $0.place.lexicographicallyPrecedes($1.place) }.map(\.line)
    }
}

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

    /// The free part first, then what has no tiers, then tiers by number.
    private var tierPlace: Int128 {
        switch subject {
        case .usage(let usage): Self.order(usage.tier)
        case .flat(let flat): Self.order(flat.tier)
        case .fee, .discount, .minimum, .rounding, .tax: 0
        }
    }

    private static func order(_ tier: TierPlace?) -> Int128 {
        switch tier {
        case .free: -1
        case .number(let number): Int128(number)
        case nil: 0
        }
    }
}
