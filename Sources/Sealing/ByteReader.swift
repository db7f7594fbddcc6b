/// The reason why a block cannot be read.
public struct BlockError: Error, CustomStringConvertible {
    /// The reason in words.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Reads bytes from beginning to end, and never beyond the end.
///
/// Every method throws `BlockError` if the bytes end too early. The bytes may come from a damaged
/// file.
struct ByteReader {
    /// The bytes to read, followed by eight zeros.
    private let bytes: [UInt8]
    private var position: Int
    /// The number of bytes without the zeros.
    private let end: Int

    /// Starts to read at an offset.
    ///
    /// - Parameter bytes: need not be valid.
    init(_ bytes: [UInt8], from start: Int = 0) {
        end = bytes.count
        position = start
        // Because of the zeros, eight bytes can be loaded wherever a number begins.
        self.bytes = bytes + [0, 0, 0, 0, 0, 0, 0, 0]
    }

    /// Whether every byte was read.
    var isAtEnd: Bool { position == end }

    /// Reads one byte.
    mutating func byte() throws(BlockError) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return bytes[position]
    }

    /// Reads eight bytes as a number, the lowest first.
    mutating func word() throws(BlockError) -> UInt64 {
        try need(8)
        defer { position += 8 }
        return load(position)
    }

    /// Reads a whole number of variable length, seven bits a byte, the lowest bits first.
    ///
    /// The high bit of a byte says that another byte follows. Example: 300 is 0b10_0101100, so its
    /// bytes are 0xAC (0101100 and the high bit) and 0x02.
    ///
    /// - Throws: `BlockError` if the number exceeds 64 bits.
    mutating func varint() throws(BlockError) -> UInt64 {
        var (result, shift) = (UInt64(0), UInt64(0))
        while true {
            let byte = try byte()
            guard shift < 63 || byte < 2 else { throw BlockError("a number of more than 64 bits") }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
    }

    /// Reads a varint that is a count.
    ///
    /// - Throws: `BlockError` if it exceeds `limit`. Damaged bytes must not make us allocate
    ///   gigabytes.
    mutating func count(atMost limit: Int) throws(BlockError) -> Int {
        let value = try varint()
        guard value <= UInt64(limit) else { throw BlockError("a count of \(value)") }
        return Int(value)
    }

    /// Reads the given number of bytes.
    mutating func slice(_ length: Int) throws(BlockError) -> ArraySlice<UInt8> {
        try need(length)
        defer { position += length }
        return bytes[position..<position + length]
    }

    /// Reads eight numbers of `width` bits each, 1 to 56, and appends them.
    @inline(__always)
    mutating func group(width: Int, into numbers: inout [UInt64]) throws(BlockError) {
        try need(width)
        let mask = (UInt64(1) << UInt64(width)) - 1
        for index in 0..<8 {
            let bit = index * width
            numbers.append(load(position + bit >> 3) >> UInt64(bit & 7) & mask)
        }
        position += width
    }

    /// Throws unless that many bytes are left.
    private func need(_ count: Int) throws(BlockError) {
        guard end - position >= count else { throw BlockError("it ends too early") }
    }

    /// The eight bytes from an offset as a number, the lowest first.
    @inline(__always)
    private func load(_ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

extension [UInt8] {
    /// Appends a number in the form that `ByteReader.varint` reads.
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
