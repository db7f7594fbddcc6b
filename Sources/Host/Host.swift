import Glibc
import Metering
import Units

/// Facts about the host on which this process runs: its boot, its clocks and its capacity.
public enum Host {
    /// The id of this boot (`/proc/sys/kernel/random/boot_id`, random(4)).
    ///
    /// - Returns: `unknown` if the file is empty.
    /// - Throws: if the file cannot be read.
    public static func bootID() throws(Fault) -> String {
        try readText("/proc/sys/kernel/random/boot_id").split(separator: "\n").first.map(
            String.init)
            ?? "unknown"
    }

    /// The release of the running kernel, such as `6.1.0-18-cloud-amd64` (uname(2)).
    public static var kernelRelease: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        return withUnsafeBytes(of: &names.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The number of cores that are online, and the memory in bytes.
    ///
    /// They come from sysconf(3) and from `MemTotal` in `/proc/meminfo`.
    ///
    /// - Returns: `nil` if one of them is not known.
    public static func capacity() -> HostCapacity? {
        let cpus = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let info = (try? readText("/proc/meminfo")) ?? ""
        let line = info.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        // The line is `MemTotal:  16316412 kB`, in units of 1024 bytes.
        let words = line?.split(separator: " ") ?? []
        guard cpus > 0, words.count == 3, let kibibytes = Int64(words[1]) else { return nil }
        let (memory, isTooMuch) = kibibytes.multipliedReportingOverflow(by: 1024)
        return isTooMuch || memory < 0
            ? nil : HostCapacity(cpus: Int64(cpus), memory: memory)
    }

    /// The time on both clocks, read one right after the other.
    @Sendable public static func now() -> Moment {
        let boot = nanoseconds(CLOCK_BOOTTIME)
        return Moment(wall: wallTime(), bootMicroseconds: boot / 1000)
    }

    /// The wall clock (`CLOCK_REALTIME`), in whole milliseconds.
    public static func wallTime() -> Instant {
        Instant(milliseconds: nanoseconds(CLOCK_REALTIME) / 1_000_000)
    }

    /// The time of a clock in ns (clock_gettime(2)).
    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Every kernel with cgroup2 has both clocks, so this cannot fail.
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
