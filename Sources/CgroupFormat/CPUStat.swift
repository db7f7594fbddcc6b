/// The kernel file `cpu.stat` (cgroup-v2.rst, "CPU Interface Files"), times in microseconds.
public struct CPUStat: Hashable, Sendable {
    /// CPU time used by the cgroup and all below it, removed ones included.
    ///
    /// This is what is billed: user and system are a rescaled split of it and not monotone.
    public var usageMicroseconds: Int64
    public var userMicroseconds: Int64?
    public var systemMicroseconds: Int64?
    /// Only with the cpu controller on.
    public var throttledPeriods: Int64?
    public var throttledMicroseconds: Int64?

    public init(usageMicroseconds: Int64) { self.usageMicroseconds = usageMicroseconds }

    /// Parses the file.
    ///
    /// Unknown keys are left; `usage_usec` must be there.
    public init(parsing text: Span<UInt8>) throws(FormatError) {
        var usage: Int64?
        var user: Int64?
        var system: Int64?
        var periods: Int64?
        var throttled: Int64?
        try readFlatKeyed(text) { key, value in
            if matches(text, key, "usage_usec") {
                usage = value
            } else if matches(text, key, "user_usec") {
                user = value
            } else if matches(text, key, "system_usec") {
                system = value
            } else if matches(text, key, "nr_throttled") {
                periods = value
            } else if matches(text, key, "throttled_usec") {
                throttled = value
            }
        }
        guard let usage else {
            throw FormatError(
                line: 0, found: "no line \"usage_usec\"", expected: "\"usage_usec N\"")
        }
        usageMicroseconds = usage
        userMicroseconds = user
        systemMicroseconds = system
        throttledPeriods = periods
        throttledMicroseconds = throttled
    }
}
