/// Whole numbers in a row, some of them missing.
public struct Column: Hashable, Sendable {
    /// Those that are there.
    public private(set) var values: [Int64] = []
    /// How many are there, then missing, then there again, and so on in turn.
    public private(set) var runs: [Int] = []

    public init() {}

    public init(_ numbers: some Sequence<Int64?>) { for number in numbers { append(number) } }

    init(values: [Int64], runs: [Int]) { (self.values, self.runs) = (values, runs) }

    /// How many numbers, missing ones included.
    public var count: Int { runs.reduce(0, +) }

    /// Whether none of them is missing.
    var isWhole: Bool { runs.count < 2 }

    public mutating func append(_ number: Int64?) {
        if let number {
            values.append(number)
        } else if runs.isEmpty {
            runs.append(0)
        }
        let isInLastRun = (runs.count & 1 == 1) == (number != nil)
        if isInLastRun { runs[runs.count - 1] += 1 } else { runs.append(1) }
    }

    public mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
    }

    /// The numbers in order, `nil` where one is missing.
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
