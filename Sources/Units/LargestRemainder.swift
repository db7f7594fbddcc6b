import BigInt

/// The order in which parts that were rounded down receive the units that are left.
///
/// The part with the largest remainder comes first; of equal remainders, the earlier part. Octroi
/// has only this one rule for distributing units that cannot be divided.
private func byLargestRemainder<Remainder: Comparable>(_ remainders: [Remainder]) -> [Int] {
    remainders.indices.sorted {
        remainders[$0] == remainders[$1] ? $0 < $1 : remainders[$0] > remainders[$1]
    }
}

/// Divides `total` in proportion to `weights`, in whole parts that add up to it.
///
/// This is the largest-remainder method. Each part is first rounded down. The units that are left
/// go, one each, to the parts with the largest remainders; of equal remainders, to the earlier
/// part.
///
/// Example: 10 over the weights 1, 1 and 1. The exact parts are 3 1/3 each, rounded down 3, 3 and
/// 3. One unit is left and goes to the first: 4, 3, 3.
///
/// - Parameters:
///   - total: not negative. If it is at most the sum of the weights, no part exceeds its weight.
///   - weights: not negative. If all are 0, all parts are 0, and nothing is distributed.
public func apportion(_ total: Int128, over weights: [Int128]) -> [Int128] {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return weights.map { _ in 0 } }
    if total == sum { return weights }
    var parts: [Int128] = []
    var remainders: [Int128] = []
    for weight in weights {
        let exact = scale(weight, by: total, over: sum)
        parts.append(exact.quotient)
        remainders.append(exact.remainder)
    }
    let left = Int(total - parts.reduce(0, +))
    guard left > 0 else { return parts }
    for index in byLargestRemainder(remainders).prefix(left) { parts[index] += 1 }
    return parts
}

/// Distributes a rounded total over the exact amounts of its lines.
///
/// Each line first gets its exact amount rounded down. The units that are left go, one each, to the
/// lines with the largest remainders; of equal remainders, to the earlier line. The parts always
/// add up to `total`.
///
/// Example: lines of 10.4, 10.4 and 10.4 cents add up to 31.2, which is rounded to 31. Rounded down
/// they are 10, 10 and 10, and one cent is left, so the invoice shows 11, 10 and 10.
///
/// - Parameters:
///   - total: the sum of the lines, rounded in any mode, plus what earlier rounding held back. So
///     it may differ from the rounded-down sum by more than one unit a line, or be below it. Lines
///     then give or take several units each, in the same order.
///   - exact: the lines' amounts in minor units. Without lines nothing is distributed.
/// - Returns: the lines' amounts in whole minor units, in order.
public func distribute(_ total: BigInt, over exact: [Rational]) -> [BigInt] {
    guard !exact.isEmpty else { return [] }
    var parts = exact.map(\.floor)
    let left = total - parts.reduce(0, +)
    let first = byLargestRemainder(zip(exact, parts).map { $0 - Rational($1) })
    // Units are taken away starting with the smallest remainder.
    let order = left > 0 ? first : first.reversed()
    // Every line gets `each`; the first `rest` lines in the order get one more.
    let (each, rest) = left.quotientAndRemainder(dividingBy: BigInt(parts.count))
    for (place, line) in order.enumerated() {
        parts[line] += each + (BigInt(place) < rest.magnitude ? left.signum() : 0)
    }
    return parts
}
