import CgroupFormat
import Units

/// The meters of memory that is held, from `memory.current` and `memory.stat`.
///
/// The ledger has a row for each formula, because the price book decides later which one is billed.
enum MemoryMeter {
    /// Memory by the formula `current`.
    static let current = gauge(0, .current, ["memory.current"])
    /// Memory by the formula `working_set`.
    static let workingSet = gauge(
        1, .workingSet, ["memory.stat", LedgerMeter.inactiveFile, "memory.current"])
    /// Memory by the formula `unreclaimable`.
    static let unreclaimable = gauge(
        2, .unreclaimable, ["memory.stat", LedgerMeter.unreclaimable])

    /// All three.
    static let all = [
        HostMeter(current, .byteTime, .compute, columns: ["memory_bytes"]),
        HostMeter(
            workingSet, .byteTime, .compute, columns: ["memory_bytes", "inactive_file_bytes"]),
        HostMeter(
            unreclaimable, .byteTime, .compute,
            columns: ["anon_bytes", "shmem_bytes", "kernel_bytes", "sock_bytes"]),
    ]

    /// The gauge of one formula.
    private static func gauge(_ code: Int, _ formula: MemoryFormula, _ files: [String]) -> Gauge {
        .bytesHeld(code, .memory(formula), files: files, formula.bytes(of:))
    }
}

extension Gauge {
    /// The gauge of memory by a formula.
    public static func memory(_ formula: MemoryFormula) -> Gauge {
        switch formula {
        case .current: MemoryMeter.current
        case .workingSet: MemoryMeter.workingSet
        case .unreclaimable: MemoryMeter.unreclaimable
        }
    }
}

/// How memory is counted.
///
/// All formulas are metered, and the price book chooses the one that is billed.
public enum MemoryFormula: String, Sendable, CaseIterable, Codable {
    /// `memory.current`: all memory in use, page cache included.
    case current
    /// `memory.current` − `inactive_file`, which Kubernetes calls the working set.
    case workingSet = "working_set"
    /// `anon` + `shmem` + `kernel` + `sock`: what the kernel cannot free without swap.
    ///
    /// `anon` and `shmem` are both needed, as they do not overlap in memory.stat.
    case unreclaimable

    /// The bytes in use by this formula; `nil` if a part of it was not measured.
    public func bytes(of sample: Sample) -> Int64? {
        switch self {
        case .current:
            return sample.memoryCurrent
        case .workingSet:
            guard let current = sample.memoryCurrent, let cache = sample.memory?.inactiveFile else {
                return nil
            }
            // memory.stat may lag behind memory.current, so the cache may seem larger than all
            // memory.
            return max(0, current - cache)
        case .unreclaimable:
            return sample.memory?.unreclaimable
        }
    }
}
