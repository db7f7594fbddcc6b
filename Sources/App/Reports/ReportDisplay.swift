import BigInt
import Reporting
import Units

extension Sheet {
    /// The sheet with what people see in place of raw numbers.
    func displayed(
        _ displays: [String: ReportDefinition.Display], _ customUnits: [String: String]
    ) -> Sheet {
        var sheet = self
        for (index, column) in columns.enumerated() {
            guard let display = displays[column] else { continue }
            for row in rows.indices {
                guard let number = rows[row][index].number else { continue }
                func text(_ other: String) -> String {
                    guard let place = columns.firstIndex(of: other),
                        case .text(let text) = rows[row][place]
                    else { return "" }
                    return text
                }
                let shown = display.text(number, text, customUnits)
                sheet.rows[row][index] = .integer(number, display: shown)
            }
            sheet.headings[column] = column.replacing("_permille", with: "")
                .replacing("permille", with: "share").replacing("_minor", with: "")
                .replacing("_us", with: "").replacing("_", with: " ")
        }
        return sheet
    }
}

extension Cell {
    /// A whole number, also one beyond 64 bits, which comes as text.
    fileprivate var number: Int128? {
        switch self {
        case .integer(let number, _): number
        case .text(let text): Int128(text)
        default: nil
        }
    }
}

extension ReportDefinition.Display {
    /// - Parameter text: the value of another column.
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
