import CZlib

/// Columns of one length, as one run of bytes that says when it was changed.
///
/// The letters `OB`, the version 1, a CRC-32 (lowest byte first), then as varints the number of rows and
/// of columns, and for each column its length in bytes and those bytes (`Column.bytes`). A column of no
/// bytes has nothing but missing numbers. The checksum is over all that follows it and, before that, a
/// tag of whole numbers (8 bytes each, lowest first), which is not stored: it says whose the block is,
/// so that no block can stand in another's place.
public struct Block: Hashable, Sendable {
    public var columns: [Column]

    public init(_ columns: [Column]) { self.columns = columns }

    /// How many rows.
    public var count: Int { columns.first?.count ?? 0 }

    private static let heading: [UInt8] = [UInt8(ascii: "O"), UInt8(ascii: "B"), 1]
    /// A block holds an hour: this is one of a sample each 4 ms.
    private static let mostRows = 1 << 20
    private static let mostColumns = 1 << 10

    /// The block as it is stored.
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
    /// - Throws: `BlockError` if a bit of it, or its tag, is another than was written.
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

private func checksum(_ tag: [Int64], _ body: ArraySlice<UInt8>) -> UInt32 {
    let tag = tag.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
    return crc((tag + body)[...])
}

/// CRC-32 as in zlib (ISO 3309).
public func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes {
        UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
}
