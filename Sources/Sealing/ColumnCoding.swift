/// How a column is written as bytes.
///
/// Counters rise steadily, so their differences are small, and so are the differences of those.
/// Each column is written in the order that takes the fewest bytes:
///
/// - 0: all numbers are the same.
/// - 1: the differences from one number to the next.
/// - 2: the differences of those differences.
/// - 3: the differences, less the smallest difference.
///
/// Example: 100, 110, 120, 131 has the differences 10, 10, 11; the differences of those (the first
/// one from 0) 10, 0, 1; and above the smallest 0, 0, 1.
///
/// The first byte contains the order in bits 0 and 1, and in bit 2 whether numbers are missing;
/// bits 3 to 7 are 0. The rest follows in this sequence:
///
/// 1. If numbers are missing: the number of runs, and their lengths.
/// 2. The first number.
/// 3. For order 3: the smallest difference.
/// 4. For orders 1 to 3: how many low bits are 0 in all differences, in one byte. Then the
///    differences without those bits, packed (`BitPacking`).
///
/// Numbers are varints. Signed ones are zigzag-encoded first: 0, -1, 1, -2 become 0, 1, 2, 3.
extension Column {
    /// The bytes of the column; empty if every number is missing.
    var bytes: [UInt8] {
        guard let first = values.first else { return [] }
        let rest = values.count - 1
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 3 * rest) { scratch in
            let orders = (0..<3).map { order in
                UnsafeMutableBufferPointer(rebasing: scratch[order * rest..<(order + 1) * rest])
            }
            guard let steps = Steps(values, into: orders) else { return head(0, first) }
            let costs = orders.map { BitPacking.cost(UnsafeBufferPointer($0)) }
            // Of equal costs the lowest order wins, so the same column always gives the same bytes.
            let order = costs.indices.min { costs[$0] < costs[$1] } ?? 0
            var bytes = head(UInt8(order + 1), first)
            if order == 2 { bytes.append(varint: zigzag(steps.smallest)) }
            bytes.append(UInt8(steps.shifts[order]))
            BitPacking.pack(UnsafeBufferPointer(orders[order]), into: &bytes)
            return bytes
        }
    }

    /// The first byte, the runs if numbers are missing, and the first number.
    private func head(_ order: UInt8, _ first: Int64) -> [UInt8] {
        var bytes = [order | (isWhole ? 0 : 4)]
        if !isWhole {
            bytes.append(varint: UInt64(runs.count))
            for run in runs { bytes.append(varint: UInt64(run)) }
        }
        bytes.append(varint: zigzag(first))
        return bytes
    }

    /// Reads what `bytes` wrote.
    ///
    /// - Parameter count: the number of rows, including missing numbers.
    /// - Throws: `BlockError` if the bytes are not a column of that many rows.
    init(_ bytes: ArraySlice<UInt8>, count: Int) throws(BlockError) {
        guard !bytes.isEmpty else {
            self.init(values: [], runs: count == 0 ? [] : [0, count])
            return
        }
        var reader = ByteReader(Array(bytes))
        let kind = try reader.byte()
        guard kind < 8 else { throw BlockError("a column of kind \(kind)") }
        let runs = try kind & 4 == 0 ? [count] : Self.runs(&reader, count)
        let there = stride(from: 0, to: runs.count, by: 2).reduce(0) { $0 + runs[$1] }
        guard there > 0 else { throw BlockError("a column of nothing") }
        let first = unzigzag(try reader.varint())
        var values = [Int64](repeating: first, count: there)
        if kind & 3 > 0 {
            let smallest = try kind & 3 == 3 ? unzigzag(reader.varint()) : 0
            let shift = try reader.byte()
            guard shift < 64 else { throw BlockError("a shift of \(shift)") }
            let packed = try BitPacking.unpack(there - 1, from: &reader)
            let steps = packed.lazy.map { packed in
                kind & 3 == 3
                    ? smallest &+ Int64(bitPattern: packed << UInt64(shift))
                    : unzigzag(packed) << Int64(shift)
            }
            Self.sum(steps, isTwice: kind & 3 == 2, into: &values)
        }
        guard reader.isAtEnd else { throw BlockError("more bytes than numbers") }
        self.init(values: values, runs: runs)
    }

    /// Reads the lengths of the runs, which must add up to `count`.
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

    /// Fills in `values` after the first by adding up differences; `isTwice` for order 2.
    private static func sum(
        _ steps: some Collection<Int64>, isTwice: Bool, into values: inout [Int64]
    ) {
        values.withUnsafeMutableBufferPointer { values in
            guard var value = values.first else { return }
            var slope: Int64 = 0
            for (index, step) in steps.enumerated() {
                slope = isTwice ? slope &+ step : step
                value = value &+ slope
                values[index + 1] = value
            }
        }
    }
}

/// The differences of a column's numbers in all three orders.
///
/// Subtraction wraps around, so that the difference of any two numbers fits into 64 bits. Adding
/// wraps around in the same way when the column is read.
private struct Steps {
    /// The smallest difference, for order 3.
    let smallest: Int64
    /// For each order, how many low bits are 0 in all its differences.
    ///
    /// They were shifted out.
    let shifts: [Int]

    /// Fills one buffer for each order.
    ///
    /// `nil` if all differences are 0.
    init?(_ values: [Int64], into orders: [UnsafeMutableBufferPointer<UInt64>]) {
        let (once, twice, above) = (orders[0], orders[1], orders[2])
        var (smallest, last) = (Int64.max, Int64(0))
        var (unionOnce, unionTwice, unionAbove) = (UInt64(0), UInt64(0), UInt64(0))
        for index in once.indices {
            let step = values[index + 1] &- values[index]
            let turn = step &- last
            (once[index], twice[index]) = (UInt64(bitPattern: step), UInt64(bitPattern: turn))
            unionOnce |= once[index]
            unionTwice |= twice[index]
            smallest = min(smallest, step)
            last = step
        }
        guard unionOnce != 0 else { return nil }
        for index in once.indices {
            above[index] = once[index] &- UInt64(bitPattern: smallest)
            unionAbove |= above[index]
        }
        self.smallest = smallest
        shifts = [unionOnce, unionTwice, unionAbove].map { $0.trailingZeroBitCount & 63 }
        let (first, second, third) = (Int64(shifts[0]), Int64(shifts[1]), UInt64(shifts[2]))
        for index in once.indices {
            once[index] = zigzag(Int64(bitPattern: once[index]) >> first)
            twice[index] = zigzag(Int64(bitPattern: twice[index]) >> second)
            above[index] >>= third
        }
    }
}

/// Maps a signed number to an unsigned one so that small amounts stay small: -1 becomes 1.
@inline(__always)
private func zigzag(_ number: Int64) -> UInt64 {
    UInt64(bitPattern: number << 1 ^ number >> 63)
}

/// The inverse of `zigzag`.
@inline(__always)
private func unzigzag(_ number: UInt64) -> Int64 {
    Int64(bitPattern: number >> 1) ^ -Int64(number & 1)
}
