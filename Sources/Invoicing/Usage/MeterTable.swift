import Metering

/// The meters of a store by the number of their row, as sums need them.
public struct MeterTable: Sendable {
    /// By row: the name as invoices show it; empty where there is no such row.
    public let names: [String]
    /// By row: the formula of a memory meter.
    public let formulas: [MemoryFormula?]
    /// The row of each meter, by the ledger's name of it.
    public let ids: [String: Int64]

    public init(names: [String], formulas: [MemoryFormula?], ids: [String: Int64]) {
        (self.names, self.formulas, self.ids) = (names, formulas, ids)
    }
}
