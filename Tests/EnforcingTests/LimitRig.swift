import CgroupFS
import CgroupFormat
import Enforcing
import Foundation
import Limits
import Metering
import Runtimes
import Store
import Synchronization
import TestSupport
import Units

/// A plain folder with the files of cgroups, a store, and clocks that a test moves.
final class LimitRig {
    let folder: TemporaryFolder
    let store: Store
    let tree: LimitedTree
    let changer: LimitChanger
    let time: Time

    /// The wall clock, and one that only goes on, in ms.
    final class Time: Sendable {
        private let value = Mutex<Int64>(1_800_000_000_000)
        var milliseconds: Int64 { value.withLock { $0 } }
        func pass(_ milliseconds: Int64) { value.withLock { $0 += milliseconds } }
    }

    static let files = [
        "cpu.max": "max 100000", "cpu.weight": "100", "memory.high": "max", "memory.max": "max",
        "memory.swap.max": "max", "memory.low": "0", "memory.min": "0", "cpuset.cpus": "",
        "pids.max": "max", "io.max": "", "io.weight": "default 100",
        "cgroup.freeze": "0", "memory.current": "4096", "pids.current": "3",
        "memory.stat": "anon 0\nfile 4096\nkernel 0\nsock 0\nshmem 0\ninactive_file 4096",
    ]

    init(cgroups: [String], tenants: [Tenant] = [], bus: ((String) -> FakeBus)? = nil) throws {
        let folder = try TemporaryFolder(inMemory: true)
        let time = Time()
        for cgroup in cgroups {
            for (name, text) in Self.files {
                try folder.write(text + "\n", to: "tree\(cgroup)/\(name)")
            }
        }
        try folder.write("", to: "units/none")
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        try store.adoptTenants(tenants, at: Instant(milliseconds: time.milliseconds))
        let address = bus?(folder.path).address
        let owners = Owners(
            isHost: address != nil, address: address, units: "\(folder.path)/units",
            sockets: RuntimeSockets(docker: [], podman: []))
        let tree = LimitedTree(
            root: try CgroupRoot(opening: "\(folder.path)/tree"), owners: owners)
        changer = LimitChanger(tree: tree, store: store, boot: "boot") {
            Instant(milliseconds: time.milliseconds)
        }
        (self.folder, self.store, self.tree, self.time) = (folder, store, tree, time)
    }

    func enforcer(_ budgets: BudgetKeeper? = nil) -> Enforcer {
        Enforcer(changer: changer, store: store, budgets: budgets) { [time] in time.milliseconds }
    }

    func read(_ cgroup: String, _ file: String) throws -> String {
        try String(contentsOfFile: "\(folder.path)/tree\(cgroup)/\(file)", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }

    func write(_ text: String, _ cgroup: String, _ file: String) throws {
        try folder.write(text, to: "tree\(cgroup)/\(file)")
    }

    func plan(_ target: String, _ words: String...) throws -> [PlannedWrite] {
        let targets = try LimitTargets(tree, store)
        let specs = try words.map { try LimitSpec(parsing: $0) }
        return try changer.plan(specs, for: targets.find(target), targets).writes
    }

    @discardableResult
    func set(_ target: String, _ words: String..., isForced: Bool = false) throws -> LimitChangeSet
    {
        let targets = try LimitTargets(tree, store)
        let specs = try words.map { try LimitSpec(parsing: $0) }
        return try changer.withExclusiveLock { () throws(Fault) in
            try changer.set(
                changer.plan(specs, for: targets.find(target), targets, isForced: isForced), .set,
                targets, reason: nil, isForced: isForced)
        }
    }

    @discardableResult
    func undo(_ change: Int64, isForced: Bool = false) throws -> LimitChangeSet {
        let targets = try LimitTargets(tree, store)
        guard let set = try store.limitChangeSet(change) else { throw CancellationError() }
        return try changer.withExclusiveLock { () throws(Fault) in
            try changer.undo(set, targets, reason: nil, isForced: isForced)
        }
    }

    @discardableResult
    func boost(_ target: String, _ words: String..., forMilliseconds: Int64) throws
        -> LimitChangeSet
    {
        let targets = try LimitTargets(tree, store)
        let specs = try words.map { try LimitSpec(parsing: $0) }
        return try changer.withExclusiveLock { () throws(Fault) in
            try changer.boost(
                changer.plan(specs, for: targets.find(target), targets), targets,
                forMilliseconds: forMilliseconds, reason: nil
            ).set
        }
    }

    var state: LimitState {
        get throws { try store.limitState(in: tree.path, boot: "boot") }
    }

    /// The value of every limit, by path: what a test compares.
    func snapshot(_ cgroups: [String]) throws -> [String] {
        let keys = LimitKey.plain + [.ioMax(DeviceNumber(major: 8, minor: 0))]
        return try cgroups.flatMap { path in
            let cgroup = try tree.require(path)
            return try keys.map { "\(path) \($0) \(try tree.value(of: $0, at: cgroup))" }
        }
    }
}

/// A tenant with one root.
func tenant(_ id: String, root: String) -> Tenant {
    Tenant(
        id: id, name: id, priceBook: nil, invoiceTo: InvoiceAddress(), match: [.root(root)])
}
