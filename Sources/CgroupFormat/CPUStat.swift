/// The kernel file `cpu.stat`: CPU time of a cgroup and all below it, in microseconds.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files". Without the cpu
/// controller the file exists as well, but has nothing about throttling.
public struct CPUStat: Hashable, Sendable {
    /// `usage_usec`: CPU time used by the cgroup and all below it, removed cgroups included.
    ///
    /// This value is billed. User and system time are not: the kernel computes them by scaling this
    /// total, and each of them may fall from one reading to the next.
    public var usageMicroseconds: Int64?
    /// CPU time in user mode: `user_usec`.
    ///
    /// Only shown.
    public var userMicroseconds: Int64?
    /// CPU time in the kernel: `system_usec`.
    ///
    /// Only shown.
    public var systemMicroseconds: Int64?
    /// Periods of `cpu.max` in which the cgroup was throttled: `nr_throttled`.
    ///
    /// `nil` without the cpu controller.
    public var throttledPeriods: Int64?
    /// Time for which it was throttled: `throttled_usec`; `nil` without the cpu controller.
    public var throttledMicroseconds: Int64?
    /// Keys whose lines could not be read.
    public var odd = OddLines()

    /// The key that is billed.
    public static let billedKey = "usage_usec"

    /// A reading of nothing but the billed key.
    public init(usageMicroseconds: Int64) { self.usageMicroseconds = usageMicroseconds }

    /// Parses the file.
    ///
    /// Without `usage_usec`, the result has no CPU time and says so in `odd`; the other keys still
    /// count.
    ///
    /// - Throws: `FormatError` if the file is empty.
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
