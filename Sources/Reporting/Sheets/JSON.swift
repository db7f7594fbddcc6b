import BigInt
import Units

extension Sheet {
    /// The sheet as a JSON array with one object for each row.
    ///
    /// Whole numbers are JSON numbers. Exact amounts are strings, because most JSON readers convert
    /// numbers to floating point, which changes them.
    ///
    /// Two kinds of values get a second member with decimal text, such as `quantity_decimal` beside
    /// `quantity`: whole numbers above 2^53, which floating point does not hold exactly, and
    /// fractions such as `1/3`.
    var json: String {
        guard !rows.isEmpty else { return "[]\n" }
        let objects = rows.map { jsonObject(columns, $0) }
        return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
    }
}

/// One row as a JSON object, indented by two spaces.
///
/// - Parameter hasDecimals: whether to add members `…_decimal`. One is not added if the sheet has a
///   column of that name.
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
    /// The value as JSON.
    fileprivate var json: String {
        switch self {
        case .none: "null"
        case .text(let text), .exact(let text, _): jsonString(text)
        case .rational(let number, _), .fraction(let number): jsonString(number.description)
        case .integer(let value, _): String(value)
        case .flag(let value): value ? "true" : "false"
        }
    }

    /// The text of the member `…_decimal`; `nil` if the value needs none.
    fileprivate var decimal: String? {
        switch self {
        case .integer(let value, _) where value.magnitude > 1 << 53: String(value)
        case .rational(let number, _), .fraction(let number):
            number.isDecimal ? nil : roundedDecimal(number)
        default: nil
        }
    }
}

/// A number as a decimal: exact if its decimals end, else rounded by `roundedDecimal`.
func decimals(_ number: Rational) -> String {
    number.isDecimal ? number.description : roundedDecimal(number)
}

extension Rational {
    /// Whether the number can be written as a decimal that ends.
    fileprivate var isDecimal: Bool { !description.contains("/") }
}

/// A fraction as a decimal with at least 12 decimals and 17 significant digits.
///
/// 17 digits identify every 64-bit floating-point number. Rounded half to even; a number close to 0
/// gets 60 decimals at most.
func roundedDecimal(_ number: Rational) -> String {
    var places = 12
    var scaled = number * Rational(BigInt(10).power(places))
    while scaled.floor.magnitude < BigInt(10).power(16).magnitude, places < 60 {
        places += 1
        scaled = scaled * Rational(10)
    }
    return decimalText(Rounding.halfEven.round(scaled), places: places)
}

/// A JSON string with its quotes (RFC 8259, section 7).
///
/// Characters that a terminal obeys are escaped as well, which the standard does not require: the
/// output may be shown on a terminal.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case _ where !scalar.isPrintableASCII && scalar.steersTerminals:
            // These characters all have four digits at most: none lies beyond the basic plane.
            let hex = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
