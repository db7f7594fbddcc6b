import Units

/// The steps that are taken one after another as a tenant's budget is spent, each one harsher.
///
/// `next` says how steps are taken and left.
public struct Ladder: Hashable, Sendable, Codable {
    /// The id by which budgets refer to the ladder.
    public var id: String
    /// The least time between a change, up or down, and the next step up, in ms.
    public var dwellMilliseconds: Int64
    /// How long a threshold must have been passed before its step is taken, in ms.
    ///
    /// Warnings do not wait.
    public var graceMilliseconds: Int64
    /// A step is left when spending is below this percentage of its threshold.
    ///
    /// The gap keeps a tenant at the threshold from being tightened and released in turns.
    public var leaveBelow: Int64
    /// The largest number of tenants that are tightened in one tick.
    ///
    /// It limits the damage of a wrong price or budget: not all tenants are frozen at once.
    public var maxTenantsPerTick: Int
    /// The steps; a step's threshold is never below that of the step before.
    public var steps: [Step]

    /// Creates a ladder; the defaults are 5 min of dwell and 10 min of grace.
    public init(
        id: String, dwellMilliseconds: Int64 = 300_000, graceMilliseconds: Int64 = 600_000,
        leaveBelow: Int64 = 95, maxTenantsPerTick: Int = 3, steps: [Step]
    ) {
        (self.id, self.dwellMilliseconds) = (id, dwellMilliseconds)
        (self.graceMilliseconds, self.leaveBelow) = (graceMilliseconds, leaveBelow)
        (self.maxTenantsPerTick, self.steps) = (maxTenantsPerTick, steps)
    }

    /// One step: a threshold, and what happens when it is passed.
    public struct Step: Hashable, Sendable {
        /// The threshold: the part of the budget that is spent, in whole percent from 1 to 1000.
        public var at: Int64
        /// What the step does.
        public var action: Action
        /// How long the threshold must have been passed, in ms, if that is longer than the grace.
        public var afterMilliseconds: Int64?

        public init(at: Int64, _ action: Action, afterMilliseconds: Int64? = nil) {
            (self.at, self.action, self.afterMilliseconds) = (at, action, afterMilliseconds)
        }
    }

    /// What a step does to a tenant.
    public enum Action: Hashable, Sendable {
        /// Only warns.
        ///
        /// It is also taken when the forecast reaches the whole budget.
        case warn
        /// Lowers `cpu.weight` and `io.weight` to a value from 1 to 10000.
        case weight(Int64)
        /// Caps the CPU at a fixed number of cores, or paced so that the money lasts.
        ///
        /// `cores` is the cap, or the largest value of a paced cap. `floor` is the smallest value.
        case cpuCap(cores: Rational?, isPaced: Bool, floor: Rational)
        /// Sets `memory.high` to the memory that is in use.
        case memoryHigh
        /// Limits each device with these fields of `io.max`, such as `wbps=10M,riops=200`.
        case ioMax(String)
        /// Sets `pids.max` to the number of processes that run, so that no new ones start.
        case noForks
        /// Stops all processes; their memory stays.
        case freeze
    }

    /// How long a step's threshold must have been passed, in ms; a warning comes at once.
    func wait(before step: Step) -> Int64 {
        max(step.action == .warn ? 0 : graceMilliseconds, step.afterMilliseconds ?? 0)
    }
}

extension Ladder.Action: CustomStringConvertible {
    /// The action's word in `budgets.yaml`.
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

    /// The action in words: `weight 20`, `cpu_cap 2 paced, floor 1/2`, `freeze`.
    public var description: String {
        switch self {
        case .weight(let weight): "\(word) \(weight)"
        case .cpuCap(let cores, let isPaced, let floor):
            word + (cores.map { " \($0)" } ?? "") + (isPaced ? " paced, floor \(floor)" : "")
        case .ioMax(let fields): "\(word) \(fields)"
        case .warn, .memoryHigh, .noForks, .freeze: word
        }
    }

    /// Whether the action caps the CPU, at a fixed value or paced.
    var isCPUCap: Bool {
        if case .cpuCap = self { true } else { false }
    }
}
