import CgroupFormat
import Units

/// One write of a plan: a kernel file, the value in it and the value to come.
public struct LimitWrite: Hashable, Sendable {
    public var key: LimitKey
    /// The text of the file now.
    public var before: String
    public var wanted: String

    public init(key: LimitKey, before: String, wanted: String) {
        (self.key, self.before, self.wanted) = (key, before, wanted)
    }

    /// Whether the kernel already has it, so that nothing need be written.
    public var isInForce: Bool { key.isSame(before, wanted) }
}

extension LimitKey {
    /// Whether two texts of this file say the same; memory values are compared by whole pages,
    /// as the kernel rounds them down.
    public func isSame(_ a: String, _ b: String) -> Bool {
        switch self {
        case .cpuMax:
            guard let x = try? CPUMax(parsing: a), let y = try? CPUMax(parsing: b) else {
                return false
            }
            return x == y || (x.quota == .max && y.quota == .max)
        case .memoryHigh, .memoryMax:
            guard let x = Limit(a), let y = Limit(b) else { return false }
            if case .at(let m) = x, case .at(let n) = y { return m / 4096 == n / 4096 }
            return x == y
        case .cpuWeight, .pidsMax:
            return a == b
        }
    }
}

/// Refuses a memory limit that would have the kernel kill what already runs.
///
/// - Parameter current: `memory.current` of the cgroup, in bytes; `nil` if it is not known.
public func refuseKill(_ write: LimitWrite, current: Int64?, at place: String) throws(Fault) {
    guard write.key == .memoryMax, case .at(let bytes) = Limit(write.wanted), let current,
        bytes < current
    else { return }
    throw Fault(
        .failed, at: "\(place)/\(write.key)",
        found: "\(current) bytes are in use, more than the wanted \(bytes): the kernel would "
            + "reclaim, then kill",
        cure: "Set memory.high first and wait until usage is below, or add --force")
}
