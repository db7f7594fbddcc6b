import CgroupFormat
import Units

/// All that differs between limits: the names, the values, and what those who keep limits call it.
///
/// A new limit is a case of `LimitKey`, a definition in a file of its own beside this one, and its tests.
public struct LimitDefinition: Sendable {
    /// What a limit does with what a cgroup uses.
    public enum Effect: Hashable, Sendable {
        /// It caps: the tightest of a cgroup and those above it holds.
        case caps
        /// It weighs against siblings that want the same.
        case weighs
        /// It protects: no more than the least of a cgroup and those above it.
        case protects
        /// It stops all processes.
        case stops
    }

    /// What the kernel counts where a limit takes hold.
    public enum HitCounter: Sendable {
        /// A key of a file, in µs of throttled time.
        case throttled(file: String, key: StaticString)
        /// A key of a file that counts events, and the words for it: `hit N times`.
        case events(file: String, key: StaticString, words: @Sendable (Int64) -> String)
        /// A pressure file (PSI), in µs that some in the cgroup waited for something.
        case waited(file: String, what: String)
    }

    /// What systemd calls it (systemd.resource-control(5)).
    public enum SystemdField: Hashable, Sendable {
        case cpuQuota
        case weight(String)
        /// Bytes or a number of tasks; some properties refuse 0.
        case bytes(String, refusesZero: Bool)
        /// A bit mask of CPUs.
        case cpus(String)
        case devices
    }

    /// What the container engines call it, where they keep it over a restart.
    public enum EngineField: Hashable, Sendable {
        case cpuQuota
        case memory
        case count(docker: String, oci: [String])
        case bytes(docker: String, oci: [String])
        case cpus(docker: String, oci: [String])
    }

    /// The kernel file.
    public var file: String
    /// The name on the command line; every limit takes its file's name as well.
    public var word: String
    /// `core`, `byte`, `process` or `weight`; `nil` for what is no single number.
    public var unit: String?
    /// The value that a cgroup is born with.
    public var initial: LimitValue
    public var effect: Effect
    /// Reads the kernel's text of it, without its newline; `nil` for what is none.
    var parse: @Sendable (String) -> LimitValue?
    /// Reads what a person asks for; `nil` for what is none, or out of range.
    var read: @Sendable (String) -> LimitValue?
    /// What `read` takes, in words.
    var expected: String
    /// What the limit does, whatever is used now; `nil` where that depends on it.
    var remark: String?
    public var hits: HitCounter?
    public var systemd: SystemdField?
    public var engine: EngineField?
}
