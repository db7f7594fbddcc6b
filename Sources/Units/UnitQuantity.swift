import BigInt

/// The quantity that a price is for: `1 vCPU-hour`, `744 GiB-hour`, `1000000 operation`, `1 GB`.
public struct UnitQuantity: Hashable, Sendable, CustomStringConvertible {
    /// What the unit measures.
    ///
    /// It must match the dimension of the meter that is priced.
    public let dimension: Dimension
    /// The text as written, with the count, for invoices and exports.
    public let description: String
    /// The size in base units of the dimension, without the seconds of a billing month.
    private let baseUnits: Rational
    /// Whether the unit contains `month`, whose length is that of the billing month.
    public let isPerMonth: Bool

    /// The size in base units of the dimension: exact, and always above zero.
    ///
    /// Example: `1 vCPU-hour` is 3,600,000,000 µs.
    ///
    /// - Parameter monthSeconds: the length of the billing month in seconds.
    public func size(monthSeconds: Int64) -> Rational {
        isPerMonth ? baseUnits * Rational(monthSeconds) : baseUnits
    }

    /// `count` of this quantity in base units; `nil` unless that is whole and fits into 128 bits.
    public func whole(_ count: Rational = Rational(1), monthSeconds: Int64) -> Int128? {
        let exact = count * size(monthSeconds: monthSeconds)
        return exact.denominator == 1 ? narrow(exact.numerator) : nil
    }

    /// Reads `COUNT UNIT`, or `UNIT` alone for a count of 1.
    ///
    /// UNIT is `vCPU-TIME`, `BYTES-TIME`, `BYTES`, `operation`, `NAME` or `NAME-TIME`.
    /// - BYTES is `byte` or `B`, `kB`, `MB` … `EB` (powers of 1000), or `KiB`, `MiB` … `EiB`
    ///   (powers of 1024).
    /// - TIME is `second`, `minute`, `hour`, `day` (24 h) or `month`.
    /// - NAME is a unit of the operator's own: a letter, then letters, digits and `_`, at most 32.
    ///
    /// - Returns: `nil` for any other text, and for a count that is not above zero.
    public init?(_ text: String) {
        let words = text.split(separator: " ")
        guard let unit = words.last, words.count <= 2 else { return nil }
        guard let count = words.count == 1 ? Rational(1) : Rational(decimal: words[0]),
            count > .zero
        else { return nil }
        let parts = unit.split(separator: "-", omittingEmptySubsequences: false)
        guard let thing = parts.first, parts.count <= 2, isName(thing) else { return nil }
        guard
            // No time at all is fine; an unknown word for a time is not.
            let time = parts.count == 1
                ? .some(nil) : timeUnits[String(parts[1])].map(Optional.init)
        else { return nil }
        let overTime = time != nil
        var scale = count
        if let time, let seconds = time.seconds { scale = scale * Rational(seconds) }
        switch (String(thing), byteUnits[String(thing)]) {
        case ("vCPU", _):
            guard overTime else { return nil }
            dimension = .cpuTime
            scale = scale * Rational(1_000_000)
        case (_, .some(let bytes)):
            dimension = overTime ? .byteTime : .bytes
            scale = scale * Rational(bytes)
        case ("operation", _):
            guard !overTime else { return nil }
            dimension = .operations
        case (let name, _):
            dimension = .custom(name, overTime: overTime)
        }
        baseUnits = scale
        isPerMonth = time == .month
        description = words.count == 1 ? "1 \(unit)" : "\(words[0]) \(unit)"
    }
}

/// The units of time in a quantity; the raw value is the length in seconds.
private enum TimeUnit: Int64 {
    /// A billing month.
    ///
    /// It has no fixed length, so 0 is only a placeholder.
    case month = 0
    case second = 1
    case minute = 60
    case hour = 3600
    case day = 86_400

    /// The length in seconds; `nil` for a month, whose length varies.
    var seconds: Int64? { self == .month ? nil : rawValue }
}

/// The units of time by the word a price book uses.
private let timeUnits: [String: TimeUnit] = [
    "second": .second, "minute": .minute, "hour": .hour, "day": .day, "month": .month,
]

/// Bytes in each unit by its name: `kB` is 1000, `KiB` is 1024.
private let byteUnits: [String: BigInt] = {
    var units: [String: BigInt] = ["byte": 1, "B": 1]
    for (power, letter) in ["k", "M", "G", "T", "P", "E"].enumerated() {
        units[letter + "B"] = BigInt(1000).power(power + 1)
        units[(letter == "k" ? "K" : letter) + "iB"] = BigInt(1024).power(power + 1)
    }
    return units
}()

/// Whether a text may name a unit of the operator's own.
private func isName(_ text: Substring) -> Bool {
    guard let first = text.first, first.isLetter, text.utf8.count <= 32 else { return false }
    return text.utf8.allSatisfy { byte in
        isDigit(byte) || byte == UInt8(ascii: "_")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
