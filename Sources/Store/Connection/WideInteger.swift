import BigInt
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

    static func bytes(_ number: BigInt) -> [UInt8] {
        var magnitude = number.magnitude
        var bytes: [UInt8] = []
        while magnitude > 0 {
            bytes.append(UInt8(truncatingIfNeeded: magnitude))
            magnitude >>= 8
        }
        return [number < 0 ? 1 : 0] + bytes.reversed()
    }

    static func number(_ bytes: [UInt8]) -> BigInt? {
        guard let sign = bytes.first, sign < 2 else { return nil }
        let magnitude = bytes.dropFirst().reduce(into: BigInt(0)) { $0 = $0 << 8 + BigInt($1) }
        return sign == 1 ? -magnitude : magnitude
    }
}
