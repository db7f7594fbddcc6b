import CgroupFormat
import Units

/// What limits grant: `nil` where there is no limit, or where the limit could not be read.
public struct Reservation: Hashable, Sendable {
    /// Billionths of a core.
    public var cpu: Int64?
    /// Bytes.
    public var memory: Int64?
    /// Whether a limit is there that could not be read: what is granted is not measured, which is
    /// not "no limit".
    public var isCPUUnknown = false
    public var isMemoryUnknown = false

    /// A quota above a million cores, and memory above 1 PiB, is more than any host has.
    private static let most: (cpu: Int64, memory: Int64) = (1_000_000_000_000_000, 1 << 50)

    public init(cpu: Int64? = nil, memory: Int64? = nil) { (self.cpu, self.memory) = (cpu, memory) }

    /// What a cgroup's own `cpu.max` and `memory.max` grant.
    public init(of sample: Sample) {
        (isCPUUnknown, isMemoryUnknown) = (sample.isCPUMaxUnread, sample.isMemoryMaxUnread)
        if let max = sample.cpuMax, case .at = max.quota {
            cpu = max.nanocores.flatMap { $0 <= Self.most.cpu ? $0 : nil }
            if cpu == nil { isCPUUnknown = true }
        }
        if case .at(let bytes) = sample.memoryMax {
            if bytes <= Self.most.memory { memory = bytes } else { isMemoryUnknown = true }
        }
    }

    /// The lower of two, where one is the other's ancestor; not known if one is not.
    public func within(_ ancestor: Reservation) -> Reservation {
        var both = Reservation()
        both.isCPUUnknown = isCPUUnknown || ancestor.isCPUUnknown
        both.isMemoryUnknown = isMemoryUnknown || ancestor.isMemoryUnknown
        if !both.isCPUUnknown { both.cpu = lower(cpu, ancestor.cpu) }
        if !both.isMemoryUnknown { both.memory = lower(memory, ancestor.memory) }
        return both
    }

    private func lower(_ a: Int64?, _ b: Int64?) -> Int64? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }
}

/// A limit that several containers share, and what is left of it.
public struct SharedLimit: Hashable, Sendable {
    /// What each container reserves, in order.
    public var shares: [Int64?]
    /// What no container reserves.
    public var left: Int64

    /// Lets containers reserve no more together than the limit above them, in proportion to what
    /// each may use: a limit is granted once, however many share it.
    public init(_ limit: Int64, among reserved: [Int64?]) {
        let weights = reserved.map { Int128($0 ?? 0) }
        let sum = weights.reduce(0, +)
        guard sum > Int128(limit) else {
            shares = reserved
            left = limit - Int64(sum)
            return
        }
        let parts = apportion(Int128(limit), over: weights)
        shares = zip(reserved, parts).map { $0 == nil ? nil : Int64($1) }
        left = 0
    }
}
