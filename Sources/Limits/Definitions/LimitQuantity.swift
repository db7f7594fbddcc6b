import CgroupFormat
import Units

/// Limits and usage as numbers, for programs that do not read the kernel's text.
extension LimitValue {
    /// The value in the limit's unit; `nil` for `max`, and for a value that is no single number.
    public var quantity: Rational? {
        switch self {
        case .cpu(let cpu): cpu.cores
        case .number(.at(let number)): Rational(number)
        case .weight(let weight): Rational(weight)
        case .number(.max), .io, .frozen, .cpus: nil
        }
    }
}

extension PlannedWrite {
    /// What is used of the limit now, in its unit; `nil` where that is not known.
    public func used(_ now: Circumstances) -> Rational? {
        switch key {
        case .cpuMax: now.cores
        case .memoryHigh, .memoryMax: now.memory.map { Rational($0) }
        case .pidsMax: now.processes.map { Rational($0) }
        case .memorySwapMax, .memoryLow, .memoryMin, .cpuWeight, .cpusetCpus, .ioWeight, .ioMax,
            .freeze:
            nil
        }
    }

    /// The part of the CPU time used now that a cap would throttle, in whole percent rounded down.
    ///
    /// Example: 2 cores are used and 1.5 allowed: 25 %.
    public func throttled(_ now: Circumstances) -> Int128? {
        guard key == .cpuMax, let cores = wanted.quantity, let used = now.cores, used > .zero
        else { return nil }
        guard used > cores else { return 0 }
        return Int128(((used - cores) * Rational(100) / used).floor.description)
    }

    /// How much of the memory in use the kernel can take back without swap, in bytes.
    public func reclaimable(_ now: Circumstances) -> Int64? {
        guard key == .memoryHigh || key == .memoryMax, let used = now.memory,
            let fixed = now.unreclaimable
        else { return nil }
        return fixed < used ? used - max(fixed, 0) : 0
    }
}
