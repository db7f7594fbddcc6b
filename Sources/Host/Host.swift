import Glibc
import Metering
import Units

/// What this host says of itself: its boot, and its clocks.
public enum Host {
    /// The id of this boot, `/proc/sys/kernel/random/boot_id` (random(4)).
    public static func bootID() throws(Fault) -> String {
        try readText("/proc/sys/kernel/random/boot_id").split(separator: "\n").first.map(
            String.init)
            ?? "unknown"
    }

    /// The release of the running kernel, `6.1.0-18-cloud-amd64` (uname(2)).
    public static var kernelRelease: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        return withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The cores that are online (sysconf(3)) and the memory, `MemTotal` of /proc/meminfo.
    public static func capacity() -> HostCapacity? {
        let cpus = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let info = (try? readText("/proc/meminfo")) ?? ""
        let line = info.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        let words = line?.split(separator: " ") ?? []
        guard cpus > 0, words.count == 3, let kibibytes = Int64(words[1]) else { return nil }
        let (memory, isTooMuch) = kibibytes.multipliedReportingOverflow(by: 1024)
        return isTooMuch || memory < 0
            ? nil : HostCapacity(cpus: Int64(cpus), memory: memory)
    }

    /// Both clocks, read together.
    @Sendable public static func now() -> Moment {
        let boot = nanoseconds(CLOCK_BOOTTIME)
        return Moment(wall: wallTime(), bootMicroseconds: boot / 1000)
    }

    /// The wall clock.
    public static func wallTime() -> Instant {
        Instant(milliseconds: nanoseconds(CLOCK_REALTIME) / 1_000_000)
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Both clocks exist on every kernel that has cgroup2, so this cannot fail.
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
