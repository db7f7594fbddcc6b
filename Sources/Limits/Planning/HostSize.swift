import CgroupFormat
import Units

/// How much a host has of what limits cap; `nil` is not known.
public struct HostSize: Hashable, Sendable {
    /// The number of CPUs that are online.
    public var cores: Int64?
    /// The memory in bytes.
    public var memory: Int64?
    /// Whether there is swap space.
    public var hasSwap: Bool?
    /// The largest number of processes and threads that the kernel allows (`kernel.pid_max`).
    public var processes: Int64?

    public init(
        cores: Int64? = nil, memory: Int64? = nil, hasSwap: Bool? = nil, processes: Int64? = nil
    ) {
        (self.cores, self.memory) = (cores, memory)
        (self.hasSwap, self.processes) = (hasSwap, processes)
    }
}

extension HostSize {
    /// Whether a text of `/proc/swaps` lists any swap space.
    ///
    /// Its first line is a heading; each further line is a swap space (proc(5)).
    public static func hasSwap(_ swaps: String) -> Bool { swaps.split(separator: "\n").count > 1 }
}

extension LimitSetting {
    /// Why a limit can have no effect on a host, in words; `nil` if it can have one.
    ///
    /// Example: `cpu=64` on a host with 16 cores limits nothing.
    public func vain(on host: HostSize) -> String? {
        switch (key, value) {
        case (.cpuMax, .cpu(let cpu)):
            guard let cores = cpu.cores, let most = host.cores, cores > Rational(most) else {
                return nil
            }
            return "\(plain(cores)) cores are more than the \(most) cores of this host: it limits "
                + "nothing"
        case (.memoryMax, .number(.at(let bytes))), (.memoryHigh, .number(.at(let bytes))):
            guard let most = host.memory, bytes > most else { return nil }
            return
                "\(mebibytes(bytes)) are more than the \(mebibytes(most)) of this host: it limits "
                + "nothing"
        case (.memoryLow, .number(.at(let bytes))), (.memoryMin, .number(.at(let bytes))):
            guard let most = host.memory, bytes > most else { return nil }
            return
                "\(mebibytes(bytes)) are more than the \(mebibytes(most)) of this host: nothing else is "
                + "left to reclaim"
        case (.cpusetCpus, .cpus(let list)):
            guard let most = host.cores, let last = list.ranges.last?.upperBound, last >= most
            else { return nil }
            return "CPU \(last) is not there: this host has CPUs 0 to \(most - 1)"
        case (.memorySwapMax, .number(.at)):
            return host.hasSwap == false ? "this host has no swap: it limits nothing" : nil
        case (.pidsMax, .number(.at(let count))):
            guard let most = host.processes, count > most else { return nil }
            return "\(count) processes are more than the \(most) of this host: it limits nothing"
        default: return nil
        }
    }
}

/// Why memory.high has no effect beside memory.max, in words; `nil` if it has.
///
/// The kernel reclaims and kills at memory.max, so memory in use never reaches a higher
/// memory.high.
public func idleHigh(_ high: LimitValue?, below max: LimitValue?) -> String? {
    guard case .number(.at(let high))? = high, case .number(.at(let max))? = max, high > max else {
        return nil
    }
    return
        "memory.high at \(mebibytes(high)) is above memory.max at \(mebibytes(max)): memory.high "
        + "never takes hold"
}

/// The number of cores as people write it: `50000`, `1.50`.
private func plain(_ cores: Rational) -> String {
    cores == Rational(cores.floor) ? cores.floor.description : short(cores)
}
