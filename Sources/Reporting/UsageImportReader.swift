import Metering
import Units

/// Reads rows of usage that another source measured, columns
/// `start,end,tenant,container,meter,quantity`, in any order.
///
/// It holds one row, however many there are.
public struct UsageImportReader {
    private var rows: CSVReader
    /// Where each of the wanted columns stands.
    private var places: [Int] = []
    /// Times that were read before: many rows begin and end together.
    private var times: [String: Instant] = [:]

    private static let wanted = ["start", "end", "tenant", "container", "meter", "quantity"]

    /// - Parameter more: gives the next bytes, and none at the end.
    /// - Throws: for another header.
    public init(_ more: @escaping () throws(Fault) -> [UInt8]) throws(Fault) {
        rows = CSVReader(more)
        let header = try rows.next()
        guard let fields = header?.fields, fields.sorted() == Self.wanted.sorted() else {
            throw Fault(
                .badData, at: "line 1",
                found: header.map { "columns \(quoted($0.fields.joined(separator: ",")))" }
                    ?? "an empty file",
                cure: "Begin with the header \(Self.wanted.joined(separator: ","))")
        }
        places = Self.wanted.compactMap { fields.firstIndex(of: $0) }
    }

    /// The next row; `nil` behind the last.
    ///
    /// - Throws: at a bad row, with its line; nothing of the file counts then.
    public mutating func next() throws(Fault) -> ImportedUsage? {
        guard let row = try rows.next() else { return nil }
        guard row.fields.count == places.count else {
            throw Fault(
                .badData, at: "line \(row.line)",
                found: "\(row.fields.count) fields instead of \(places.count)",
                cure: "Give every row the fields of the header")
        }
        return try usage(places.map { row.fields[$0] }, row.line)
    }

    /// - Parameter fields: in the order of `wanted`.
    private mutating func usage(_ fields: [String], _ line: Int) throws(Fault) -> ImportedUsage {
        func fault(_ column: Int, _ cure: String) -> Fault {
            Fault(
                .badData, at: "line \(line), \(Self.wanted[column])", found: quoted(fields[column]),
                cure: cure)
        }
        guard let start = time(fields[0]), let end = time(fields[1]) else {
            throw fault(
                time(fields[0]) == nil ? 0 : 1,
                "Write an RFC 3339 time after 1970, such as 2026-11-01T00:00:00Z")
        }
        guard let period = Period(start: start, end: end) else {
            throw fault(1, "Let the end come after the start")
        }
        guard period.seconds <= 366 * 86_400 else {
            throw fault(1, "Let a row span 366 days at most: usage is kept by the hour")
        }
        guard isIdentifier(fields[2], also: "-") else {
            throw fault(2, "Write a tenant id: a-z, 0-9 and -, 63 characters at most")
        }
        let name = textOfCSV(fields[3])
        let container = name.utf8
        guard !container.isEmpty, container.count <= 4096 else {
            throw fault(3, "Name what was used, in 1 to 4096 bytes")
        }
        guard !container.contains(0) else {
            throw Fault(
                .badData, at: "line \(line), container",
                found: "\(quoted(name)), with a NUL character in it",
                cure: "Take the character out: the store would take the name to end there")
        }
        let meter: Meter
        do throws(LedgerMeter.WrongName) {
            meter = try LedgerMeter.meter(named: fields[4])
        } catch {
            throw fault(4, error.cure)
        }
        guard let quantity = Int128(fields[5]), quantity >= 0 else {
            throw fault(5, "Write a whole number of base units that is not below 0")
        }
        return ImportedUsage(
            period: period, tenant: fields[2], container: name, meter: meter,
            quantity: quantity, row: line)
    }

    private mutating func time(_ text: String) -> Instant? {
        if let known = times[text] { return known }
        guard let instant = Instant(rfc3339: text), instant.isBillable else { return nil }
        if times.count >= 10_000 { times.removeAll(keepingCapacity: true) }
        times[text] = instant
        return instant
    }
}
