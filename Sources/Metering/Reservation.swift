import CgroupFormat
import Units

/// What limits grant: `nil` where there is none.
public struct Reservation: Hashable, Sendable {
    /// Billionths of a core.
    public var cpu: Int64?
    /// Bytes.
    public var memory: Int64?

    public init(cpu: Int64? = nil, memory: Int64? = nil) { (self.cpu, self.memory) = (cpu, memory) }

    /// What a cgroup's own `cpu.max` and `memory.max` grant.
    public init(of sample: Sample) {
        if let max = sample.cpuMax, case .at(let quota) = max.quota {
            let (scaled, over) = quota.multipliedReportingOverflow(by: 1_000_000_000)
            cpu = over ? nil : scaled / max.period
        }
        if case .at(let bytes) = sample.memoryMax { memory = bytes }
    }

    /// The lower of two, where one is the other's ancestor.
    public func within(_ ancestor: Reservation) -> Reservation {
        Reservation(cpu: lower(cpu, ancestor.cpu), memory: lower(memory, ancestor.memory))
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
        let parts = proportionally(Int128(limit), weights)
        shares = zip(reserved, parts).map { $0 == nil ? nil : Int64($1) }
        left = 0
    }
}
