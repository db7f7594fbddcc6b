import Units

/// What one row of the ledger counts: a meter, or memory by one of its formulas.
///
/// All three formulas are kept, because the price book decides later which one a tenant pays.
public enum LedgerMeter: Hashable, Sendable {
    /// Any meter but memory.
    case meter(Meter)
    /// Memory by one formula.
    case memory(MemoryFormula)

    /// The name in the store: that of the meter, or `memory_` and the formula.
    public var name: String {
        switch self {
        case .meter(let meter): meter.name
        case .memory(let formula): "memory_\(formula.rawValue)"
        }
    }

    /// The error for a name that no meter in a price book or an import may have.
    public struct WrongName: Error {
        /// What the user can do about it.
        public let suggestion: String
    }

    /// The meter with a name that a price book or an import contains.
    ///
    /// - Throws: `WrongName` if the name has the wrong form, or is one that only the ledger uses,
    ///   such as `memory_current`.
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

    /// Names an absence of the key `inactive_file`, which only the formula `working_set` needs.
    public static let inactiveFile = "memory.stat inactive_file"
    /// Names an absence of keys of memory.stat that only the formula `unreclaimable` needs.
    public static let unreclaimable = "memory.stat unreclaimable"
}
