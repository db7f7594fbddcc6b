import Sealing
import Foundation
import GRDB
import Pricing
import Units

/// SQL functions that Octroi adds to its connections.
let sqlFunctions = [
    // exact_sum(x): the sum of integers, even beyond 64 bits: an INTEGER if it fits, otherwise
    // text.
    DatabaseFunction("exact_sum", argumentCount: 1, pure: true, aggregate: ExactSum.self),
    // int128(high, low): a number stored in two columns, as text (see `Int128.halves`).
    DatabaseFunction("int128", argumentCount: 2, pure: true) { values in
        guard let high = Int64.fromDatabaseValue(values[0]),
            let low = Int64.fromDatabaseValue(values[1])
        else { return nil }
        return String(Int128(high: high, low: low))
    },
    // wide(highs, lows): adds sums of quantity >> 32 and of quantity & 0xffffffff; an INTEGER if it
    // fits, otherwise text.
    DatabaseFunction("wide", argumentCount: 2, pure: true) { values in
        guard let highs = Int64.fromDatabaseValue(values[0]),
            let lows = Int64.fromDatabaseValue(values[1])
        else { return nil }
        let sum = Int128(sumOfHighs: highs, sumOfLows: lows)
        return Int64(exactly: sum) ?? String(sum) as any DatabaseValueConvertible
    },
    // decimal(digits, scale): a price as text. price_digits and price_scale do the reverse.
    DatabaseFunction("decimal", argumentCount: 2, pure: true) { values in
        guard let digits = Data.fromDatabaseValue(values[0]),
            let scale = Int64.fromDatabaseValue(values[1])
        else { return nil }
        return DecimalParts(digits: Array(digits), scale: scale)?.text
    },
    // priced_files(definition): the kernel files that a price book's prices depend on, as a JSON
    // list.
    DatabaseFunction("priced_files", argumentCount: 1, pure: true) { values in
        guard let definition = String.fromDatabaseValue(values[0]) else { return nil }
        let book = try JSONDecoder().decode(PriceBook.self, from: Data(definition.utf8))
        return String(decoding: try JSONEncoder().encode(book.pricedFiles), as: UTF8.self)
    },
    // sha256(text): the hash of a text in UTF-8, in hexadecimal.
    DatabaseFunction("sha256", argumentCount: 1, pure: true) { values in
        guard let text = String.fromDatabaseValue(values[0]) else { return nil }
        let digest = Digest()
        digest.add(Array(text.utf8))
        return hex(digest.finish())
    },
    DatabaseFunction("price_digits", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).flatMap { DecimalParts($0) }.map { Data($0.digits) }
    },
    DatabaseFunction("price_scale", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).flatMap { DecimalParts($0)?.scale }
    },
]

/// Adds integers in 128 bits.
private struct ExactSum: DatabaseAggregate {
    private var sum: Int128 = 0

    mutating func step(_ values: [DatabaseValue]) throws {
        if let value = Int64.fromDatabaseValue(values[0]) { sum += Int128(value) }
    }

    func finalize() throws -> (any DatabaseValueConvertible)? {
        Int64(exactly: sum) ?? String(sum) as any DatabaseValueConvertible
    }
}

/// SQL functions that depend on the billing zone: start, end and date of the day of a time.
///
/// Times are seconds since 1970.
/// The names are `day_start`, `day_end` (seconds) and `day_date` (text such as 2026-11-30).
func dayFunctions(_ zone: BillingZone) -> [DatabaseFunction] {
    func function(
        _ name: String,
        _ value: @escaping @Sendable (Period, String) -> any DatabaseValueConvertible
    ) -> DatabaseFunction {
        DatabaseFunction(name, argumentCount: 1, pure: true) { values in
            guard let seconds = Int64.fromDatabaseValue(values[0]) else { return nil }
            let (period, date) = zone.day(of: Instant(seconds: seconds))
            return value(period, date)
        }
    }
    return [
        function("day_start") { period, _ in period.start.seconds },
        function("day_end") { period, _ in period.end.seconds },
        function("day_date") { _, date in date },
    ]
}
