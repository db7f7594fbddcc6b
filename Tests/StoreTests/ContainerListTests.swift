import CgroupFormat
import Metering
import TestSupport
import Testing
import Units

@testable import Store

/// Lists of containers: what lives, what has a name, and whose it is.
@Suite struct ContainerListTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    /// /b of no tenant, /a and the root /t of acme and a folder of lab live, and /z has ended.
    private func fill() throws -> (run: Run, rows: [String: Int64]) {
        try rig.adopt([
            "acme": [.cgroup("/a*"), .root("/t")], "lab": [.storage("/srv")],
        ])
        let run = try rig.begin()
        var root = StoreRig.entry("/t", 4)
        root.isTenantRoot = true
        var folder = StoreRig.entry("storage:/srv", -1, runtime: "storage")
        folder.sample = nil
        let entries = [
            StoreRig.entry("/b", 1, runtime: "docker"), StoreRig.entry("/a", 2, runtime: "docker"),
            StoreRig.entry("/z", 3), root, folder,
        ]
        let numbers = try rig.tick(entries, of: run)
        let rows = Dictionary(uniqueKeysWithValues: zip(entries.map(\.path), numbers))
        var ended = StoreRig.entry("/z", 3, row: rows["/z"], at: 10)
        ended.hasEnded = true
        let living = entries.dropLast().filter { $0.path != "/z" }.map { entry in
            var entry = entry
            entry.row = rows[entry.path]
            return entry
        }
        try rig.tick(living + [ended], of: run, at: 10)
        return (run, rows)
    }

    @Test func whatLivesIsListedByTenantAndPath() throws {
        let rows = try fill().rows
        let listed = try rig.store.containers(all: false)
        #expect(listed.map(\.path) == ["/a", "/t", "storage:/srv", "/b"])
        #expect(listed.map(\.tenant) == ["acme", "acme", "lab", "unattributed"])
        #expect(listed.map(\.isTenantRoot) == [false, true, false, false])
        #expect(listed.map(\.row) == listed.map { rows[$0.path] ?? -1 })
        #expect(listed.map(\.cgroupID) == [2, 4, -1, 1] && listed.allSatisfy { $0.bootID == "b" })
        let all = try rig.store.containers(all: true)
        #expect(all.map(\.path) == ["/a", "/t", "storage:/srv", "/b", "/z"])
        // What lives was seen at the last tick; what has ended when its end was seen.
        #expect(all.allSatisfy { $0.firstSeen == StoreRig.start })
        #expect(all.allSatisfy { $0.lastSeen == StoreRig.moment(10).wall })
        try rig.tick(
            [StoreRig.entry("/b", 1, row: rows["/b"], at: 50)], of: rig.begin(), at: 50)
        let seen = try rig.store.containers(all: true).map {
            $0.lastSeen.seconds - StoreRig.start.seconds
        }
        #expect(seen == [50, 50, 50, 50, 10])
        // Without a sample in the last tick it is not one of the list, but a folder is.
        #expect(try rig.store.containers(all: false).map(\.path) == ["storage:/srv", "/b"])
    }

    @Test func filesThatCannotBeReadAreNamed() throws {
        let (run, rows) = try fill()
        var entry = StoreRig.entry("/a", 2, row: rows["/a"], at: 20)
        entry.absenceChanges = [
            "io.stat": .began(Absence(.failed, detail: "Input/output error"), since: nil),
            "cpu.max": .began(Absence(.controllerOff, detail: "No such file"), since: nil),
        ]
        try rig.tick([entry], of: run, at: 20)
        func absent() throws -> [String]? {
            try rig.store.containers(all: false).first { $0.path == "/a" }?.absent.sorted()
        }
        #expect(
            try absent() == ["cpu.max: controller_off", "io.stat: failed (Input/output error)"])
        var later = StoreRig.entry("/a", 2, row: rows["/a"], at: 30)
        later.absenceChanges = ["io.stat": .ended, "cpu.max": .ended]
        try rig.tick([later], of: run, at: 30)
        #expect(try absent() == [])
    }

    /// Limits have to do with cgroups that live in this boot, and with nothing else.
    @Test func livingCgroupsAreThoseOfThisBoot() throws {
        let rows = try fill().rows
        try rig.store.saveDetails(
            [
                (
                    try #require(rows["/b"]),
                    ContainerDetails(name: "web", image: nil, labels: [:], namespace: nil)
                )
            ], at: StoreRig.start)
        #expect(
            try rig.store.livingContainers() == [
                LivingContainer(
                    path: "/a", cgroupID: 2, runtime: "docker", isTenantRoot: false,
                    tenant: "acme", name: nil),
                LivingContainer(
                    path: "/b", cgroupID: 1, runtime: "docker", isTenantRoot: false, tenant: nil,
                    name: "web"),
                LivingContainer(
                    path: "/t", cgroupID: 4, runtime: "cgroup", isTenantRoot: true,
                    tenant: "acme", name: nil),
            ])
        #expect(try rig.store.lastRoot() == "/")
        _ = try rig.begin(boot: "next", root: "/other", at: 60)
        #expect(try rig.store.livingContainers().isEmpty && rig.store.lastRoot() == "/other")
    }

    @Test func runtimesAreAskedForWhatHasNoName() throws {
        let (run, rows) = try fill()
        // Plain cgroups and folders have no runtime to ask, and roots are no containers.
        func unnamed() throws -> [String] { try rig.store.unnamedContainers().map(\.path) }
        #expect(try unnamed() == ["/a", "/b"], "the newest first")
        let details = ContainerDetails(
            name: "db", image: "postgres:17", labels: ["tier": "1"], namespace: "prod")
        try rig.store.saveDetails([(try #require(rows["/a"]), details)], at: StoreRig.start)
        #expect(try unnamed() == ["/b"])
        let named = try #require(
            try rig.store.containers(all: true).first { $0.path == "/a" })
        #expect(named.name == "db" && named.image == "postgres:17" && named.namespace == "prod")
        var ended = StoreRig.entry("/b", 1, row: rows["/b"], runtime: "", at: 70)
        ended.hasEnded = true
        try rig.tick([ended], of: run, at: 70)
        #expect(try unnamed().isEmpty)
    }

    /// What a runtime says later decides whose a container was from its first hour on.
    @Test(
        arguments: [
            (["tenant": "acme"], nil, "acme"), (["tenant": "lab"], nil, "lab"),
            ([:], "lab-ns", "lab"), (["tenant": "none"], "other", nil),
            // The first tenant in the order of the file wins.
            (["tenant": "acme"], "lab-ns", "acme"),
        ] as [([String: String], String?, String?)])
    func detailsDecideWhoseItIs(
        labels: [String: String], namespace: String?, owner: String?
    ) throws {
        try rig.adopt([
            "acme": [.label("tenant=acme")],
            "lab": [.label("tenant=lab"), .namespace("lab-ns")],
        ])
        let row = try rig.tick([StoreRig.entry("/c", 1)], of: rig.begin())[0]
        let details = ContainerDetails(
            name: nil, image: nil, labels: labels, namespace: namespace)
        try rig.store.saveDetails([(row, details)], at: StoreRig.moment(86_400).wall)
        let rows = try rig.rows("SELECT since_s, until_s, tenant FROM attribution")
        let first = Instant.earliest.seconds
        #expect(rows == (owner.map { ["\(first)|NULL|\($0)"] } ?? []))
        // The same again changes nothing.
        try rig.store.saveDetails([(row, details)], at: StoreRig.moment(90_000).wall)
        #expect(try rig.rows("SELECT since_s, until_s, tenant FROM attribution") == rows)
        // What is said of a container that is not in the store is refused.
        #expect(throws: Fault.self) {
            try rig.store.saveDetails([(row + 99, details)], at: StoreRig.start)
        }
    }

    /// Rates of the last two ticks; the sums of several devices; no rate where a counter went back.
    @Test func ratesAreRisesOverTime() throws {
        let run = try rig.begin()
        var row: Int64?
        for (second, cpu, throttled, bytes) in [(0, 100, 50, 10), (4, 8_000_100, 40, 4010)]
            as [(Int64, Int64, Int64, Int64)]
        {
            var entry = StoreRig.entry("/a", 1, row: row, at: second)
            var sample = Sample()
            sample.cpu = CPUStat(usageMicroseconds: cpu)
            sample.cpu?.throttledMicroseconds = throttled
            sample.memoryCurrent = 77
            let device = IOCounters(
                readBytes: bytes, writeBytes: 2 * bytes, readOps: 0, writeOps: 0)
            sample.io = [
                DeviceNumber(major: 8, minor: 0): device,
                DeviceNumber(major: 8, minor: 16): device,
            ]
            entry.sample = sample
            entry.limits = Reservation(cpu: 1_500_000_999, memory: 4096)
            row = try rig.tick([entry], of: run, at: second)[0]
        }
        func live(_ second: Int64, boot: String = "b") throws -> LiveReading {
            try rig.store.live(at: StoreRig.moment(second), ofBoot: boot)
        }
        let now = try live(4)
        let one = try #require(now.containers.first)
        #expect(now.silentSince == nil && now.containers.count == 1 && one.row == row)
        #expect(one.cpuRate == 2_000_000 && one.throttledRate == nil && one.memory == 77)
        #expect(one.ioReadRate == 2000 && one.ioWriteRate == 4000 && one.netSendRate == nil)
        #expect(one.cpuLimit == 1_500_000 && one.memoryLimit == 4096)
        #expect(one.tenant == Tenant.unattributed && one.kind == .container)
        // At an interval of 1 s, a reading is of the present for 4 s.
        #expect(try live(8).silentSince == nil)
        for old in [try live(9), try live(4, boot: "c")] {
            let one = try #require(old.containers.first)
            #expect(old.silentSince == StoreRig.moment(4).wall)
            #expect(one.cpuRate == nil && one.ioReadRate == nil && one.memory == 77)
        }
    }
}
