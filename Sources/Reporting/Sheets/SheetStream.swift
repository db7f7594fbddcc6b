/// Prints rows one by one as csv or json, so that not all of them have to fit into memory.
///
/// The text is the same as that of `Sheet.rendered(as:)`.
///
/// ```swift
/// var stream = SheetStream(columns: ["hour", "quantity"], as: .json)
/// try write(stream.heading)
/// for row in rows { try write(stream.text(of: row)) }
/// try write(stream.ending)
/// ```
public struct SheetStream {
    /// The names of the columns.
    private let columns: [String]
    /// Whether the format is json; else it is csv.
    private let isJSON: Bool
    /// Whether json has members `…_decimal`.
    private let hasDecimals: Bool
    /// Whether no row was printed yet.
    private var isFirst = true

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - columns: the names of the columns.
    ///   - format: csv or json. A table becomes csv, because the widths of its columns are known
    ///     only after the last row.
    ///   - hasDecimals: whether json has members `…_decimal`, see `Sheet.json`.
    public init(columns: [String], as format: Format, hasDecimals: Bool = true) {
        (self.columns, self.hasDecimals) = (columns, hasDecimals)
        isJSON = format == .json
    }

    /// The text before the first row: the header line of csv.
    public var heading: String { isJSON ? "" : csvHeading(columns) }

    /// The text of a row; in json with the separator between it and the row before.
    public mutating func text(of row: [Cell]) -> String {
        defer { isFirst = false }
        guard isJSON else { return csvLine(row) }
        return (isFirst ? "[\n" : ",\n") + jsonObject(columns, row, hasDecimals: hasDecimals)
    }

    /// The text after the last row.
    public var ending: String { isJSON ? (isFirst ? "[]\n" : "\n]\n") : "" }
}
