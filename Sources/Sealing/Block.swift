import CZlib

/// Several columns of the same length as one run of bytes, protected by a checksum.
///
/// The store seals the samples of an hour in such blocks. The bytes are, in order:
/// 1. The letters `OB` and the version 1.
/// 2. A CRC-32, lowest byte first.
/// 3. As varints, the number of rows and the number of columns.
/// 4. For each column, its length in bytes as a varint, and its bytes (`Column.bytes`). A column of
///    no bytes has only missing numbers.
///
/// The checksum covers a tag and everything after the checksum. The tag is a list of whole numbers,
/// each eight bytes, lowest first. It is not stored: it says where the block belongs, for example
/// to which account and hour. So a block that is put in the place of another one is noticed.
public struct Block: Hashable, Sendable {
    /// The columns, all of the same length.
    public var columns: [Column]

    /// Makes a block of columns that have the same length.
    public init(_ columns: [Column]) { self.columns = columns }

    /// The number of rows.
    public var count: Int { columns.first?.count ?? 0 }

    /// The letters `OB` and the version of the format.
    private static let heading: [UInt8] = [UInt8(ascii: "O"), UInt8(ascii: "B"), 1]
    /// The most rows that are read: 1,048,576.
    ///
    /// A block holds an hour, and an hour with a sample every 4 ms has 900,000 rows.
    private static let mostRows = 1 << 20
    /// The most columns that are read.
    private static let mostColumns = 1 << 10

    /// The block as it is stored.
    ///
    /// - Parameter tag: where the block belongs. The same tag is needed to read it.
    public func bytes(tag: [Int64] = []) -> [UInt8] {
        var body: [UInt8] = []
        body.append(varint: UInt64(count))
        body.append(varint: UInt64(columns.count))
        for column in columns {
            let bytes = column.bytes
            body.append(varint: UInt64(bytes.count))
            body += bytes
        }
        var sum = checksum(tag, body[...]).littleEndian
        return withUnsafeBytes(of: &sum) { Self.heading + $0 + body }
    }

    /// Reads what `bytes` wrote.
    ///
    /// - Throws: `BlockError` if a single bit was changed, or if `tag` is not the one it was
    ///   written with.
    public init(_ bytes: [UInt8], tag: [Int64] = []) throws(BlockError) {
        guard bytes.count > 7, bytes[..<2] == Self.heading[..<2] else {
            throw BlockError("no block")
        }
        guard bytes[2] == Self.heading[2] else {
            throw BlockError("a block of version \(bytes[2])")
        }
        let sum = bytes[3..<7].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard checksum(tag, bytes[7...]) == sum else {
            throw BlockError("its checksum does not fit")
        }
        var reader = ByteReader(bytes, from: 7)
        let count = try reader.count(atMost: Self.mostRows)
        columns = []
        for _ in 0..<(try reader.count(atMost: Self.mostColumns)) {
            let length = try reader.count(atMost: bytes.count)
            columns.append(try Column(try reader.slice(length), count: count))
        }
        guard reader.isAtEnd else { throw BlockError("more bytes than columns") }
    }
}

/// The checksum over a tag and the bytes after the checksum.
private func checksum(_ tag: [Int64], _ body: ArraySlice<UInt8>) -> UInt32 {
    let tag = tag.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    return crc((tag + body)[...])
}

/// The CRC-32 of the bytes, as zlib computes it (ISO 3309).
public func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes {
        UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
}
