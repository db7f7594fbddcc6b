/// The bytes of a row that hashes are over: they do not depend on SQLite or on row numbers.
///
/// Each field is its length, a colon, its text and a comma (a netstring); NULL is `-,`. A row is the
/// name of its table and its fields, and ends with a newline.
package struct CanonicalRow {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func begin(_ table: String) {
        bytes.removeAll(keepingCapacity: true)
        add(table.utf8)
    }

    package mutating func end() { bytes.append(UInt8(ascii: "\n")) }

    package mutating func add(_ text: some Collection<UInt8>) {
        append(digits: UInt64(text.count))
        bytes.append(UInt8(ascii: ":"))
        bytes += text
        bytes.append(UInt8(ascii: ","))
    }

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

    /// A text, or NULL.
    package mutating func add(text: String?) {
        if let text { add(text.utf8) } else { add(nil) }
    }

    /// Appends fields that were made before.
    package mutating func append(_ fields: CanonicalRow) { bytes += fields.bytes }

    private static func digits(_ number: UInt64) -> Int {
        var (count, rest) = (1, number)
        while rest >= 10 {
            count += 1
            rest /= 10
        }
        return count
    }

    private mutating func append(digits number: UInt64) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}
