/// How a column is written.
///
/// One byte says what follows: bits 0…1 the order (0 a constant, 1 differences, 2 differences of
/// differences), bit 2 whether numbers are missing, and bits 3…7 are 0. Then come, if some are
/// missing, the number of runs and their lengths; the first number; and, unless all are the same, how
/// many low bits all differences lack, and the rest in groups (`BitPacking`). Signed numbers are
/// zig-zag: 0, -1, 1, -2 are 0, 1, 2, 3.
extension Column {
    /// The bytes of the column; none if all its numbers are missing.
    var bytes: [UInt8] {
        guard let first = values.first else { return [] }
        let once = differences(values)
        let twice = differences([0] + once)
        var bytes: [UInt8] = []
        func head(_ order: UInt8) {
            bytes.append(order | (isWhole ? 0 : 4))
            if !isWhole {
                bytes.append(varint: UInt64(runs.count))
                for run in runs { bytes.append(varint: UInt64(run)) }
            }
            bytes.append(varint: zigzag(first))
        }
        guard once.contains(where: { $0 != 0 }) else {
            head(0)
            return bytes
        }
        let packed = [once, twice].map(packed)
        let order = BitPacking.cost(packed[1].numbers) < BitPacking.cost(packed[0].numbers) ? 1 : 0
        head(UInt8(order + 1))
        bytes.append(UInt8(packed[order].shift))
        BitPacking.pack(packed[order].numbers, into: &bytes)
        return bytes
    }

    /// Reads what `bytes` wrote.
    init(_ bytes: ArraySlice<UInt8>, count: Int) throws(BlockError) {
        guard !bytes.isEmpty else {
            self.init(values: [], runs: count == 0 ? [] : [0, count])
            return
        }
        var reader = ByteReader(Array(bytes))
        let kind = try reader.byte()
        guard kind < 8, kind & 3 < 3 else { throw BlockError("a column of kind \(kind)") }
        let runs = try kind & 4 == 0 ? [count] : Self.runs(&reader, count)
        let there = stride(from: 0, to: runs.count, by: 2).reduce(0) { $0 + runs[$1] }
        guard there > 0 else { throw BlockError("a column of nothing") }
        let first = unzigzag(try reader.varint())
        var values = [Int64](repeating: first, count: there)
        if kind & 3 > 0 {
            let shift = try reader.byte()
            guard shift < 64 else { throw BlockError("a shift of \(shift)") }
            let packed = try BitPacking.unpack(there - 1, from: &reader)
            Self.sum(packed, Int64(shift), isTwice: kind & 3 == 2, into: &values)
        }
        guard reader.isAtEnd else { throw BlockError("more bytes than numbers") }
        self.init(values: values, runs: runs)
    }

    private static func runs(
        _ reader: inout ByteReader, _ count: Int
    ) throws(BlockError) -> [Int] {
        var runs: [Int] = []
        var rest = count
        for _ in 0..<(try reader.count(atMost: count + 1)) {
            runs.append(try reader.count(atMost: rest))
            rest -= runs[runs.count - 1]
        }
        guard rest == 0 else { throw BlockError("\(rest) numbers in no run") }
        return runs
    }

    /// Adds up differences behind the first of `values`.
    private static func sum(
        _ packed: [UInt64], _ shift: Int64, isTwice: Bool, into values: inout [Int64]
    ) {
        values.withUnsafeMutableBufferPointer { values in
            guard var value = values.first else { return }
            var slope: Int64 = 0
            for index in packed.indices {
                let number = unzigzag(packed[index]) << shift
                slope = isTwice ? slope &+ number : number
                value = value &+ slope
                values[index + 1] = value
            }
        }
    }
}

/// Each number less the one before it, the first excepted; wrapping, so that no pair is too far apart.
private func differences(_ numbers: [Int64]) -> [Int64] {
    guard numbers.count > 1 else { return [] }
    return [Int64](unsafeUninitializedCapacity: numbers.count - 1) { result, count in
        for index in 0..<numbers.count - 1 {
            result.initializeElement(at: index, to: numbers[index + 1] &- numbers[index])
        }
        count = numbers.count - 1
    }
}

/// The numbers without the low bits that all of them lack, made unsigned.
private func packed(_ numbers: [Int64]) -> (numbers: [UInt64], shift: Int) {
    let shift = numbers.reduce(0, |).trailingZeroBitCount & 63
    return (numbers.map { zigzag($0 >> Int64(shift)) }, shift)
}

@inline(__always)
private func zigzag(_ number: Int64) -> UInt64 {
    UInt64(bitPattern: number << 1 ^ number >> 63)
}

@inline(__always)
private func unzigzag(_ number: UInt64) -> Int64 {
    Int64(bitPattern: number >> 1) ^ -Int64(number & 1)
}
