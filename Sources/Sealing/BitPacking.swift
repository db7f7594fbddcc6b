/// Packs whole numbers eight at a time, each group in as many bits as its largest needs.
///
/// A group is a control byte and its numbers: control 0…56 is the width in bits, and eight numbers of
/// that width fill as many bytes; 64 is eight numbers as they are; 128 + n stands for n groups of
/// zeros. The last group is filled up with zeros.
enum BitPacking {
    /// How many bytes `pack` would write, without the gain from runs of zeros.
    static func cost(_ numbers: [UInt64]) -> Int {
        var cost = 0
        eachGroup(of: numbers) { _, width in cost += 1 + (width > widest ? 64 : width) }
        return cost
    }

    static func pack(_ numbers: [UInt64], into bytes: inout [UInt8]) {
        var zeros: UInt8 = 0
        eachGroup(of: numbers) { start, width in
            if width == 0 {
                zeros += 1
                if zeros == 127 {
                    bytes.append(128 + zeros)
                    zeros = 0
                }
                return
            }
            if zeros > 0 {
                bytes.append(128 + zeros)
                zeros = 0
            }
            let end = min(start + 8, numbers.count)
            if width > widest {
                bytes.append(64)
                for index in start..<start + 8 {
                    append(index < end ? numbers[index] : 0, 8, to: &bytes)
                }
                return
            }
            bytes.append(UInt8(width))
            packGroup(numbers, start..<end, width, into: &bytes)
        }
        if zeros > 0 { bytes.append(128 + zeros) }
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

    /// The widest group whose numbers each lie within eight bytes, wherever they begin.
    private static let widest = 56

    @inline(__always)
    private static func eachGroup(
        of numbers: [UInt64], _ body: (_ start: Int, _ width: Int) -> Void
    ) {
        numbers.withUnsafeBufferPointer { numbers in
            var start = 0
            while start < numbers.count {
                var union: UInt64 = 0
                for index in start..<min(start + 8, numbers.count) { union |= numbers[index] }
                body(start, 64 - union.leadingZeroBitCount)
                start += 8
            }
        }
    }

    private static func packGroup(
        _ numbers: [UInt64], _ range: Range<Int>, _ width: Int, into bytes: inout [UInt8]
    ) {
        // What is not written yet, and how many bits of it.
        var (held, bits) = (UInt64(0), 0)
        var written = 0
        for index in range {
            held |= numbers[index] << UInt64(bits)
            bits += width
            guard bits >= 64 else { continue }
            append(held, 8, to: &bytes)
            written += 8
            bits -= 64
            held = bits == 0 ? 0 : numbers[index] >> UInt64(width - bits)
        }
        while written < width {
            let count = min(8, width - written)
            append(held, count, to: &bytes)
            written += count
            held = 0
        }
    }

    @inline(__always)
    private static func append(_ word: UInt64, _ count: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0.prefix(count)) }
    }
}
