/// CPUs by number, as `cpuset.cpus` lists them: `0-3,7`.
///
/// Kernel: Documentation/admin-guide/cgroup-v2.rst, "cpuset.cpus"; lib/bitmap.c, "bitmap_parselist".
public struct CPUList: Hashable, Sendable, CustomStringConvertible {
    /// Ranges in order; they neither overlap nor touch.
    ///
    /// None stands for all CPUs that the parent has.
    public let ranges: [ClosedRange<Int>]
    /// Whether whoever read it found it to name every CPU of the host.
    public var coversHost = false

    /// The largest number that a CPU may have, as on the largest kernels.
    public static let largest = 8191

    public static let all = CPUList(numbers: [])

    public init(numbers: Set<Int>) {
        ranges = numbers.sorted().reduce(into: []) { ranges, number in
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
    }

    /// Reads the kernel's text, with or without its newline; empty text stands for all CPUs.
    ///
    /// `nil` for what is no list of numbers and ranges, as `1,3-5`.
    public init?(_ text: some StringProtocol) {
        var numbers: Set<Int> = []
        let line = String(text.last == "\n" ? text.dropLast() : text[...])
        if line.isEmpty {
            self = .all
            return
        }
        for part in line.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(
                separator: "-", maxSplits: 1, omittingEmptySubsequences: false
            ).map(Self.number)
            guard let first = ends[0], let last = ends[ends.count - 1], first <= last else {
                return nil
            }
            numbers.formUnion(first...last)
        }
        self.init(numbers: numbers)
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(text), number <= largest
        else { return nil }
        return number
    }

    public var numbers: Set<Int> { Set(ranges.flatMap { Array($0) }) }

    /// The list as the kernel writes it; `all` where it names none.
    public var description: String {
        if ranges.isEmpty { return "all" }
        return ranges.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }.joined(separator: ",")
    }

    /// Whether it restricts nothing.
    public var meansAll: Bool { ranges.isEmpty || coversHost }

    /// Those that both have; the list of all stands for whatever the other has.
    ///
    /// `nil` if they have none in common.
    public func intersection(_ other: CPUList) -> CPUList? {
        if ranges.isEmpty { return other }
        if other.ranges.isEmpty { return self }
        let both = numbers.intersection(other.numbers)
        return both.isEmpty ? nil : CPUList(numbers: both)
    }
}
