import CgroupFS
import CgroupFormat
import Metering
import TestSupport
import Units

/// A made-up host whose every reading depends on the number of the tick alone: after a crash it goes on
/// as if there had been none.
public final class Rehearsal {
    public let kernel = FakeKernel()
    private let seconds: Int64

    /// - Parameter seconds: between ticks.
    public init(seconds: Int64 = 600) {
        self.seconds = seconds
        kernel.host = HostCapacity(cpus: 2, memory: 1 << 30)
        kernel.cgroups = [
            FakeKernel.Cgroup("/t", id: 2, role: .tenantRoot),
            FakeKernel.Cgroup("/t/a", id: 3, root: 2), FakeKernel.Cgroup("/t/b", id: 4, root: 2),
            FakeKernel.Cgroup("/web", id: 5), FakeKernel.Cgroup("/idle", id: 6),
        ]
        set(tick: 0)
    }

    /// The tenants: one with a root, one with a path.
    public static let tenants = [
        Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.root("/t")]),
        Tenant(
            id: "lab", name: "lab", priceBook: nil, invoiceTo: InvoiceAddress(),
            match: [.cgroup("/web*")]),
    ]

    /// Lets time and counters be those of a tick.
    public func set(tick: Int64) {
        kernel.seconds = tick * seconds
        let (a, b) = (counter(1, tick), counter(2, tick))
        let cpu = ["/t": a + b, "/t/a": a, "/t/b": b, "/web": counter(3, tick), "/idle": 7]
        for index in kernel.cgroups.indices {
            let cpu = cpu[kernel.cgroups[index].found.path] ?? 0
            var random = SeededRandom(seed: UInt64(tick) * 8 + UInt64(index))
            // One container uses two disks.
            let isOnTwo = kernel.cgroups[index].found.path == "/web"
            let memory = 4096 * Int64.random(in: 1...999, using: &random)
            kernel.cgroups[index].texts = [
                .cpuStat: "usage_usec \(cpu)\nuser_usec \(cpu / 3)\nsystem_usec \(cpu - cpu / 3)\n",
                .memoryCurrent: "\(memory)\n",
                .memoryStat:
                    "anon \(memory / 2)\nfile 0\nkernel 0\nsock 0\nshmem 0\ninactive_file 0\n",
                .ioStat: "8:0 rbytes=\(cpu) wbytes=\(cpu / 2) rios=3 wios=\(cpu / 4096)\n"
                    + (isOnTwo ? "8:16 rbytes=\(cpu / 7) wbytes=0 rios=1 wios=0\n" : ""),
            ]
        }
    }

    /// A counter that grows from tick to tick, unevenly.
    private func counter(_ which: UInt64, _ tick: Int64) -> Int64 {
        var random = SeededRandom(seed: which << 32 + UInt64(tick))
        return tick * 90_000_000 + Int64.random(in: 0...80_000_000, using: &random)
    }
}
