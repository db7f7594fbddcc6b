import CgroupFS
import Daemon
import Metering
import Store
import TestSupport
import Units

/// A folder that stands for a cgroup tree, and a store beside it.
struct Rig {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        try folder.write("", to: "tree/cgroup.procs")
    }

    func set(_ path: String, cpu: Int) throws {
        try folder.write("usage_usec \(cpu)\n", to: "tree/\(path)/cpu.stat")
        try folder.write("1\n", to: "tree/\(path)/cgroup.procs")
    }

    func kernel() throws -> LiveKernel {
        try LiveKernel(root: CgroupRoot(opening: "\(folder.path)/tree"))
    }

    func collector() throws -> Collector<LiveKernel> {
        try Collector(source: kernel(), store: store, intervalMilliseconds: 1000)
    }

    /// CPU metered so far, by container.
    func metered() throws -> [String: Int128] {
        let month = Period(monthOf: Host.wallTime())
        return try store.usage(over: month, by: .container).reduce(into: [:]) {
            if $1.meter == .cpu { $0[$1.container ?? "", default: 0] += $1.quantity }
        }
    }
}
