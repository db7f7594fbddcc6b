import Metering
import BigInt
import Reporting
import Units

extension Sheet {
    /// The sheet as people want to see it: quantities with units, money, percentages.
    ///
    /// The cells keep their numbers. Only what a table shows changes, and the units in headings are
    /// dropped.
    ///
    /// - Parameters:
    ///   - displays: by the name of the column.
    ///   - customUnits: the base units of imported meters, by meter.
    func displayed(
        _ displays: [String: ReportDefinition.Display], _ customUnits: [String: String]
    ) -> Sheet {
        var sheet = self
        for (index, column) in columns.enumerated() {
            guard let display = displays[column] else { continue }
            for row in rows.indices {
                guard let number = rows[row][index].number else { continue }
                /// The text in another column of the same row; empty if it is no text.
                func text(_ other: String) -> String {
                    guard let place = columns.firstIndex(of: other),
                        case .text(let text) = rows[row][place]
                    else { return "" }
                    return text
                }
                let shown = display.text(number, text, customUnits)
                sheet.rows[row][index] = .integer(number, display: shown)
            }
            sheet.headings[column] = heading(column)
        }
        return sheet
    }
}

extension Cell {
    /// The whole number in the cell; `nil` if it holds no number.
    ///
    /// A report returns numbers beyond 64 bits as text.
    fileprivate var number: Int128? {
        switch self {
        case .integer(let number, _): number
        case .text(let text): Int128(text)
        default: nil
        }
    }
}

extension ReportDefinition.Display {
    /// A number as a table shows it.
    ///
    /// - Parameter text: gives the value of another column of the row.
    fileprivate func text(
        _ number: Int128, _ text: (String) -> String, _ customUnits: [String: String]
    ) -> String {
        switch self {
        case .quantity(let meter):
            humanQuantity(number, Meter(text(meter))?.dimension, customUnits[text(meter)])
        case .money(let currency):
            Currency(text(currency))?.text(BigInt(number)) ?? "\(number)"
        case .percent: decimalText(BigInt(number), places: 1) + " %"
        case .bytes: humanBytes(number)
        case .microseconds: humanDuration(number)
        }
    }
}

/// The heading of a column: its name without the unit at its end, as the values are shown in words.
private func heading(_ column: String) -> String {
    if column == "permille" { return "share" }
    let unit = ["_permille", "_minor", "_us"].first { column.hasSuffix($0) }
    return String(column.dropLast(unit?.count ?? 0)).replacing("_", with: " ")
}
