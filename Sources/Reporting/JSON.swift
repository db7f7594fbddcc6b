extension Sheet {
    /// An array with one object a row.
    ///
    /// Whole numbers are numbers; exact amounts are strings, so that no reader makes them
    /// floating point.
    var json: String {
        guard !rows.isEmpty else { return "[]\n" }
        let objects = rows.map { jsonObject(columns, $0) }
        return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
    }
}

func jsonObject(_ columns: [String], _ row: [Cell]) -> String {
    let members = zip(columns, row).map { "\(jsonString($0)): \($1.json)" }
    return "  {" + members.joined(separator: ", ") + "}"
}

extension Cell {
    fileprivate var json: String {
        switch self {
        case .none: "null"
        case .text(let text), .exact(let text, _): jsonString(text)
        case .integer(let value, _): String(value)
        case .flag(let value): value ? "true" : "false"
        }
    }
}

/// A JSON string (RFC 8259 section 7), quotes included.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            let hex = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
