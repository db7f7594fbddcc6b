import Units

/// Rows under named columns: what every report, list and export is before it is rendered.
public struct Sheet: Sendable {
    public var columns: [String]
    public var rows: [[Cell]]
    /// Heading above a table; csv and json leave it out.
    public var title: String?
    /// Columns that a table leaves out, as it says the same in another.
    public var notInTable: Set<String>
    /// What a table calls a column, if not by its name.
    public var headings: [String: String]
    /// Columns that a table says once, above, where they say the same in every row.
    public var above: [String] = []
    /// Columns of sentences, which a table prints below, behind what the column `by` says.
    public var below: (columns: [String], by: String)?

    public init(
        columns: [String], rows: [[Cell]], title: String? = nil, notInTable: Set<String> = [],
        headings: [String: String] = [:]
    ) {
        (self.columns, self.rows) = (columns, rows)
        (self.title, self.notInTable, self.headings) = (title, notInTable, headings)
    }
}

/// One value of a sheet.
public enum Cell: Hashable, Sendable {
    /// Not measured, or not applicable.
    case none
    case text(String)
    /// A whole number; `display` is what a table shows in its place.
    case integer(Int128, display: String? = nil)
    /// An exact decimal or fraction, such as an amount of money; `display` is as above.
    case exact(String, display: String?)
    /// A number that may have no end as a decimal; csv writes decimals, json the fraction as well;
    /// `display` is as above.
    case rational(Rational, display: String? = nil)
    /// The same where a fraction stays one in csv, too: in columns that are called exact.
    case fraction(Rational)
    case flag(Bool)

    public static func exact(_ text: String) -> Cell { .exact(text, display: nil) }
    public static func optional(_ text: String?) -> Cell { text.map(Cell.text) ?? .none }
    public static func optional(_ number: Int128?) -> Cell { number.map { .integer($0) } ?? .none }
    public static func time(_ instant: Instant) -> Cell { .text(instant.description) }
}

/// How a sheet is rendered.
public enum Format: String, Sendable, CaseIterable {
    /// For people; may change.
    case table
    /// RFC 4180.
    case csv
    /// An array of objects.
    case json
}

extension Sheet {
    /// The sheet as text, with a newline at its end.
    public func rendered(as format: Format, onTerminal: Bool = false) -> String {
        switch format {
        case .table: table(bold: onTerminal)
        case .csv: csv
        case .json: json
        }
    }
}
