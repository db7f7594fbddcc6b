import BigInt
import Units

/// A quantity for people, such as `12.345 vCPU-s`, `1.500 GiB-h`, `20.000 MiB` or `1,204 op`.
///
/// The unit depends on the size of the quantity. Three decimals, rounded half to even; csv and json
/// have the exact quantity.
///
/// - Parameters:
///   - quantity: in base units: µs, byte-seconds, bytes, or a count.
///   - dimension: what is counted; `nil` for a custom meter.
///   - customUnit: the base unit of a custom meter, such as `GPU-second`.
public func humanQuantity(
    _ quantity: Int128, _ dimension: Dimension?, _ customUnit: String? = nil
) -> String {
    switch dimension {
    case .cpuTime:
        quantity.magnitude < 3_600_000_000
            ? scaled(quantity, by: 1_000_000, "vCPU-s")
            : scaled(quantity, by: 3_600_000_000, "vCPU-h")
    case .byteTime:
        quantity.magnitude < (1 << 30) * 3600
            ? scaled(quantity, by: 1 << 20, "MiB-s")
            : scaled(quantity, by: (1 << 30) * 3600, "GiB-h")
    case .bytes: humanBytes(quantity)
    case .operations: grouped(quantity) + " op"
    case .custom, .none:
        grouped(quantity) + ((dimension?.baseUnit ?? customUnit).map { " " + $0 } ?? "")
    }
}

/// Bytes in the largest binary unit of which there is at least one: `20.000 MiB`, `512 B`.
public func humanBytes(_ bytes: Int128) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    var index = -1
    var divisor: Int128 = 1
    while index + 1 < units.count, bytes.magnitude >= divisor.magnitude * 1024 {
        divisor *= 1024
        index += 1
    }
    return index < 0 ? "\(bytes) B" : scaled(bytes, by: divisor, units[index])
}

/// A quantity divided by the size of a unit, with three decimals.
private func scaled(_ quantity: Int128, by divisor: Int128, _ unit: String) -> String {
    scaled(Rational(quantity) / Rational(divisor), places: 3, unit)
}

/// A number with its unit, rounded half to even: `1,234.500 GiB`.
///
/// All rounded quantities in tables and pages are written by this function.
///
/// - Parameter places: the number of digits after the point.
func scaled(_ number: Rational, places: Int, _ unit: String) -> String {
    let isNegative = number < .zero
    let size = isNegative ? Rational(-1) * number : number
    let rounded = Rounding.halfEven.round(size * Rational(BigInt(10).power(places)))
    let parts = decimalText(rounded, places: places).split(separator: ".")
    let fraction = parts.count > 1 ? "." + parts[1] : ""
    return (isNegative && rounded != 0 ? "-" : "") + grouped(parts[0]) + fraction + " " + unit
}

/// A whole number with a comma before each group of three digits: `1,234,567`.
private func grouped(_ number: Int128) -> String {
    (number < 0 ? "-" : "") + grouped(String(number.magnitude))
}

/// The digits of a whole number, with commas.
private func grouped(_ digits: some StringProtocol) -> String {
    var result = ""
    for (offset, digit) in digits.enumerated() {
        if offset > 0, (digits.count - offset).isMultiple(of: 3) { result += "," }
        result.append(digit)
    }
    return result
}

/// A duration for people: `12.345 s`, and from ten minutes on `2 h 03 min`.
///
/// Minutes are rounded down.
public func humanDuration(_ microseconds: Int128) -> String {
    if microseconds < 0 { return "-" + humanDuration(-microseconds) }
    let seconds = microseconds / 1_000_000
    if seconds < 600 { return scaled(microseconds, by: 1_000_000, "s") }
    let minutes = String(seconds / 60 % 60)
    return grouped(seconds / 3600) + " h " + (minutes.count < 2 ? "0" : "") + minutes + " min"
}
