import BigInt
import Units

/// A quantity for people: `12.345 s`, `1.500 GiB-h`, `20.0 MiB`, `1,204 operation`.
///
/// Three digits after the point, rounded half to even; the exact figure is in csv and json.
///
/// - Parameter customUnit: the base unit of a custom meter, whose dimension is not known.
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

/// Bytes in the largest binary unit that leaves a whole part: `20.000 MiB`.
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

private func scaled(_ quantity: Int128, by divisor: Int128, _ unit: String) -> String {
    scaled(Rational(quantity) / Rational(divisor), places: 3, unit)
}

/// A number with its unit, rounded half to even at `places`: whatever a table or a page shows of a
/// quantity goes through here.
func scaled(_ number: Rational, places: Int, _ unit: String) -> String {
    let isNegative = number < .zero
    let size = isNegative ? Rational(-1) * number : number
    let rounded = Rounding.halfEven.round(size * Rational(BigInt(10).power(places)))
    let parts = decimalText(rounded, places: places).split(separator: ".")
    let fraction = parts.count > 1 ? "." + parts[1] : ""
    return (isNegative && rounded != 0 ? "-" : "") + grouped(parts[0]) + fraction + " " + unit
}

/// The number with a comma at each thousand.
private func grouped(_ number: Int128) -> String {
    (number < 0 ? "-" : "") + grouped(String(number.magnitude))
}

private func grouped(_ digits: some StringProtocol) -> String {
    var result = ""
    for (offset, digit) in digits.enumerated() {
        if offset > 0, (digits.count - offset).isMultiple(of: 3) { result += "," }
        result.append(digit)
    }
    return result
}

/// A duration for people: `12.345 s`, `2 h 03 min`.
public func humanDuration(_ microseconds: Int128) -> String {
    if microseconds < 0 { return "-" + humanDuration(-microseconds) }
    let seconds = microseconds / 1_000_000
    if seconds < 600 { return scaled(microseconds, by: 1_000_000, "s") }
    let minutes = String(seconds / 60 % 60)
    return grouped(seconds / 3600) + " h " + (minutes.count < 2 ? "0" : "") + minutes + " min"
}
