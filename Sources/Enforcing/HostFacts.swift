import Host
import CgroupFormat
import Glibc
import Limits

/// Facts about a host outside of its cgroup tree.
///
/// All facts come from values and closures, so that tests can describe any host.
public struct HostFacts {
    /// What Docker reports about itself (`GET /info` and `GET /version`).
    public struct Docker: Hashable, Sendable {
        /// `systemd` or `cgroupfs`.
        public var cgroupDriver: String
        /// The newest API version that it speaks, such as `1.41`.
        public var apiVersion: String

        /// What Docker would report.
        public init(cgroupDriver: String, apiVersion: String) {
            (self.cgroupDriver, self.apiVersion) = (cgroupDriver, apiVersion)
        }
    }

    /// Reads a file of /proc or /sys; `nil` if it does not exist or may not be read.
    public var text: (_ path: String) -> String?
    /// The names in a folder in any order; empty if it does not exist.
    public var names: (_ folder: String) -> [String]
    /// The kernel's release, as `uname -r` prints it.
    public var release: String
    /// The effective user id of this process.
    public var uid: UInt32
    /// The version of systemd, such as "252.22-1~deb12u1"; `nil` if systemd does not run.
    public var systemd: String?
    /// What Docker reports; `nil` if it does not answer.
    public var docker: Docker?

    /// Describes a host.
    public init(
        text: @escaping (_ path: String) -> String?,
        names: @escaping (_ folder: String) -> [String], release: String, uid: UInt32,
        systemd: String?, docker: Docker?
    ) {
        (self.text, self.names) = (text, names)
        (self.release, self.uid) = (release, uid)
        (self.systemd, self.docker) = (systemd, docker)
    }

    /// The facts of the host on which this process runs.
    public static func live(systemd: String?, docker: Docker?) -> HostFacts {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: &system.release) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        return HostFacts(
            text: systemText, names: folderNames, release: release, uid: geteuid(),
            systemd: systemd, docker: docker)
    }
}

extension HostSize {
    /// CPUs, memory, swap and process limit of the host on which this process runs.
    public static var live: HostSize {
        let (pages, page) = (
            Int64(sysconf(Int32(_SC_PHYS_PAGES))), Int64(sysconf(Int32(_SC_PAGESIZE)))
        )
        let (memory, isTooMuch) = pages.multipliedReportingOverflow(by: page)
        let cores = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let swaps = systemText("/proc/swaps")
        let most = systemText("/proc/sys/kernel/pid_max")?.prefix { $0.isNumber }
        return HostSize(
            cores: cores > 0 ? cores : nil, memory: isTooMuch || memory <= 0 ? nil : memory,
            hasSwap: swaps.map(HostSize.hasSwap),
            processes: most.flatMap { Int64($0) })
    }
}

/// The first two numbers of a version, which are compared in turn.
///
/// Two numbers suffice for a kernel release such as `6.1.0-25-amd64` and an API version such as
/// `1.41`. A systemd version such as `252.22-1` is compared with `Version(252)` by its first
/// number.
struct Version: Comparable {
    var major: Int
    var minor: Int

    init(_ major: Int, _ minor: Int = 0) { (self.major, self.minor) = (major, minor) }

    /// Parses the first two numbers of a text; `nil` if it contains no number.
    init?(_ text: String) {
        let numbers = text.drop { !$0.isNumber }.split(
            maxSplits: 2, omittingEmptySubsequences: false
        ) { $0 == "." }.map { Int($0.prefix { $0.isASCII && $0.isNumber }) }
        guard let first = numbers.first, let major = first else { return nil }
        self.init(major, numbers.dropFirst().first.flatMap { $0 } ?? 0)
    }

    static func < (a: Version, b: Version) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

extension HostFacts {
    /// The mounts of this process (`/proc/self/mountinfo`).
    var mounts: [Mount] {
        Mount.all(in: text("/proc/self/mountinfo") ?? "")
    }

    /// Whether the host has swap space (`/proc/swaps`).
    var hasSwap: Bool {
        HostSize.hasSwap(text("/proc/swaps") ?? "")
    }
}
