import Metering
import Units

/// The sheet that `octroi usage` prints.
///
/// A table leaves out the tenant or the container if no row has one. If all rows have the same
/// period, it shows the period once, as its heading.
///
/// - Parameters:
///   - usage: the rows.
///   - customUnits: the base units of custom meters, by meter.
///   - boosted: for how many ms of a row's time limits were boosted. The sheet has the column
///     `boosted_seconds` only if there was any such time.
public func usageSheet(
    _ usage: [Usage], customUnits: [String: String] = [:], boosted: (Usage) -> Int64 = { _ in 0 }
) -> Sheet {
    let marks = usage.map(boosted)
    let hasMarks = marks.contains { $0 > 0 }
    var repeated: Set<String> = ["unit"]
    let periods = Set(usage.map(\.period))
    if periods.count == 1 { repeated.formUnion(["period_start", "period_end"]) }
    if usage.allSatisfy({ $0.container == nil }) { repeated.insert("container") }
    if usage.allSatisfy({ $0.tenant == nil }) { repeated.insert("tenant") }
    return Sheet(
        columns: [
            "period_start", "period_end", "tenant", "container", "meter", "quantity", "unit",
            "assurance",
        ] + (hasMarks ? ["boosted_seconds"] : []),
        rows: zip(usage, marks).map { row, mark in
            [
                .time(row.period.start), .time(row.period.end), .optional(row.tenant),
                .optional(row.container), .text(row.meter.name),
                .integer(
                    row.quantity,
                    display: humanQuantity(
                        row.quantity, row.meter.dimension, customUnits[row.meter.name])),
                .optional(row.meter.dimension?.baseUnit ?? customUnits[row.meter.name]),
                .text(row.assurance.rawValue),
            ] + (hasMarks ? [.integer(Int128(mark / 1000))] : [])
        }, title: periods.count == 1 ? periods.first.map { "\($0.start) to \($0.end)" } : nil,
        notInTable: repeated, headings: ["boosted_seconds": "boosted s"])
}
