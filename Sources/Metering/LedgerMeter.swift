import Units

/// What one ledger row counts: a meter, with memory kept apart by formula.
///
/// The price book's formula decides which memory row a tenant pays, so all three are kept.
public enum LedgerMeter: Hashable, Sendable {
    case meter(Meter)
    case memory(MemoryFormula)

    /// The name in the store: the meter's, or `memory_` and the formula.
    public var name: String {
        switch self {
        case .meter(let meter): meter.name
        case .memory(let formula): "memory_\(formula.rawValue)"
        }
    }

    /// A name that no meter of a price book or an import may have.
    public struct WrongName: Error {
        /// What to do about it.
        public let suggestion: String
    }

    /// The meter that has a name in price books and imports.
    ///
    /// The ledger keeps names of its own for memory by formula: these are refused.
    public static func meter(named name: String) throws(WrongName) -> Meter {
        guard let meter = Meter(name) else {
            throw WrongName(
                suggestion: "Write a meter's name: a-z, 0-9 and _, 63 characters at most")
        }
        guard let formula = MemoryFormula.allCases.first(where: { memory($0).name == name }) else {
            return meter
        }
        throw WrongName(
            suggestion:
                "That name is reserved for the ledger. Write memory: the price book says what it counts "
                + "(memory: \(formula.rawValue)); or give a meter of your own another name")
    }

    /// The kernel files that it is metered from, as absences name them; the first holds its counter.
    public var files: [String] {
        switch self {
        case .memory(.current): ["memory.current"]
        case .memory(.workingSet): ["memory.stat", Self.inactiveFile, "memory.current"]
        case .memory(.unreclaimable): ["memory.stat", Self.unreclaimable]
        case .meter(.cpu): ["cpu.stat"]
        case .meter(.netRxBytes), .meter(.netTxBytes): ["net/dev"]
        case .meter(.cpuReserved): ["cpu.max"]
        case .meter(.memoryReserved): ["memory.max"]
        case .meter: ["io.stat"]
        }
    }

    /// Files of counters, which go on while nobody reads them.
    public static let counterFiles = ["cpu.stat", "io.stat", "net/dev"]
    /// Files of what holds at one moment: time in which they are not read is not measured.
    public static let gaugeFiles = [
        "memory.current", "memory.stat", inactiveFile, unreclaimable, "cpu.max", "memory.max",
    ]
    /// The key of memory.stat that the working set needs, and no other formula.
    public static let inactiveFile = "memory.stat inactive_file"
    /// The keys of memory.stat that the formula `unreclaimable` needs, and no other.
    public static let unreclaimable = "memory.stat unreclaimable"
}
