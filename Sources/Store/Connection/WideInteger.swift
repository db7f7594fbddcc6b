import BigInt
import Units

/// Stores a 128-bit number in two INTEGER columns.
///
/// The number is `high * 2^64 + low`, with `low` read as an unsigned number. Example: 2^64 + 5 is
/// stored as high 1 and low 5, and 2^63 as high 0 and low -2^63.
extension Int128 {
    /// The two columns.
    var halves: (high: Int64, low: Int64) {
        (Int64(truncatingIfNeeded: self >> 64), Int64(truncatingIfNeeded: self))
    }

    /// The number in two columns.
    init(high: Int64, low: Int64) {
        self = Int128(high) << 64 | Int128(UInt64(bitPattern: low))
    }

    /// Combines two sums that SQL computed separately, so that neither overflows 64 bits.
    ///
    /// - Parameters:
    ///   - sumOfHighs: the sum of `quantity >> 32`.
    ///   - sumOfLows: the sum of `quantity & 0xffffffff`.
    init(sumOfHighs: Int64, sumOfLows: Int64) {
        self = Int128(sumOfHighs) << 32 + Int128(sumOfLows)
    }
}

/// Stores an exact fraction in two BLOB columns.
///
/// Each column holds a sign byte (0 or 1), then the magnitude, most significant byte first.
/// Example: -258 is the bytes 1, 1, 2.
extension Rational {
    /// The two columns.
    var blobs: (numerator: [UInt8], denominator: [UInt8]) {
        (Self.bytes(numerator), Self.bytes(denominator))
    }

    /// The fraction in two columns; `nil` if the bytes are not of this form.
    init?(numerator: [UInt8], denominator: [UInt8]) {
        guard let n = Self.number(numerator), let d = Self.number(denominator), d > 0 else {
            return nil
        }
        self.init(n, over: d)
    }

    /// A whole number as a sign byte and its magnitude; 0 has no magnitude bytes.
    static func bytes(_ number: BigInt) -> [UInt8] {
        var magnitude = number.magnitude
        var bytes: [UInt8] = []
        while magnitude > 0 {
            bytes.append(UInt8(truncatingIfNeeded: magnitude))
            magnitude >>= 8
        }
        return [number < 0 ? 1 : 0] + bytes.reversed()
    }

    /// The inverse of `bytes(_:)`; `nil` if there is no valid sign byte.
    static func number(_ bytes: [UInt8]) -> BigInt? {
        guard let sign = bytes.first, sign < 2 else { return nil }
        let magnitude = bytes.dropFirst().reduce(into: BigInt(0)) { $0 = $0 << 8 + BigInt($1) }
        return sign == 1 ? -magnitude : magnitude
    }
}
