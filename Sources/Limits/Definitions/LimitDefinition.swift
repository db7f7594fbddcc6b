import CgroupFormat
import Units

/// Everything that differs from limit to limit.
///
/// It holds the names, the values, and what the owners of cgroups call the limit. A new limit is a
/// case of `LimitKey`, a definition in a file beside this one, and its tests.
public struct LimitDefinition: Sendable {
    /// How a limit acts on what a cgroup uses.
    public enum Effect: Hashable, Sendable {
        /// It is an upper bound. The tightest one of a cgroup and those above it takes effect.
        case caps
        /// It sets a share against siblings that want the same resource.
        case weighs
        /// It protects memory. No more is protected than the least of a cgroup and those above it.
        case protects
        /// It stops all processes.
        case stops
    }

    /// Where the kernel counts that a limit took effect.
    public enum HitCounter: Sendable {
        /// A key of a file with the throttled time, in µs.
        case throttled(file: String, key: StaticString)
        /// A key of a file that counts events, and the words for a count, such as `hit 3 times`.
        case events(file: String, key: StaticString, words: @Sendable (Int64) -> String)
        /// A pressure file (PSI) with the time in which some task waited for a resource, in µs.
        case waited(file: String, what: String)
    }

    /// The property of systemd that holds the limit (systemd.resource-control(5)).
    public enum SystemdField: Hashable, Sendable {
        /// `CPUQuotaPerSecUSec` and `CPUQuotaPeriodUSec`.
        case cpuQuota
        /// A property that holds a weight from 1 to 10000.
        case weight(String)
        /// A property that holds bytes or a number of tasks; some of them refuse 0.
        case bytes(String, refusesZero: Bool)
        /// A property that holds a bit mask of CPUs.
        case cpus(String)
        /// The properties for bytes and operations a second of each device.
        case devices
    }

    /// The field of a container engine's interface, for limits that engines keep over a restart.
    ///
    /// `docker` is the field of Docker's API, `oci` the path of the field in the OCI runtime
    /// specification, which Podman takes.
    public enum EngineField: Hashable, Sendable {
        /// The quota and period of CPU time.
        case cpuQuota
        /// The memory limit.
        case memory
        /// A field that holds a number.
        case count(docker: String, oci: [String])
        /// A field that holds bytes.
        case bytes(docker: String, oci: [String])
        /// A field that holds a list of CPUs.
        case cpus(docker: String, oci: [String])
    }

    /// The kernel file, such as `memory.max`.
    public var file: String
    /// The name on the command line.
    ///
    /// Every limit but the freezer may be called by its file's name as well.
    public var word: String
    /// The value's unit: `core`, `byte`, `process` or `weight`; `nil` if it is no single number.
    public var unit: String?
    /// The value of a new cgroup.
    public var initial: LimitValue
    /// How the limit acts.
    public var effect: Effect
    /// Reads the kernel's text without its newline; `nil` for a text that the kernel never writes.
    var parse: @Sendable (String) -> LimitValue?
    /// Reads what a person asks for; `nil` for a text that is no value, or a value out of range.
    var read: @Sendable (String) -> LimitValue?
    /// What `read` takes, in words for an error message.
    var expected: String
    /// The effect of the limit in words; `nil` where it depends on what is used now.
    var remark: String?
    /// Where the kernel counts that the limit took effect; `nil` if it does not.
    public var hits: HitCounter?
    /// The property of systemd; `nil` if systemd cannot hold the limit.
    public var systemd: SystemdField?
    /// The field of container engines; `nil` if they cannot hold the limit.
    public var engine: EngineField?
}
