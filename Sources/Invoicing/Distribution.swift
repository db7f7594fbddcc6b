import BigInt
import Units

/// Hands a rounded total out to its lines by largest remainder.
///
/// Each line gets its exact amount rounded down, then the units that are left go, one each, to the
/// lines with the largest remainders; ties go to the earlier line. The parts add up to `total`.
///
/// - Parameters:
///   - total: the lines' sum rounded by any mode, and what rounding held back before. So it may be
///     a unit or two away from what the lines can take one unit each; they then take another.
///   - exact: the lines' amounts in minor units, at least one.
public func distribute(_ total: BigInt, over exact: [Rational]) -> [BigInt] {
    precondition(!exact.isEmpty || total == 0, "an amount without lines")
    var parts = exact.map(\.floor)
    let left = total - parts.reduce(0, +)
    let byRemainder = exact.indices.sorted { a, b in
        let (x, y) = (exact[a] - Rational(parts[a]), exact[b] - Rational(parts[b]))
        return x == y ? a < b : x > y
    }
    precondition(left.magnitude <= 2 * exact.count + 2, "a total that is not its lines' sum")
    for unit in 0..<Int(left.magnitude) {
        let place = unit % parts.count
        if left > 0 {
            parts[byRemainder[place]] += 1
        } else {
            parts[byRemainder[parts.count - 1 - place]] -= 1
        }
    }
    return parts
}
