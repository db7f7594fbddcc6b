/// A set of CPU numbers in the form of `cpuset.cpus`, such as `0-3,7`.
///
/// Kernel: Documentation/admin-guide/cgroup-v2.rst, "cpuset.cpus"; lib/bitmap.c,
/// `bitmap_parselist`.
public struct CPUList: Hashable, Sendable, CustomStringConvertible {
    /// The ranges in ascending order.
    ///
    /// They neither overlap nor touch. No range at all means every CPU that the parent cgroup has,
    /// as an empty `cpuset.cpus` does.
    public let ranges: [ClosedRange<Int>]
    /// Whether the list names every CPU of the host.
    ///
    /// This type cannot know that. Whoever read the list sets it after a look at the host.
    public var coversHost = false

    /// The largest CPU number that is accepted: kernels support at most 8192 CPUs.
    public static let largest = 8191

    /// The empty list: every CPU that the parent cgroup has.
    public static let all = CPUList(numbers: [])

    /// Makes a list from CPU numbers; the empty set means all CPUs.
    ///
    /// Adjacent numbers become one range: 0, 1, 2 and 7 become `0-2,7`.
    public init(numbers: Set<Int>) {
        ranges = numbers.sorted().reduce(into: []) { ranges, number in
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
    }

    /// Reads the kernel's text, with or without its newline.
    ///
    /// Empty text means all CPUs.
    ///
    /// `nil` unless the text is a comma-separated list of numbers and ranges, such as `1,3-5`,
    /// whose numbers are at most `largest`.
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

    /// One CPU number; `nil` if the text is not only digits, or too large.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(text), number <= largest
        else { return nil }
        return number
    }

    /// The CPU numbers one by one; empty if the list means all CPUs.
    public var numbers: Set<Int> { Set(ranges.flatMap { Array($0) }) }

    /// The list as the kernel writes it, or `all` if it is empty.
    public var description: String {
        if ranges.isEmpty { return "all" }
        return ranges.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }.joined(separator: ",")
    }

    /// Whether the list excludes no CPU.
    public var meansAll: Bool { ranges.isEmpty || coversHost }

    /// The CPUs that both lists contain; `nil` if there are none.
    ///
    /// A list that means all CPUs gives the other list unchanged.
    public func intersection(_ other: CPUList) -> CPUList? {
        if ranges.isEmpty { return other }
        if other.ranges.isEmpty { return self }
        let both = numbers.intersection(other.numbers)
        return both.isEmpty ? nil : CPUList(numbers: both)
    }
}
