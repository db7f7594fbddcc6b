import BigInt

/// In which order parts that were rounded down get what is left: the largest remainder first, ties in order.
///
/// This is the one rule by which Octroi hands out whole units that cannot be divided further.
private func byLargestRemainder<Remainder: Comparable>(_ remainders: [Remainder]) -> [Int] {
    remainders.indices.sorted {
        remainders[$0] == remainders[$1] ? $0 < $1 : remainders[$0] > remainders[$1]
    }
}

/// Hands `total` out in proportion to `weights`, in whole parts that add up to it.
///
/// Each part is rounded down, then what is left goes, one each, to the largest remainders; ties go
/// to the earlier part. With `total` at most the weights' sum, no part exceeds its weight.
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

/// Hands a rounded total out to its lines.
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
    let first = byLargestRemainder(zip(exact, parts).map { $0 - Rational($1) })
    // What is taken back is taken from the smallest remainder on.
    let order = left > 0 ? first : first.reversed()
    let (each, rest) = left.quotientAndRemainder(dividingBy: BigInt(parts.count))
    for (place, line) in order.enumerated() {
        parts[line] += each + (BigInt(place) < rest.magnitude ? left.signum() : 0)
    }
    return parts
}
