import Metering
import Units

/// Reads rows of usage that another source measured, columns
/// `start,end,tenant,container,meter,quantity`, in any order.
///
/// It holds one row, however many there are. Rows mostly say the same as the row before but for the
/// container and the quantity, so what was read of a field is kept until its bytes change.
public struct UsageImportReader {
    private var rows: CSVReader
    /// Where each of the wanted columns stands.
    private var places: [Int] = []
    private var start = Kept<Instant>()
    private var end = Kept<Instant>()
    private var tenant = Kept<String>()
    private var meter = Kept<Meter>()

    private static let wanted = ["start", "end", "tenant", "container", "meter", "quantity"]

    /// What the bytes of a field were read as.
    private struct Kept<Value> {
        var bytes: [UInt8] = []
        var value: Value?

        mutating func keep(_ value: Value, of bytes: ArraySlice<UInt8>) {
            (self.bytes, self.value) = (Array(bytes), value)
        }

        func value(of bytes: ArraySlice<UInt8>) -> Value? {
            self.bytes.elementsEqual(bytes) ? value : nil
        }
    }

    /// - Parameter more: gives the next bytes, and none at the end.
    /// - Throws: for another header.
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

    /// The next row; `nil` behind the last.
    ///
    /// - Throws: at a bad row, with its line; nothing of the file counts then.
    public mutating func next() throws(Fault) -> ImportedUsage? {
        guard try rows.advance() else { return nil }
        guard rows.fieldCount == places.count else {
            throw Fault(
                .badData, at: "line \(rows.rowLine)",
                problem: "\(rows.fieldCount) fields instead of \(places.count)",
                suggestion: "Give every row the fields of the header")
        }
        // Bytes that are no text are said before anything is made of the row.
        let container = try rows.field(places[3])
        let quantity = try rows.field(places[5])
        let (from, to) = (try time(0, \.start), try time(1, \.end))
        guard let period = Period(start: from, end: to) else {
            throw try fault(1, "Make the end later than the start")
        }
        guard period.seconds <= 366 * 86_400 else {
            throw try fault(1, "Let a row span 366 days at most: usage is kept by the hour")
        }
        return ImportedUsage(
            period: period, tenant: try readTenant(), container: try checked(container),
            meter: try readMeter(), quantity: try checkedQuantity(quantity), row: rows.rowLine)
    }

    private func fault(_ column: Int, _ suggestion: String) throws(Fault) -> Fault {
        Fault(
            .badData, at: "line \(rows.rowLine), \(Self.wanted[column])",
            problem: quoted(try rows.field(places[column])), suggestion: suggestion)
    }

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

    private func checked(_ field: String) throws(Fault) -> String {
        let name = textOfCSV(field)
        guard !name.isEmpty, name.utf8.count <= 4096 else {
            throw try fault(3, "Name what was used, in 1 to 4096 bytes")
        }
        guard !name.utf8.contains(0) else {
            throw Fault(
                .badData, at: "line \(rows.rowLine), container",
                problem: "\(quoted(name)), with a NUL character in it",
                suggestion: "Take the character out: the store would take the name to end there")
        }
        return name
    }

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

    private func checkedQuantity(_ text: String) throws(Fault) -> Int128 {
        guard let quantity = Int128(text), quantity >= 0 else {
            throw try fault(5, "Write a whole number of base units that is not below 0")
        }
        return quantity
    }
}
