/// Rows that are printed as they come, as csv or json: more of them than memory holds.
public struct SheetStream {
    private let columns: [String]
    private let isJSON: Bool
    private let hasDecimals: Bool
    private var isFirst = true

    /// - Parameters:
    ///   - format: a table is printed as csv, since its widths are known only at its end.
    ///   - hasDecimals: whether json says decimals beside numbers, as `Sheet.json` does.
    public init(columns: [String], as format: Format, hasDecimals: Bool = true) {
        (self.columns, self.hasDecimals) = (columns, hasDecimals)
        isJSON = format == .json
    }

    /// What stands before the first row.
    public var heading: String { isJSON ? "" : csvHeading(columns) }

    /// A row, and what divides it from the one before.
    public mutating func text(of row: [Cell]) -> String {
        defer { isFirst = false }
        guard isJSON else { return csvLine(row) }
        return (isFirst ? "[\n" : ",\n") + jsonObject(columns, row, hasDecimals: hasDecimals)
    }

    /// What stands behind the last row.
    public var ending: String { isJSON ? (isFirst ? "[]\n" : "\n]\n") : "" }
}
