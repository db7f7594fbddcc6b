import BigInt
import Units

/// Hands a rounded total out to its lines by largest remainder.
///
/// Each line gets its exact amount rounded down, then the units that are left go, one each, to the
/// lines with the largest remainders; ties go to the earlier line. The parts add up to `total`.
///
/// - Parameters:
///   - total: the lines' sum rounded by any mode, and what rounding held back before. So it may be
///     away from what the lines can take one unit each; they then take more, in the same order.
///   - exact: the lines' amounts in minor units; without lines nothing is handed out.
public func distribute(_ total: BigInt, over exact: [Rational]) -> [BigInt] {
    guard !exact.isEmpty else { return [] }
    var parts = exact.map(\.floor)
    let left = total - parts.reduce(0, +)
    let byRemainder = exact.indices.sorted { a, b in
        let (x, y) = (exact[a] - Rational(parts[a]), exact[b] - Rational(parts[b]))
        return x == y ? a < b : x > y
    }
    // What is taken back is taken from the smallest remainder on.
    let order = left > 0 ? byRemainder : byRemainder.reversed()
    let (each, rest) = left.quotientAndRemainder(dividingBy: BigInt(parts.count))
    for (place, line) in order.enumerated() {
        parts[line] += each + (BigInt(place) < rest.magnitude ? left.signum() : 0)
    }
    return parts
}
