import Metering
import Units

/// A kernel file that prices need.
public struct PricedFile: Hashable, Sendable, Codable {
    /// As absences name it, such as `memory.stat`.
    public var file: String
    /// The meters that are not measured where it cannot be read: names, with commas between them.
    public var meters: String
    /// Whether it holds counters, which go on while nobody reads them.
    public var isCounted: Bool

    private enum CodingKeys: String, CodingKey {
        case file
        case meters
        case isCounted = "is_counted"
    }
}

extension PriceBook {
    /// The kernel files of a container that its prices need, and last what they need of the whole cgroup.
    public var pricedFiles: [PricedFile] {
        let counted = LedgerMeter.counterFiles.compactMap { priced($0, [$0], true) }
        let held = LedgerMeter.gaugeFiles.compactMap { priced($0, [$0], false) }
        let whole = [
            priced(Absence.wholeCgroup, LedgerMeter.counterFiles, true),
            priced(Absence.wholeCgroup, LedgerMeter.gaugeFiles, false),
        ]
        return counted + held + whole.compactMap(\.self)
    }

    private func priced(_ name: String, _ files: [String], _ isCounted: Bool) -> PricedFile? {
        let names = meters.keys.sorted().filter { meter in
            ledgerMeters(meter).contains { $0.files.contains(where: files.contains) }
        }
        guard !names.isEmpty else { return nil }
        return PricedFile(
            file: name, meters: names.joined(separator: ", "), isCounted: isCounted)
    }

    /// What the price of a meter is multiplied with; nothing for a custom meter.
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
