import Units

/// Rows under named columns: the form of every report, list and export before it is printed.
///
/// `rendered(as:)` makes a table, csv or json of it, and `page` an HTML page.
///
/// ```swift
/// let sheet = Sheet(columns: ["tenant", "hours"], rows: [[.text("acme"), .integer(12)]])
/// let text = sheet.rendered(as: .csv)
/// ```
public struct Sheet: Sendable {
    /// The names of the columns: the header of csv, and the members of json.
    public var columns: [String]
    /// The rows; each has one cell for each column, in the same order.
    public var rows: [[Cell]]
    /// The heading of a table or page; csv and json leave it out.
    public var title: String?
    /// Columns that tables and pages leave out; csv and json have them.
    ///
    /// Another column shows the same to people, such as the unit in the display of a quantity.
    public var notInTable: Set<String>
    /// Other headings for columns in tables and pages, by the column's name.
    ///
    /// A column without one has its own name; a table shows `_` in it as a blank.
    public var headings: [String: String]
    /// Columns that a table shows once, above its rows.
    ///
    /// It does so only if all rows have the same value in the column.
    public var above: [String] = []
    /// Columns with sentences, which a table lists below its rows.
    ///
    /// Each sentence starts with the row's value in the column `by`, to show which row it is about.
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
///
/// Where a case has a `display`, tables and pages show that text instead of the value.
public enum Cell: Hashable, Sendable {
    /// A value that was not measured, or does not apply.
    case none
    /// A text; each format makes it safe in its own way.
    case text(String)
    /// A whole number, such as a quantity in base units.
    case integer(Int128, display: String? = nil)
    /// An exact decimal or fraction as text, such as an amount of money.
    case exact(String, display: String?)
    /// An exact number whose decimals may not end, such as a cost per hour.
    ///
    /// csv has it as a decimal (`decimals`). json has it exactly: as a fraction with a decimal
    /// beside it if the decimals do not end.
    case rational(Rational, display: String? = nil)
    /// An exact number that csv writes as a fraction, too.
    ///
    /// It is for columns whose name promises an exact value, such as `exact_amount`.
    case fraction(Rational)
    /// A yes or no; `true` or `false` in csv and json.
    case flag(Bool)

    /// An exact number without a `display`.
    public static func exact(_ text: String) -> Cell { .exact(text, display: nil) }
    /// A text; `none` for `nil`.
    public static func optional(_ text: String?) -> Cell { text.map(Cell.text) ?? .none }
    /// A whole number; `none` for `nil`.
    public static func optional(_ number: Int128?) -> Cell { number.map { .integer($0) } ?? .none }
    /// A time in RFC 3339, such as `2026-11-23T14:05:00Z`.
    public static func time(_ instant: Instant) -> Cell { .text(instant.description) }
}

/// An output format of sheets.
public enum Format: String, Sendable, CaseIterable {
    /// Aligned columns for people; their layout may change in any version.
    case table
    /// CSV as RFC 4180 defines it.
    case csv
    /// A JSON array with an object for each row.
    case json
}

extension Sheet {
    /// The sheet as text that ends with a newline.
    ///
    /// - Parameter onTerminal: whether the header line of a table is printed in bold.
    public func rendered(as format: Format, onTerminal: Bool = false) -> String {
        switch format {
        case .table: table(bold: onTerminal)
        case .csv: csv
        case .json: json
        }
    }
}
