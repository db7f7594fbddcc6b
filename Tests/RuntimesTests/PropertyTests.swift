import CgroupFormat
import Limits
import TestSupport
import Testing
import Units

@testable import Runtimes

/// Limits as properties of units.
@Suite struct PropertyTests {
    private func properties(_ word: String, version: Int? = nil, node: String? = "/dev/vda") throws
        -> [String]?
    {
        let setting =
            switch try LimitSpec(parsing: word).goal {
            case .value(let key, let value): LimitSetting(key, value)
            case .device(_, let fields):
                LimitSetting(
                    .ioMax(DeviceNumber(major: 254, minor: 0)),
                    .io(
                        fields.reduce(into: IOMax()) { $0[$1.key] = $1.value }))
            }
        return systemdProperties(for: setting, version: version) { _ in node }?.map {
            switch $0.value {
            case .number(let number): "\($0.name)=\(number)"
            case .device(let path, let number): "\($0.name)=\(path) \(number)"
            case .bits(let bytes): "\($0.name)=\(bytes)"
            }
        }
    }

    private static let none = "18446744073709551615"

    @Test(
        arguments: [
            ("cpu=1.5", ["CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=1500000"]),
            ("cpu=0.005", ["CPUQuotaPeriodUSec=1000000", "CPUQuotaPerSecUSec=5000"]),
            ("cpu=max", ["CPUQuotaPerSecUSec=\(none)", "CPUQuotaPeriodUSec=\(none)"]),
            ("cpu.weight=50", ["CPUWeight=50"]), ("io.weight=7", ["IOWeight=7"]),
            ("memory.max=1K", ["MemoryMax=1024"]), ("memory.high=max", ["MemoryHigh=\(none)"]),
            ("memory.swap.max=0", ["MemorySwapMax=0"]), ("pids.max=9", ["TasksMax=9"]),
            ("memory.low=1K", ["MemoryLow=1024"]), ("memory.min=0", ["MemoryMin=0"]),
            ("memory.low=max", ["MemoryLow=\(none)"]),
            ("cpuset.cpus=0,2-3,9", ["AllowedCPUs=[13, 2]"]),
            ("cpuset.cpus=all", ["AllowedCPUs=[]"]),
            (
                "io.max=/dev/vda:wbps=5",
                [
                    "IOReadBandwidthMax=/dev/vda \(none)", "IOWriteBandwidthMax=/dev/vda 5",
                    "IOReadIOPSMax=/dev/vda \(none)", "IOWriteIOPSMax=/dev/vda \(none)",
                ]
            ),
            // What systemd has no words for goes to the file.
            ("memory.max=0", nil), ("freeze=on", nil),
        ] as [(String, [String]?)])
    func table(word: String, wanted: [String]?) throws {
        #expect(try properties(word).map(Set.init) == wanted.map(Set.init))
    }

    /// A quota of another hand may be anything; what systemd cannot hold goes to the file.
    @Test(
        arguments: [
            (10_000_000_000_000, 100_000, "CPUQuotaPerSecUSec=100000000000000"),
            (Int64.max, 1_000_000, "CPUQuotaPerSecUSec=9223372036854775807"),
            (Int64.max, 1, nil), (1, 1_000_000, "CPUQuotaPerSecUSec=1"), (-5, 100_000, nil),
            (5, 0, nil), (5, -1, nil),
        ] as [(Int64, Int64, String?)])
    func foreignQuotasNeverTrap(quota: Int64, period: Int64, wanted: String?) {
        let setting = LimitSetting(.cpuMax, .cpu(CPUMax(quota: .at(quota), period: period)))
        let properties = systemdProperties(for: setting) { _ in nil }?.map {
            if case .number(let number) = $0.value { "\($0.name)=\(number)" } else { "" }
        }
        #expect(properties?.last == wanted)
        #expect(systemdProperties(for: LimitSetting(.cpuWeight, .weight(-1))) { _ in nil } == nil)
    }

    @Test func anOldSystemdKnowsNoCPUs() throws {
        #expect(try properties("cpuset.cpus=0", version: 243) == nil)
        #expect(try properties("cpuset.cpus=0", version: 244) == ["AllowedCPUs=[1]"])
    }

    @Test(arguments: ["all", "0", "7", "8", "0-7", "1,3,64-66", "8191"])
    func bitsOfCPUsAreReadBack(list: String) throws {
        guard case .cpus(let cpus) = try setting("cpuset.cpus=\(list)").value else {
            Issue.record("no CPUs")
            return
        }
        let property = systemdProperties(for: try setting("cpuset.cpus=\(list)")) { _ in nil }
        guard case .bits(let bytes)? = property?.first?.value else {
            Issue.record("no bits")
            return
        }
        #expect(cpuList(bits: bytes) == cpus && cpus.description == list)
    }

