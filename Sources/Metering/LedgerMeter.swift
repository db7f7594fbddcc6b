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

    /// Whether a custom meter may not bear this name, as the ledger uses it.
    public static func isReserved(_ name: String) -> Bool {
        MemoryFormula.allCases.contains { LedgerMeter.memory($0).name == name }
    }
}
