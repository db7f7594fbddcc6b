/// `a × b ÷ c` rounded down, and the remainder.
///
/// Example: 7 × 10 ÷ 4 is 17, remainder 2. The product may need 256 bits.
///
/// - Precondition: `a` and `b` are not negative, `c` is positive, and the quotient fits into 128
///   bits.
public func scale(
    _ a: Int128, by b: Int128, over c: Int128
) -> (quotient: Int128, remainder: Int128) {
    precondition(a >= 0 && b >= 0 && c > 0, "numbers below zero")
    let product = a.magnitude.multipliedFullWidth(by: b.magnitude)
    let (quotient, remainder) = c.magnitude.dividingFullWidth(product)
    return (Int128(quotient), Int128(remainder))
}
