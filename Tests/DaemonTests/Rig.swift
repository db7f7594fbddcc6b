import CgroupFS
import Daemon
import Metering
import Store
import TestSupport
import Units

/// A folder that stands for a cgroup tree, a store beside it, and a clock that is the test's own.
struct Rig {
    let folder: TemporaryFolder
    let store: Store
    let clock = RigClock()

    var now: Instant { clock.look().wall }
    var month: Period { Period(monthOf: now) }

    init() throws {
        folder = try TemporaryFolder(inMemory: true)
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        _ = try store.keepDaySums(in: .utc)
        try folder.write("", to: "tree/cgroup.procs")
    }

    func set(_ path: String, cpu: Int) throws {
        try folder.write("usage_usec \(cpu)\n", to: "tree/\(path)/cpu.stat")
        try folder.write("1\n", to: "tree/\(path)/cgroup.procs")
    }

    func kernel() throws -> LiveKernel {
        try LiveKernel(root: CgroupRoot(opening: "\(folder.path)/tree"), clock: clock.look)
    }

    func collector() throws -> Collector<LiveKernel> {
        try Collector(source: kernel(), store: store, intervalMilliseconds: 1000, in: .utc)
    }

    /// CPU metered so far, by container.
    func metered() throws -> [String: Int128] {
        try store.usage(over: month, by: .container).reduce(into: [:]) {
            if $1.meter == .cpu { $0[$1.container ?? "", default: 0] += $1.quantity }
        }
    }
}

/// A clock that a test sets; it begins in the middle of an hour.
final class RigClock {
    private var milliseconds: Int64 = 1_795_446_000_000 + 1_800_000
    /// How far it goes on at each look, in ms.
    var step: Int64 = 1

    func look() -> Moment {
        milliseconds += step
        return Moment(
            wall: Instant(milliseconds: milliseconds), bootMicroseconds: milliseconds * 1000)
    }

    func advance(milliseconds more: Int64) { milliseconds += more }
}
