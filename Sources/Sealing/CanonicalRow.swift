/// The bytes of a database row as they are hashed.
///
/// They depend on nothing but the values: not on SQLite's file format, and not on row numbers. A
/// row is the name of its table and then its fields. Each of these is a netstring: its length in
/// bytes, a colon, its text and a comma. NULL is `-,`. A newline ends the row. Because lengths are
/// written, no two different rows have the same bytes.
///
/// Example: a row of the table `gap` with the fields 12, NULL and "a:b" is `3:gap,2:12,-,3:a:b,`.
package struct CanonicalRow {
    /// The bytes so far.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Starts a row of the given table, in place of what was there.
    package mutating func begin(_ table: String) {
        bytes.removeAll(keepingCapacity: true)
        add(table.utf8)
    }

    /// Ends the row with a newline.
    package mutating func end() { bytes.append(UInt8(ascii: "\n")) }

    /// Adds a field that is text or a blob.
    package mutating func add(_ text: some Collection<UInt8>) {
        append(digits: UInt64(text.count))
        bytes.append(UInt8(ascii: ":"))
        bytes += text
        bytes.append(UInt8(ascii: ","))
    }

    /// Adds a field that is a whole number, or NULL.
    package mutating func add(_ number: Int64?) {
        guard let number else {
            bytes += [UInt8(ascii: "-"), UInt8(ascii: ",")]
            return
        }
        let sign = number < 0 ? 1 : 0
        append(digits: UInt64(Self.digits(number.magnitude) + sign))
        bytes.append(UInt8(ascii: ":"))
        if sign == 1 { bytes.append(UInt8(ascii: "-")) }
        append(digits: number.magnitude)
        bytes.append(UInt8(ascii: ","))
    }

    /// Adds a field that is text, or NULL.
    package mutating func add(text: String?) {
        if let text { add(text.utf8) } else { add(nil) }
    }

    /// Appends fields that were prepared before, so that they are formatted only once.
    package mutating func append(_ fields: CanonicalRow) { bytes += fields.bytes }

    /// The number of decimal digits.
    private static func digits(_ number: UInt64) -> Int {
        var (count, rest) = (1, number)
        while rest >= 10 {
            count += 1
            rest /= 10
        }
        return count
    }

    /// Appends a number in decimal.
    private mutating func append(digits number: UInt64) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        // The digits were appended with the lowest first.
        bytes[start...].reverse()
    }
}
