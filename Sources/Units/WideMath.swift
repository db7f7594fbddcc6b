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
