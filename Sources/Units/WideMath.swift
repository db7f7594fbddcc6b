/// `a × b ÷ c`, rounded down, and what is left, for numbers that are not below zero.
///
/// The product may take 256 bits; the quotient must fit 128.
public func scale(
    _ a: Int128, by b: Int128, over c: Int128
) -> (quotient: Int128, remainder: Int128) {
    precondition(a >= 0 && b >= 0 && c > 0, "numbers below zero")
    let product = a.magnitude.multipliedFullWidth(by: b.magnitude)
    let (quotient, remainder) = c.magnitude.dividingFullWidth(product)
    return (Int128(quotient), Int128(remainder))
}

/// Hands `total` out in proportion to `weights`, in whole parts that add up to it.
///
/// Each part is rounded down, then what is left goes, one each, to the largest remainders; ties go
/// to the earlier part. With `total` at most the weights' sum, no part exceeds its weight.
public func apportion(_ total: Int128, over weights: [Int128]) -> [Int128] {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return weights.map { _ in 0 } }
    if total == sum { return weights }
    let exact = weights.map { scale($0, by: total, over: sum) }
    var parts = exact.map(\.quotient)
    let left = Int(total - parts.reduce(0, +))
    let byRemainder = exact.indices.sorted {
        (exact[$1].remainder, $0) < (exact[$0].remainder, $1)
    }
    for index in byRemainder.prefix(left) { parts[index] += 1 }
    return parts
}