    @Test func anOldSystemdKnowsNoPeriod() throws {
        #expect(try properties("cpu=1.5", version: 241) == ["CPUQuotaPerSecUSec=1500000"])
        #expect(try properties("cpu=max", version: 241) == ["CPUQuotaPerSecUSec=\(Self.none)"])
        #expect(try properties("cpu=0.005", version: 241) == nil)
        #expect(try properties("cpu=1.5", version: 242)?.count == 2)
    }

    @Test func aDeviceThatSystemdWouldTakeForAnotherIsNotNamed() throws {
        #expect(try properties("io.max=/dev/vda:wbps=5", node: nil) == nil)
    }

    @Test func aMonitorIsNoContainer() {
        #expect(PathShape.isMonitor("/machine.slice/libpod-conmon-abc.scope"))
        #expect(!PathShape.isMonitor("/machine.slice/libpod-abc.scope"))
    }

    @Test func podmanTakesResourcesOfARuntime() throws {
        let words = ["cpu=0.5", "memory.max=1M", "pids.max=7", "cpu.weight=50", "cpu=max"]
        let settings = try words.map { try setting($0) }
        let (body, left) = podmanUpdate(Array(settings.dropLast()))
        #expect(
            body == [
                "cpu": .members(["quota": .number(50_000), "period": .number(100_000)]),
                "memory": .members(["limit": .number(1 << 20)]),
                "pids": .members(["limit": .number(7)]),
            ])
        #expect(left.map(\.key) == [.cpuWeight])
        let more = try [
            "memory.low=9M", "memory.max=10M", "cpuset.cpus=1-2", "cpu=0.5", "memory.min=1M",
        ]
        .map { try setting($0) }
        #expect(
            podmanUpdate(more).body == [
                "cpu": .members([
                    "quota": .number(50_000), "period": .number(100_000), "cpus": .text("1-2"),
                ]),
                "memory": .members(["limit": .number(10 << 20), "reservation": .number(9 << 20)]),
            ])
        #expect(podmanUpdate(more).left.map(\.key) == [.memoryMin])
        // It cannot be told to take a quota away: the scope is.
        #expect(podmanUpdate([settings[4]]).body.isEmpty)
    }
}

private func setting(_ word: String) throws -> LimitSetting {
    guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
        throw CancellationError()
    }
    return LimitSetting(key, value)
}

@Suite struct PassingLimitsTests {
    @Test(arguments: [
        ("cpu=2", ["CPUQuotaPeriodSec=100000us", "CPUQuota=200%"]),
        ("cpu=0.125", ["CPUQuotaPeriodSec=100000us", "CPUQuota=12.50%"]),
        ("cpu=max", ["CPUQuota=", "CPUQuotaPeriodSec="]),
        ("memory.max=1G", ["MemoryMax=1073741824"]), ("memory.high=max", ["MemoryHigh=infinity"]),
        ("pids.max=7", ["TasksMax=7"]), ("cpu.weight=25", ["CPUWeight=25"]),
        ("cpuset.cpus=0-3,70", ["AllowedCPUs=0-3 70"]), ("cpuset.cpus=all", ["AllowedCPUs="]),
        ("memory.min=1M", ["MemoryMin=1048576"]),
    ])
    func propertiesAreLinesOfAUnitFile(word: String, lines: [String]) throws {
        let properties = systemdProperties(for: try setting(word)) { _ in nil }
        #expect(properties?.map(\.line) == lines)
        let device = SystemdProperty("IOReadIOPSMax", .device("/dev/vda", 90))
        #expect(device.line == "IOReadIOPSMax=/dev/vda 90")
    }

    @Test func scopesAndPathsHaveNoFile() throws {
        let folder = try TemporaryFolder()
        let passing = PassingLimits(folder: folder.path)
        for unit in ["x.scope", "../x.slice", "x", ""] {
            #expect(!passing.keep(["TasksMax=1"], of: unit) && !passing.has(unit), "\(unit)")
        }
        #expect(passing.keep(["TasksMax=1"], of: "x.service") && passing.has("x.service"))
        #expect(passing.keep([], of: "x.service") && !passing.has("x.service"))
        #expect(passing.keep([], of: "never.service"))
    }
}
