import CgroupFS

/// What a host can do about one limit, or about something that limits depend on.
public struct LimitFinding: Hashable, Sendable {
    /// How far it works.
    public enum State: String, Sendable {
        /// It works as described.
        case works
        /// It works only partly, or differently from what one would expect.
        case limited
        /// It does not work.
        case no
    }

    /// A limit's file such as `cpu.max`, or another subject such as `systemd` or `rights`.
    public let what: String
    /// How far it works.
    public let state: State
    /// What was found, as a sentence.
    public let found: String
    /// What to do; `nil` if nothing is necessary or possible.
    public let suggestion: String?

    init(_ what: String, _ state: State, _ found: String, suggestion: String? = nil) {
        (self.what, self.state, self.found, self.suggestion) = (what, state, found, suggestion)
    }
}

/// Lists which limits this host can enforce, which not, why, and how to fix it.
///
/// - Parameters:
///   - root: the cgroup tree.
///   - host: facts from outside the tree.
///   - tenantRoots: paths below the root. The cgroups above each of them must hand the controllers
///     down, or limits cannot be set there.
public func limitFindings(
    root: borrowing CgroupRoot, host: HostFacts, tenantRoots: [String] = []
) -> [LimitFinding] {
    LimitDoctor(
        tree: root.directory, path: root.path, isKernel: root.isKernel, host: host,
        tenantRoots: tenantRoots
    ).findings
}

/// Examines a cgroup tree and its host.
struct LimitDoctor {
    let tree: CgroupDirectory
    let path: String
    let isKernel: Bool
    let host: HostFacts
    let tenantRoots: [String]

    /// All findings in the order in which they are printed.
    var findings: [LimitFinding] {
        [
            hierarchy, cpuMax, cpuWeight, cpuBurst, cpus, memoryHigh, memoryMax, memorySwap,
            memoryLow, memoryMin, ioMax, ioWeight, pidsMax, freeze, realtime, waiting, pressure,
            systemd, docker, delegation, rights,
        ].compactMap { $0 }
    }

    /// The version of the kernel; `nil` if its release has an unknown form.
    var kernel: Version? { Version(host.release) }
    var hasSystemd: Bool { host.systemd != nil }

    /// The finding about a limit, unless its controller is missing or off.
    func limit(
        _ file: String, _ state: LimitFinding.State, _ found: String, suggestion: String? = nil
    ) -> LimitFinding {
        blocked(file, controller: String(file.prefix { $0 != "." }))
            ?? LimitFinding(file, state, found, suggestion: suggestion)
    }

    /// The finding about a limit that works, unless its controller is missing or off.
    func limit(_ file: String, _ found: String) -> LimitFinding { limit(file, .works, found) }

    private var cpuMax: LimitFinding { limit("cpu.max", "the cpu controller is on") }

    private var cpuWeight: LimitFinding {
        limit("cpu.weight", "the cpu controller is on; it tells only while CPUs are contended")
    }

    private var cpus: LimitFinding {
        limit(
            "cpuset.cpus", "the cpuset controller is on; a cgroup has no CPU that none above it has"
        )
    }

    private var pidsMax: LimitFinding {
        limit("pids.max", "the pids controller is on; nothing is killed, the next fork fails")
    }

    /// Whether `cpu.max.burst` works.
    ///
    /// When `cpu.max` is written, Linux 5.14 to 6.9 read the stored burst, which is in
    /// microseconds, as nanoseconds.
    private var cpuBurst: LimitFinding? {
        guard let kernel else { return nil }
        if kernel < Version(5, 14) {
            return LimitFinding(
                "cpu.max.burst", .no, "Linux \(host.release) has none", suggestion: "Run Linux 6.10"
            )
        }
        guard kernel < Version(6, 10) else { return limit("cpu.max.burst", "the quota keeps it") }
        return limit(
            "cpu.max.burst", .limited,
            "Linux \(host.release) spoils it with each write of cpu.max",
            suggestion: "Write it again after each cpu.max, or run Linux 6.10")
    }

    private var freeze: LimitFinding {
        if let kernel, kernel < Version(5, 2) {
            return LimitFinding(
                "cgroup.freeze", .no, "Linux \(host.release) has none", suggestion: "Run Linux 5.2")
        }
        let systemd = host.systemd.flatMap { Version($0) }
        let why =
            if let systemd, systemd < Version(246) {
                ", by the file: systemd \(systemd.major) knows no frozen units"
            } else if let systemd, systemd < Version(256) {
                "; systemd \(systemd.major) may hang where a slice is frozen"
            } else {
                ""
            }
        return LimitFinding(
            "cgroup.freeze", .works, "leaves only; slices never" + why)
    }

    private var pressure: LimitFinding {
        guard host.names("/proc/pressure").isEmpty else {
            return LimitFinding("pressure", .works, "the kernel measures stalls (PSI)")
        }
        return LimitFinding(
            "pressure", .limited,
            "the kernel measures no stalls (PSI), so a workload that memory.high stalls is not "
                + "seen by them",
            suggestion: "Boot with psi=1")
    }
}
