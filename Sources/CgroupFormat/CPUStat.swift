/// The kernel file `cpu.stat` (cgroup-v2.rst, "CPU Interface Files"), times in microseconds.
public struct CPUStat: Hashable, Sendable {
    /// CPU time used by the cgroup and all below it, removed ones included.
    ///
    /// This is what is billed: user and system are a rescaled split of it and not monotone.
    public var usageMicroseconds: Int64?
    public var userMicroseconds: Int64?
    public var systemMicroseconds: Int64?
    /// Only with the cpu controller on.
    public var throttledPeriods: Int64?
    public var throttledMicroseconds: Int64?
    /// Keys whose lines could not be taken.
    public var odd = OddLines()

    /// The key of what is billed.
    public static let billedKey = "usage_usec"

    public init(usageMicroseconds: Int64) { self.usageMicroseconds = usageMicroseconds }

    /// Parses the file.
    ///
    /// Without `usage_usec`, cpu time alone is not measured: the other keys live on.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let file = try FlatKeyed(
            text, ["usage_usec", "user_usec", "system_usec", "nr_throttled", "throttled_usec"])
        usageMicroseconds = file.values[0]
        userMicroseconds = file.values[1]
        systemMicroseconds = file.values[2]
        throttledPeriods = file.values[3]
        throttledMicroseconds = file.values[4]
        odd = file.odd
        if !file.hasLine(0) {
            odd.add(
                Self.billedKey,
                FormatError(
                    line: 0, found: "no line \"usage_usec\"", expected: "\"usage_usec N\""))
        }
    }
}
