import BigInt
import Foundation
import GRDB
import Units

/// A 128-bit quantity as two INTEGER columns: `high * 2^64 + low`, `low` read as unsigned.
extension Int128 {
    var halves: (high: Int64, low: Int64) {
        (Int64(truncatingIfNeeded: self >> 64), Int64(truncatingIfNeeded: self))
    }

    init(high: Int64, low: Int64) {
        self = Int128(high) << 64 | Int128(UInt64(bitPattern: low))
    }

    /// Adds up what SQL summed apart as `quantity >> 32` and `quantity & 0xffffffff`, since a sum
    /// of 64-bit integers may pass 64 bits.
    init(sumOfHighs: Int64, sumOfLows: Int64) {
        self = Int128(sumOfHighs) << 32 + Int128(sumOfLows)
    }
}

/// What SQL of Octroi's own connections knows besides SQLite's functions.
let sqlFunctions = [
    // exact_sum(x): a sum of integers that may pass 64 bits, as INTEGER or else as text.
    DatabaseFunction("exact_sum", argumentCount: 1, pure: true, aggregate: ExactSum.self),
    // int128(high, low): two halves as text.
    DatabaseFunction("int128", argumentCount: 2, pure: true) { values in
        guard let high = Int64.fromDatabaseValue(values[0]),
            let low = Int64.fromDatabaseValue(values[1])
        else { return nil }
        return String(Int128(high: high, low: low))
    },
    // decimal(digits, scale): a price as text; price_digits and price_scale are the way back.
    DatabaseFunction("decimal", argumentCount: 2, pure: true) { values in
        guard let digits = Data.fromDatabaseValue(values[0]),
            let scale = Int64.fromDatabaseValue(values[1])
        else { return nil }
        return DecimalParts(digits: Array(digits), scale: scale)?.text
    },
    DatabaseFunction("price_digits", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).flatMap { DecimalParts($0) }.map { Data($0.digits) }
    },
    DatabaseFunction("price_scale", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).flatMap { DecimalParts($0)?.scale }
    },
]

private struct ExactSum: DatabaseAggregate {
    private var sum: Int128 = 0

    mutating func step(_ values: [DatabaseValue]) throws {
        if let value = Int64.fromDatabaseValue(values[0]) { sum += Int128(value) }
    }

    func finalize() throws -> (any DatabaseValueConvertible)? {
        Int64(exactly: sum) ?? String(sum) as any DatabaseValueConvertible
    }
}

/// An exact fraction as two BLOB columns, each sign byte first, then the magnitude big-endian.
extension Rational {
    var blobs: (numerator: [UInt8], denominator: [UInt8]) {
        (Self.bytes(numerator), Self.bytes(denominator))
    }

    /// `nil` if the bytes are none that `blobs` writes.
    init?(numerator: [UInt8], denominator: [UInt8]) {
        guard let n = Self.number(numerator), let d = Self.number(denominator), d > 0 else {
            return nil
        }
        self.init(n, over: d)
    }

    fileprivate static func bytes(_ number: BigInt) -> [UInt8] {
        var magnitude = number.magnitude
        var bytes: [UInt8] = []
        while magnitude > 0 {
            bytes.append(UInt8(truncatingIfNeeded: magnitude))
            magnitude >>= 8
        }
        return [number < 0 ? 1 : 0] + bytes.reversed()
    }

    fileprivate static func number(_ bytes: [UInt8]) -> BigInt? {
        guard let sign = bytes.first, sign < 2 else { return nil }
        let magnitude = bytes.dropFirst().reduce(into: BigInt(0)) { $0 = $0 << 8 + BigInt($1) }
        return sign == 1 ? -magnitude : magnitude
    }
}

/// A decimal of any length as two columns: its digits as a whole number (as in `Rational.blobs`), and
/// how many of them stand behind the point.
struct DecimalParts: Hashable {
    let digits: [UInt8]
    let scale: Int64
    /// As it was written, but for zeros in front.
    let text: String

    /// `nil` unless the text is a plain decimal.
    init?(_ text: String) {
        guard Rational(decimal: text) != nil else { return nil }
        let scale = text.firstIndex(of: ".").map {
            text.distance(from: $0, to: text.endIndex) - 1
        }
        guard let number = BigInt(text.replacing(".", with: "")) else { return nil }
        self.init(digits: Rational.bytes(number), scale: Int64(scale ?? 0))
    }

    /// `nil` if the bytes are none that Octroi writes.
    init?(digits: [UInt8], scale: Int64) {
        guard let number = Rational.number(digits), (0...100).contains(scale) else { return nil }
        (self.digits, self.scale) = (digits, scale)
        let all = String(number.magnitude)
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - all.count)) + all
        let whole = padded.dropLast(Int(scale))
        text = (number < 0 ? "-" : "") + whole + (scale > 0 ? "." + padded.suffix(Int(scale)) : "")
    }
}
