import BigInt
import Units

extension Sheet {
    /// An array with one object a row.
    ///
    /// Whole numbers are numbers; exact amounts are strings, so that no reader makes them
    /// floating point. Beside a number that a reader of floating point would change, and beside a
    /// fraction, stands its decimal text: `quantity_decimal` beside `quantity`.
    var json: String {
        guard !rows.isEmpty else { return "[]\n" }
        let objects = rows.map { jsonObject(columns, $0) }
        return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
    }
}

func jsonObject(_ columns: [String], _ row: [Cell], hasDecimals: Bool = true) -> String {
    var members: [String] = []
    for (column, cell) in zip(columns, row) {
        members.append("\(jsonString(column)): \(cell.json)")
        guard hasDecimals, let decimal = cell.decimal, !columns.contains(column + "_decimal") else {
            continue
        }
        members.append("\(jsonString(column + "_decimal")): \(jsonString(decimal))")
    }
    return "  {" + members.joined(separator: ", ") + "}"
}

extension Cell {
    fileprivate var json: String {
        switch self {
        case .none: "null"
        case .text(let text), .exact(let text, _): jsonString(text)
        case .rational(let number, _), .fraction(let number): jsonString(number.description)
        case .integer(let value, _): String(value)
        case .flag(let value): value ? "true" : "false"
        }
    }

    /// What stands beside it; `nil` where it says all there is to say to every reader.
    fileprivate var decimal: String? {
        switch self {
        case .integer(let value, _) where value.magnitude > 1 << 53: String(value)
        case .rational(let number, _), .fraction(let number):
            number.isDecimal ? nil : roundedDecimal(number)
        default: nil
        }
    }
}

/// A number as decimals, exact where they end: else as `roundedDecimal` says.
func decimals(_ number: Rational) -> String {
    number.isDecimal ? number.description : roundedDecimal(number)
}

extension Rational {
    /// Whether its decimals end.
    fileprivate var isDecimal: Bool { !description.contains("/") }
}

/// The decimal text of a fraction: 12 places, or more until it has 17 digits, rounded half to even.
func roundedDecimal(_ number: Rational) -> String {
    var places = 12
    var scaled = number * Rational(BigInt(10).power(places))
    while scaled.floor.magnitude < BigInt(10).power(16).magnitude, places < 60 {
        places += 1
        scaled = scaled * Rational(10)
    }
    return decimalText(Rounding.halfEven.round(scaled), places: places)
}

/// A JSON string (RFC 8259 section 7), quotes included.
///
/// What steers a terminal is escaped, too, beyond what the standard asks for.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case _ where !scalar.isPrintableASCII && scalar.steersTerminals:
            // All of them are of the basic plane.
            let hex = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
