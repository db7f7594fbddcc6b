import Units

/// What happens to a tenant as its budget is spent: steps, each harder than the one before.
///
/// How it is climbed and left is said at `next`.
public struct Ladder: Hashable, Sendable, Codable {
    public var id: String
    /// How long a change has to have stood before the next step is taken.
    public var dwellMilliseconds: Int64
    /// How long a threshold has to have been passed before its step is taken; not for warnings.
    public var graceMilliseconds: Int64
    /// A step is left below this percentage of its threshold.
    public var leaveBelow: Int64
    /// How many tenants may be put a step up in one tick.
    public var maxTenantsPerTick: Int
    /// Their thresholds never fall.
    public var steps: [Step]

    public init(
        id: String, dwellMilliseconds: Int64 = 300_000, graceMilliseconds: Int64 = 600_000,
        leaveBelow: Int64 = 95, maxTenantsPerTick: Int = 3, steps: [Step]
    ) {
        (self.id, self.dwellMilliseconds) = (id, dwellMilliseconds)
        (self.graceMilliseconds, self.leaveBelow) = (graceMilliseconds, leaveBelow)
        (self.maxTenantsPerTick, self.steps) = (maxTenantsPerTick, steps)
    }

    /// One step.
    public struct Step: Hashable, Sendable {
        /// Its threshold: how much of the budget is spent, in whole percent from 1 to 1000.
        public var at: Int64
        public var action: Action
        /// How long the threshold has to have been passed, if that is longer than the grace.
        public var afterMilliseconds: Int64?

        public init(at: Int64, _ action: Action, afterMilliseconds: Int64? = nil) {
            (self.at, self.action, self.afterMilliseconds) = (at, action, afterMilliseconds)
        }
    }

    /// What a step does.
    public enum Action: Hashable, Sendable {
        case warn
        /// `cpu.weight` and `io.weight`, from 1 to 10000.
        case weight(Int64)
        /// A bound on cores: fixed, or paced so that the money lasts until the period ends.
        ///
        /// `cores` is the cap, or the most that a paced one gives; `floor` the least it gives.
        case cpuCap(cores: Rational?, isPaced: Bool, floor: Rational)
        /// Memory stays at what is in use.
        case memoryHigh
        /// The fields of `io.max`, such as `wbps=10M,riops=200`, for each device.
        case ioMax(String)
        /// Processes stay as many as they are.
        case noForks
        case freeze
    }

    /// How long a step's threshold has to have been passed; a warning comes at once.
    func wait(before step: Step) -> Int64 {
        max(step.action == .warn ? 0 : graceMilliseconds, step.afterMilliseconds ?? 0)
    }
}

extension Ladder.Action: CustomStringConvertible {
    /// Its word in budgets.yaml.
    public var word: String {
        switch self {
        case .warn: "warn"
        case .weight: "weight"
        case .cpuCap: "cpu_cap"
        case .memoryHigh: "memory_high"
        case .ioMax: "io_max"
        case .noForks: "no_forks"
        case .freeze: "freeze"
        }
    }

    public var description: String {
        switch self {
        case .weight(let weight): "\(word) \(weight)"
        case .cpuCap(let cores, let isPaced, let floor):
            word + (cores.map { " \($0)" } ?? "") + (isPaced ? " paced, floor \(floor)" : "")
        case .ioMax(let fields): "\(word) \(fields)"
        case .warn, .memoryHigh, .noForks, .freeze: word
        }
    }

    var isCPUCap: Bool {
        if case .cpuCap = self { true } else { false }
    }
}
