import Metering
import Units

/// Usage rows under the columns of the contract.
///
/// A table says what is the same in all rows once: the period above it, no column that is empty.
///
/// - Parameter boosted: for how many ms what a row is of was boosted; the column for it is there
///   only if there was any such time.
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

/// Reads rows of usage that another source measured, columns
/// `start,end,tenant,container,meter,quantity`, in any order.
///
/// - Throws: at the first bad row, with its line; nothing of the file counts then.
public func parseUsageImport(_ text: String) throws(Fault) -> [ImportedUsage] {
    let rows = try parseCSV(text)
    let wanted = ["start", "end", "tenant", "container", "meter", "quantity"]
    guard let header = rows.first, header.fields.sorted() == wanted.sorted() else {
        throw Fault(
            .badData, at: "line 1",
            found: rows.first.map { "columns \(harmless($0.fields.joined(separator: ",")))" }
                ?? "an empty file",
            cure: "Begin with the header \(wanted.joined(separator: ","))")
    }
    var seen: [ImportKey: Int] = [:]
    var result: [ImportedUsage] = []
    for row in rows.dropFirst() {
        guard row.fields.count == wanted.count else {
            throw Fault(
                .badData, at: "line \(row.line)",
                found: "\(row.fields.count) fields instead of \(wanted.count)",
                cure: "Give every row the fields of the header")
        }
        let usage = try importedUsage(
            Dictionary(uniqueKeysWithValues: zip(header.fields, row.fields)), row.line)
        let key = ImportKey(usage)
        if let earlier = seen.updateValue(row.line, forKey: key) {
            throw Fault(
                .badData, at: "line \(row.line)",
                found: "the same start, end, tenant, container and meter as line \(earlier)",
                cure: "Add the two quantities up into one row")
        }
        result.append(usage)
    }
    return result
}

private struct ImportKey: Hashable {
    let period: Period
    let tenant: String
    let container: ExactText
    let meter: Meter

    init(_ usage: ImportedUsage) {
        (period, tenant) = (usage.period, usage.tenant)
        (container, meter) = (ExactText(usage.container), usage.meter)
    }
}

private func importedUsage(
    _ field: [String: String], _ line: Int
) throws(Fault) -> ImportedUsage {
    func fault(_ column: String, _ cure: String) -> Fault {
        Fault(
            .badData, at: "line \(line), \(column)", found: "\"\(harmless(field[column] ?? ""))\"",
            cure: cure)
    }
    func time(_ column: String) throws(Fault) -> Instant {
        guard let instant = Instant(rfc3339: field[column] ?? "") else {
            throw fault(column, "Write an RFC 3339 time, such as 2026-11-01T00:00:00Z")
        }
        return instant
    }
    guard let period = Period(start: try time("start"), end: try time("end")) else {
        throw fault("end", "Let the end come after the start")
    }
    guard period.seconds <= 366 * 86_400 else {
        throw fault("end", "Let a row span 366 days at most: usage is kept by the hour")
    }
    guard let tenant = field["tenant"], isIdentifier(tenant, also: "-") else {
        throw fault("tenant", "Write a tenant id: a-z, 0-9 and -, 63 characters at most")
    }
    guard let container = field["container"], !container.isEmpty, container.utf8.count <= 4096,
        !container.contains("\0")
    else {
        throw fault("container", "Name what was used, in 1 to 4096 bytes")
    }
    guard let meter = Meter(field["meter"] ?? ""), !LedgerMeter.isReserved(meter.name) else {
        throw fault("meter", "Write a meter's name: a-z, 0-9 and _, 63 characters at most")
    }
    guard let quantity = Int128(field["quantity"] ?? ""), quantity >= 0 else {
        throw fault("quantity", "Write a whole number of base units that is not below 0")
    }
    return ImportedUsage(
        period: period, tenant: tenant, container: container, meter: meter, quantity: quantity,
        row: line)
}
