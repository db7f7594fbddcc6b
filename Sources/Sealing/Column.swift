/// A list of whole numbers in which some may be missing.
///
/// Example: 5, missing, missing, 7 has the values 5 and 7 and the runs 1, 2 and 1.
public struct Column: Hashable, Sendable {
    /// The numbers that are there, in order.
    public private(set) var values: [Int64] = []
    /// The lengths of runs: numbers that are there, then missing ones, and so on in turn.
    ///
    /// The first run is 0 if the column starts with a missing number.
    public private(set) var runs: [Int] = []

    /// An empty column.
    public init() {}

    /// A column of the given numbers; `nil` is a missing one.
    public init(_ numbers: some Sequence<Int64?>) { for number in numbers { append(number) } }

    init(values: [Int64], runs: [Int]) { (self.values, self.runs) = (values, runs) }

    /// How many numbers there are, including the missing ones.
    public var count: Int { runs.reduce(0, +) }

    /// Whether no number is missing.
    var isWhole: Bool { runs.count < 2 }

    /// Adds a number at the end; `nil` is a missing one.
    public mutating func append(_ number: Int64?) {
        if let number {
            values.append(number)
        } else if runs.isEmpty {
            runs.append(0)
        }
        // The runs with an even index are of numbers, so with an odd count the last one is.
        let isInLastRun = (runs.count & 1 == 1) == (number != nil)
        if isInLastRun { runs[runs.count - 1] += 1 } else { runs.append(1) }
    }

    /// Empties the column but keeps its memory.
    public mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
    }

    /// All numbers in order; `nil` is a missing one.
    public var numbers: [Int64?] {
        if isWhole { return values }
        var result: [Int64?] = []
        result.reserveCapacity(count)
        var next = 0
        for (index, length) in runs.enumerated() {
            if index % 2 == 0 {
                result += values[next..<next + length].lazy.map(Optional.some)
                next += length
            } else {
                result += repeatElement(nil, count: length)
            }
        }
        return result
    }
}
