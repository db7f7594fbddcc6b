import Metering
import Units

/// Reads usage that another source measured, from CSV.
///
/// The columns are `start,end,tenant,container,meter,quantity`, in any order. Times are RFC 3339,
/// and quantities are whole numbers in base units of the meter:
/// ```
/// start,end,tenant,container,meter,quantity
/// 2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,train-1,gpu,3600
/// ```
///
/// Only one row is in memory at a time. Most rows differ from the row before only in the container
/// and the quantity. So the last value of each other field is kept, and used again while its bytes
/// are the same; this saves most of the parsing.
public struct UsageImportReader {
    /// The rows of the file, as CSV.
    private var rows: CSVReader
    /// The place of each column in the rows, in the order of `wanted`.
    private var places: [Int] = []
    /// The last values of the fields that rarely change.
    private var start = Kept<Instant>()
    private var end = Kept<Instant>()
    private var tenant = Kept<String>()
    private var meter = Kept<Meter>()

    /// The columns of the file; `places` has the same order.
    private static let wanted = ["start", "end", "tenant", "container", "meter", "quantity"]

    /// The last value of a field, with the bytes that it was read from.
    private struct Kept<Value> {
        var bytes: [UInt8] = []
        var value: Value?

        /// Replaces the value that is kept.
        mutating func keep(_ value: Value, of bytes: ArraySlice<UInt8>) {
            (self.bytes, self.value) = (Array(bytes), value)
        }

        /// The kept value if it was read from the same bytes; else `nil`.
        func value(of bytes: ArraySlice<UInt8>) -> Value? {
            self.bytes.elementsEqual(bytes) ? value : nil
        }
    }

    /// Creates a reader, and reads the header.
    ///
    /// - Parameter more: returns the next bytes of the file, and no bytes at its end.
    /// - Throws: `badData` if the header has other columns.
    public init(_ more: @escaping () throws(Fault) -> [UInt8]) throws(Fault) {
        rows = CSVReader(more)
        let header = try rows.next()
        guard let fields = header?.fields, fields.sorted() == Self.wanted.sorted() else {
            throw Fault(
                .badData, at: "line 1",
                problem: header.map { "columns \(quoted($0.fields.joined(separator: ",")))" }
                    ?? "an empty file",
                suggestion: "Begin with the header \(Self.wanted.joined(separator: ","))")
        }
        places = Self.wanted.compactMap { fields.firstIndex(of: $0) }
    }

    /// The next row; `nil` after the last one.
    ///
    /// - Throws: `badData` with the line, for a row with a mistake. The caller must then import no
    ///   row of the file, because an import is all or nothing.
    public mutating func next() throws(Fault) -> ImportedUsage? {
        guard try rows.advance() else { return nil }
        guard rows.fieldCount == places.count else {
            throw Fault(
                .badData, at: "line \(rows.rowLine)",
                problem: "\(rows.fieldCount) fields instead of \(places.count)",
                suggestion: "Give every row the fields of the header")
        }
        // These two fields are read as text first: bytes that are not UTF-8 are then reported
        // before any other mistake of the row.
        let container = try rows.field(places[3])
        let quantity = try rows.field(places[5])
        let (from, to) = (try time(0, \.start), try time(1, \.end))
        guard let period = Period(start: from, end: to) else {
            throw try fault(1, "Make the end later than the start")
        }
        guard period.seconds <= 366 * 86_400 else {
            throw try fault(1, "Split rows longer than 366 days")
        }
        return ImportedUsage(
            period: period, tenant: try readTenant(), container: try checked(container),
            meter: try readMeter(), quantity: try checkedQuantity(quantity), row: rows.rowLine)
    }

    /// The error for a field of the current row.
    ///
    /// - Parameter column: the index of the column in `wanted`.
    private func fault(_ column: Int, _ suggestion: String) throws(Fault) -> Fault {
        Fault(
            .badData, at: "line \(rows.rowLine), \(Self.wanted[column])",
            problem: quoted(try rows.field(places[column])), suggestion: suggestion)
    }

    /// Reads a time of the current row.
    ///
    /// - Parameters:
    ///   - column: the index of the column in `wanted`.
    ///   - kept: where the last value of this column is kept.
    private mutating func time(
        _ column: Int, _ kept: WritableKeyPath<Self, Kept<Instant>>
    ) throws(Fault) -> Instant {
        let bytes = rows.bytes(places[column])
        if let known = self[keyPath: kept].value(of: bytes) { return known }
        let text = try rows.field(places[column])
        guard let instant = Instant(rfc3339: text), instant.isBillable else {
            throw try fault(
                column, "Write an RFC 3339 time after 1970, such as 2026-11-01T00:00:00Z")
        }
        self[keyPath: kept].keep(instant, of: bytes)
        return instant
    }

    /// Reads the tenant's id; whether the tenant exists is checked by the store.
    private mutating func readTenant() throws(Fault) -> String {
        let bytes = rows.bytes(places[2])
        if let known = tenant.value(of: bytes) { return known }
        let text = try rows.field(places[2])
        guard isIdentifier(text, also: "-") else {
            throw try fault(2, "Write a tenant id: a-z, 0-9 and -, 63 characters at most")
        }
        tenant.keep(text, of: bytes)
        return text
    }

    /// Checks the name of what was used: 1 to 4096 bytes without NUL.
    ///
    /// The file may be an export of Octroi, in which `csvText` changed the name. So the original is
    /// restored first.
    private func checked(_ field: String) throws(Fault) -> String {
        let name = textOfCSV(field)
        guard !name.isEmpty, name.utf8.count <= 4096 else {
            throw try fault(3, "Write a container name of 1 to 4096 bytes")
        }
        guard !name.utf8.contains(0) else {
            throw Fault(
                .badData, at: "line \(rows.rowLine), container",
                problem: "\(quoted(name)), with a NUL character in it",
                suggestion: "Take the character out: the store would take the name to end there")
        }
        return name
    }

    /// Reads the meter, which may be a custom one.
    private mutating func readMeter() throws(Fault) -> Meter {
        let bytes = rows.bytes(places[4])
        if let known = meter.value(of: bytes) { return known }
        let text = try rows.field(places[4])
        let found: Meter
        do throws(LedgerMeter.WrongName) {
            found = try LedgerMeter.meter(named: text)
        } catch {
            throw try fault(4, error.suggestion)
        }
        meter.keep(found, of: bytes)
        return found
    }

    /// Reads the quantity: a whole number of base units, 0 or more.
    private func checkedQuantity(_ text: String) throws(Fault) -> Int128 {
        guard let quantity = Int128(text), quantity >= 0 else {
            throw try fault(5, "Write a whole number of base units that is not below 0")
        }
        return quantity
    }
}
