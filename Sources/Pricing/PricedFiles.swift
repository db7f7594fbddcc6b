import Metering
import Units

/// A kernel file that a price book needs, and the meters that are lost while it cannot be read.
///
/// The store joins these with absences to say which priced usage was not measured.
public struct PricedFile: Hashable, Sendable, Codable {
    /// The file as absences name it, such as `memory.stat`.
    public var file: String
    /// The names of the meters that are not measured without it, separated by `, `.
    public var meters: String
    /// Whether the file holds counters.
    ///
    /// A counter goes on while nobody reads it, so its next reading makes up for the gap. Time of a
    /// gauge is lost.
    public var isCounted: Bool

    private enum CodingKeys: String, CodingKey {
        case file
        case meters
        case isCounted = "is_counted"
    }
}

extension PriceBook {
    /// The kernel files of a container that the book's prices need.
    ///
    /// Counter files come first, then files of gauges. The last entries stand for the whole cgroup
    /// (`Absence.wholeCgroup`): what is lost if none of its files can be read.
    public var pricedFiles: [PricedFile] {
        let counted = LedgerMeter.counterFiles.compactMap { priced($0, [$0], true) }
        let held = LedgerMeter.gaugeFiles.compactMap { priced($0, [$0], false) }
        // A folder is measured whether or not any cgroup can be seen.
        let ofCgroup = LedgerMeter.gaugeFiles.filter { $0 != StorageReading.file }
        let whole = [
            priced(Absence.wholeCgroup, LedgerMeter.counterFiles, true),
            priced(Absence.wholeCgroup, ofCgroup, false),
        ]
        return counted + held + whole.compactMap(\.self)
    }

    /// An entry for some files; `nil` if no priced meter needs any of them.
    private func priced(_ name: String, _ files: [String], _ isCounted: Bool) -> PricedFile? {
        let names = meters.keys.sorted().filter { meter in
            ledgerMeters(meter).contains { $0.files.contains(where: files.contains) }
        }
        guard !names.isEmpty else { return nil }
        return PricedFile(
            file: name, meters: names.joined(separator: ", "), isCounted: isCounted)
    }

    /// The ledger's meters that the price of a meter is multiplied with; none for a custom meter.
    ///
    /// With `basis: max` a price needs two of them, usage and reservation.
    private func ledgerMeters(_ name: String) -> [LedgerMeter] {
        guard let meter = Meter(name), Meter.known.contains(meter), let price = meters[name] else {
            return []
        }
        switch (meter, price.basis) {
        case (.cpu, .reserved): return [.meter(.cpuReserved)]
        case (.cpu, .max): return [.meter(.cpu), .meter(.cpuReserved)]
        case (.memory, .used): return [.memory(memory)]
        case (.memory, .reserved): return [.meter(.memoryReserved)]
        case (.memory, .max): return [.memory(memory), .meter(.memoryReserved)]
        default: return [.meter(meter)]
        }
    }
}
