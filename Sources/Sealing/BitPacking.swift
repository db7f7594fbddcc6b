/// Packs whole numbers eight at a time, each group in as many bits as its largest needs.
///
/// A group is a control byte and its numbers: control 0…56 is the width in bits, and eight numbers of
/// that width fill as many bytes; 64 is eight numbers as they are; 128 + n stands for n groups of
/// zeros. The last group is filled up with zeros.
enum BitPacking {
    /// The widest group whose numbers each lie within eight bytes, wherever they begin.
    private static let widest = 56
    private static let mostZeros = 127

    /// How many bytes `pack` would write, without the gain from runs of zeros.
    static func cost(_ numbers: UnsafeBufferPointer<UInt64>) -> Int {
        var cost = 0
        for start in stride(from: 0, to: numbers.count, by: 8) {
            let width = width(numbers, start)
            cost += 1 + (width > widest ? 64 : width)
        }
        return cost
    }

    static func pack(_ numbers: UnsafeBufferPointer<UInt64>, into bytes: inout [UInt8]) {
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

    /// Reads `count` numbers.
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

    /// How many bits the widest number of the group needs.
    @inline(__always)
    private static func width(_ numbers: UnsafeBufferPointer<UInt64>, _ start: Int) -> Int {
        var union: UInt64 = 0
        for index in start..<min(start + 8, numbers.count) { union |= numbers[index] }
        return 64 - union.leadingZeroBitCount
    }
}

/// Writes groups into a buffer that has room for eight bytes behind them.
private struct GroupWriter {
    let buffer: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    mutating func byte(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func group(_ numbers: UnsafeBufferPointer<UInt64>, _ start: Int, _ width: Int) {
        byte(UInt8(width))
        let end = count + width
        // What is not written yet, and how many bits of it.
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
        // The last word may reach beyond the group; what follows is written over it.
        count = end
    }

    @inline(__always)
    private mutating func word(_ word: UInt64) {
        buffer.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
        count += 8
    }
}
