import CgroupFormat
import Units

/// What the limits of a cgroup grant.
///
/// `nil` means that there is no limit, or that it could not be read; the flags tell which.
public struct Reservation: Hashable, Sendable {
    /// Billionths of a core.
    public var cpu: Int64?
    /// Bytes.
    public var memory: Int64?
    /// Whether a CPU limit exists and could not be read.
    ///
    /// What it grants is then not measured, which is not the same as no limit.
    public var isCPUUnknown = false
    /// The same for the memory limit.
    public var isMemoryUnknown = false

    /// The most that is believed: a million cores and 1 PiB, which is more than any host has.
    private static let most: (cpu: Int64, memory: Int64) = (1_000_000_000_000_000, 1 << 50)

    /// Makes a value in which everything is known.
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

    /// The tighter of this reservation and that of an ancestor.
    ///
    /// It is unknown if either of them is.
    public func within(_ ancestor: Reservation) -> Reservation {
        var both = Reservation()
        both.isCPUUnknown = isCPUUnknown || ancestor.isCPUUnknown
        both.isMemoryUnknown = isMemoryUnknown || ancestor.isMemoryUnknown
        if !both.isCPUUnknown { both.cpu = lower(cpu, ancestor.cpu) }
        if !both.isMemoryUnknown { both.memory = lower(memory, ancestor.memory) }
        return both
    }

    /// The smaller of two limits; `nil` if neither is set.
    private func lower(_ a: Int64?, _ b: Int64?) -> Int64? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }
}

/// A limit that several containers share, and what they leave of it.
///
/// A limit is granted once, however many containers are below it. Example: a limit of 2 cores above
/// containers that may use 1, 1 and 2 cores. Together they would reserve 4, so each gets half of
/// that: 0.5, 0.5 and 1.
public struct SharedLimit: Hashable, Sendable {
    /// What each container reserves, in order.
    public var shares: [Int64?]
    /// What no container reserves.
    public var left: Int64

    /// Reduces reservations in proportion if they exceed the limit above them.
    ///
    /// - Parameters:
    ///   - limit: in the unit of the reservations.
    ///   - reserved: what each container may use by itself; `nil` if it reserves nothing.
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
