/// What is wrong with a block.
public struct BlockError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Reads bytes from beginning to end, and never beyond.
struct ByteReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    /// - Parameter bytes: may be anybody's.
    init(_ bytes: [UInt8], from start: Int = 0) {
        end = bytes.count
        position = start
        // So that eight bytes may be loaded wherever a number begins.
        self.bytes = bytes + [0, 0, 0, 0, 0, 0, 0, 0]
    }

    var isAtEnd: Bool { position == end }

    mutating func byte() throws(BlockError) -> UInt8 {
        try need(1)
        defer { position += 1 }
        return bytes[position]
    }

    mutating func word() throws(BlockError) -> UInt64 {
        try need(8)
        defer { position += 8 }
        return load(position)
    }

    /// A whole number in groups of seven bits, the lowest first.
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

    /// A varint that counts something.
    mutating func count(atMost limit: Int) throws(BlockError) -> Int {
        let value = try varint()
        guard value <= UInt64(limit) else { throw BlockError("a count of \(value)") }
        return Int(value)
    }

    mutating func slice(_ length: Int) throws(BlockError) -> ArraySlice<UInt8> {
        try need(length)
        defer { position += length }
        return bytes[position..<position + length]
    }

    /// Eight numbers of `width` bits, 1…56.
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

    private func need(_ count: Int) throws(BlockError) {
        guard end - position >= count else { throw BlockError("it ends too early") }
    }

    @inline(__always)
    private func load(_ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}

extension [UInt8] {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
