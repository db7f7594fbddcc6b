/// Reads a duration such as `500ms`, `10s`, `5m`, `2h` or `30d`, in milliseconds.
///
/// `durationText` describes this rule for error messages.
///
/// - Returns: `nil` if the text is not a positive whole number with a unit, or exceeds 366 days.
public func parseMilliseconds(_ text: String) -> Int64? {
    let digits = text.prefix { $0.isNumber }
    let units: [String: Int64] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
    ]
    guard let number = Int64(digits), number > 0,
        let unit = units[String(text.dropFirst(digits.count))]
    else { return nil }
    let (milliseconds, over) = number.multipliedReportingOverflow(by: unit)
    return over || milliseconds > 366 * 86_400_000 ? nil : milliseconds
}

/// What `parseMilliseconds` accepts, in words, for error messages.
public let durationText = "a whole number with ms, s, m, h or d, such as 10s, 366d at most"
