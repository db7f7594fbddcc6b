import BigInt
import Units

/// Hands a rounded total out to its lines by largest remainder.
///
/// Each line gets its exact amount rounded down, then the units that are left go, one each, to the
/// lines with the largest remainders; ties go to the earlier line. The parts add up to `total`.
///
/// - Parameters:
///   - exact: the lines' amounts in minor units; `total` is their sum, rounded by any mode.
public func distribute(_ total: BigInt, over exact: [Rational]) -> [BigInt] {
    var parts = exact.map(\.floor)
    let left = total - parts.reduce(0, +)
    let byRemainder = exact.indices.sorted { a, b in
        let (x, y) = (exact[a] - Rational(parts[a]), exact[b] - Rational(parts[b]))
        return x == y ? a < b : x > y
    }
    precondition(left >= 0 && left <= BigInt(parts.count), "a total that is not its lines' sum")
    for index in byRemainder.prefix(Int(left)) { parts[index] += 1 }
    return parts
}
