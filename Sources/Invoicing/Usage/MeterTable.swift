import Metering

/// The meters of a store by row number, so that sums can use arrays instead of dictionaries.
public struct MeterTable: Sendable {
    /// The name that invoices show, by row number; empty where there is no such row.
    public let names: [String]
    /// The memory formula, by row number; `nil` for other meters.
    public let formulas: [MemoryFormula?]
    /// The row number of each meter, by the ledger's name of it (`memory_working_set`, `cpu`).
    public let ids: [String: Int64]

    public init(names: [String], formulas: [MemoryFormula?], ids: [String: Int64]) {
        (self.names, self.formulas, self.ids) = (names, formulas, ids)
    }
}
