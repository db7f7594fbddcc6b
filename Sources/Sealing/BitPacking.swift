/// Packs whole numbers in groups of eight, each group with as few bits a number as it needs.
///
/// A group is one control byte and its numbers:
/// - 1 to 56 is the width in bits. Eight numbers of that width follow, which are as many bytes.
/// - 64: eight numbers of 64 bits each follow.
/// - 128 + n, n from 1 to 127: n groups in which every number is 0. Nothing follows.
///
/// The last group is filled up with zeros. Example: 1, 2, 3, 0, 0, 0, 0, 0 need 2 bits each, so the
/// group is the byte 2 and 16 bits of numbers, three bytes instead of 64.
enum BitPacking {
    /// The largest width, in bits, at which every number of a group lies within eight bytes.
    ///
    /// A number may start at any of the eight bits of a byte, and one load reads 64 bits. The
    /// numbers of wider groups are stored with 64 bits each.
    private static let widest = 56
    /// The most groups of zeros that one control byte can stand for.
    private static let mostZeros = 127

    /// The number of bytes that `pack` would write, if runs of zeros were not shortened.
    ///
    /// It is used to choose between encodings, where the small difference does not matter.
    static func cost(_ numbers: UnsafeBufferPointer<UInt64>) -> Int {
        var cost = 0
        for start in stride(from: 0, to: numbers.count, by: 8) {
            let width = width(numbers, start)
            cost += 1 + (width > widest ? 64 : width)
        }
        return cost
    }

    /// Appends the packed numbers to `bytes`.
    static func pack(_ numbers: UnsafeBufferPointer<UInt64>, into bytes: inout [UInt8]) {
        // At most a control byte and 64 bytes a group, and the room that `GroupWriter` needs at the
        // end.
        let most = (numbers.count + 7) / 8 * 65 + 8
        bytes += [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            var writer = GroupWriter(buffer: UnsafeMutableRawBufferPointer(buffer))
            var zeros = 0
            for start in stride(from: 0, to: numbers.count, by: 8) {
                let width = width(numbers, start)
                if width == 0 {
                    zeros += 1
                    guard zeros == mostZeros else { continue }
                }
                if zeros > 0 { writer.byte(UInt8(128 + zeros)) }
                zeros = 0
                if width > 0 { writer.group(numbers, start, width > widest ? 64 : width) }
            }
            if zeros > 0 { writer.byte(UInt8(128 + zeros)) }
            count = writer.count
        }
    }

    /// Reads `count` numbers that `pack` wrote.
    ///
    /// - Throws: `BlockError` if the bytes end too early, a control byte is unknown, or a run of
    ///   zeros goes beyond the last group.
    static func unpack(_ count: Int, from reader: inout ByteReader) throws(BlockError) -> [UInt64] {
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count + 7)
        while numbers.count < count {
            let control = Int(try reader.byte())
            if control > 128 {
                numbers += repeatElement(0, count: 8 * (control - 128))
            } else if control == 64 {
                for _ in 0..<8 { numbers.append(try reader.word()) }
            } else if (1...widest).contains(control) {
                try reader.group(width: control, into: &numbers)
            } else {
                throw BlockError("a group of width \(control)")
            }
        }
        guard numbers.count - count < 8 else { throw BlockError("too many numbers") }
        numbers.removeLast(numbers.count - count)
        return numbers
    }

    /// The number of bits that the largest number of a group needs.
    ///
    /// The bits of all numbers are combined, since the highest bit that is set anywhere decides.
    @inline(__always)
    private static func width(_ numbers: UnsafeBufferPointer<UInt64>, _ start: Int) -> Int {
        var union: UInt64 = 0
        for index in start..<min(start + 8, numbers.count) { union |= numbers[index] }
        return 64 - union.leadingZeroBitCount
    }
}

/// Writes groups into a buffer, which needs eight spare bytes at its end.
private struct GroupWriter {
    let buffer: UnsafeMutableRawBufferPointer
    /// How many bytes of the buffer are written.
    private(set) var count = 0

    init(buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    /// Writes one byte.
    mutating func byte(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }

    /// Writes the control byte and the numbers of one group, lowest bit first.
    @inline(__always)
    mutating func group(_ numbers: UnsafeBufferPointer<UInt64>, _ start: Int, _ width: Int) {
        byte(UInt8(width))
        let end = count + width
        // The bits that are not written yet, and how many there are.
        var (held, bits) = (UInt64(0), 0)
        for index in start..<min(start + 8, numbers.count) {
            let number = numbers[index]
            held |= number << UInt64(bits)
            bits += width
            guard bits >= 64 else { continue }
            word(held)
            bits -= 64
            held = bits == 0 ? 0 : number >> UInt64(width - bits)
        }
        while count < end {
            word(held)
            held = 0
        }
        // The last word may extend beyond the group. The next group overwrites the excess.
        count = end
    }

    /// Writes eight bytes, the lowest first.
    @inline(__always)
    private mutating func word(_ word: UInt64) {
        buffer.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count += 8
    }
}
