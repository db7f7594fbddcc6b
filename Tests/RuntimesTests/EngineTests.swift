import CgroupFormat
import Limits
@testable import Runtimes
import Testing
import Units

/// What is sent to engines for limits.
@Suite struct EngineTests {
    private func body(_ words: [String], _ known: HostConfig = HostConfig(), swap: Limit? = nil)
        throws -> (body: [String: EngineValue], left: [LimitKey])
    {
        let settings = try words.map { word in
            guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
                throw CancellationError()
            }
            return LimitSetting(key, value)
        }
        let (body, left) = dockerUpdate(settings, known, swap: swap, cores: 4)
        return (body, left.map(\.key))
    }

    @Test(arguments: [
        (Limit.at(100 << 20), Int64(356 << 20)), (.at(0), 256 << 20), (.max, -1), (nil, -1),
        (.at(.max), -1),
    ])
    func dockerKeepsTheSwapThatIsThere(swap: Limit?, sum: Int64) throws {
        let sent = try body(["memory.max=256M"], swap: swap)
        #expect(sent.body == ["Memory": .number(256 << 20), "MemorySwap": .number(sum)])
        #expect(sent.left.isEmpty)
    }

    /// Docker keeps neither memory.min nor a value that takes a limit away.
    @Test func dockerKeepsProtectionAndCPUs() throws {
        let sent = try body([
            "memory.low=64M", "cpuset.cpus=0-1,3", "memory.min=1M", "memory.low=0",
            "memory.low=1M", "cpuset.cpus=all",
        ])
        #expect(
            sent.body == [
                "MemoryReservation": .number(64 << 20), "CpusetCpus": .text("0-1,3"),
            ])
        #expect(sent.left == [.memoryMin, .memoryLow, .memoryLow, .cpusetCpus])
    }

    @Test func dockerTakesNoQuotaBesideItsOwnOfWholeCores() throws {
        let plain = try body(["cpu=0.005", "pids.max=max", "cpu.weight=30"])
        #expect(
            plain.body == [
                "CpuQuota": .number(5000), "CpuPeriod": .number(1_000_000),
                "PidsLimit": .number(-1),
            ])
        #expect(plain.left == [.cpuWeight])
        let nano = HostConfig(NanoCpus: 1_000_000_000)
        #expect(try body(["cpu=0.5"], nano).body == ["NanoCpus": .number(500_000_000)])
        for word in ["cpu=0.005", "cpu=900000"] {
            let sent = try body([word], nano)
            #expect(sent.body.isEmpty && sent.left == [.cpuMax])
        }
        // None can be taken away: all cores of the host are as good, and the cgroup has no limit.
        let none = try body(["cpu=max"], nano)
        #expect(none.body == ["NanoCpus": .number(4_000_000_000)] && none.left == [.cpuMax])
        // Docker takes no memory below 6 MiB; the cgroup does.
        #expect(try body(["memory.max=5M"]).left == [.memoryMax])
    }

    /// Docker refuses --cpus of a container that has a period or a quota (moby's UpdateContainer), so
    /// one that has none is given --cpus.
    @Test func dockersOwnToolGoesOnWorking() throws {
        let half: [String: EngineValue] = ["NanoCpus": .number(500_000_000)]
        let quota: [String: EngineValue] = [
            "CpuQuota": .number(50_000), "CpuPeriod": .number(100_000),
        ]
        let cases: [(String, HostConfig, [String: EngineValue], [LimitKey])] = [
            ("cpu=0.5", HostConfig(), half, []),
            ("cpu=4", HostConfig(), ["NanoCpus": .number(4_000_000_000)], []),
            (
                "cpu=5", HostConfig(),
                ["CpuQuota": .number(500_000), "CpuPeriod": .number(100_000)], []
            ),
            ("cpu=0.5", HostConfig(CpuQuota: 20_000, CpuPeriod: 50_000), quota, []),
            ("cpu=0.5", HostConfig(CpuQuota: -1, CpuPeriod: 100_000), quota, []),
            ("cpu=0.5", HostConfig(CpuQuota: -1), half, []),
            ("cpu=max", HostConfig(CpuQuota: 20_000), ["CpuQuota": .number(-1)], []),
            ("cpu=max", HostConfig(), [:], [.cpuMax]),
        ]
        for (word, known, sent, left) in cases {
            let update = try body([word], known)
            #expect(update.body == sent && update.left == left, "\(word) of \(known)")
        }
    }

    @Test func podmanIsToldWhatItsOwnCpusGives() throws {
        guard case .value(let key, let value) = try LimitSpec(parsing: "cpu=0.5").goal else {
            throw CancellationError()
        }
        let sent = podmanUpdate([LimitSetting(key, value)])
        #expect(
            sent.body == [
                "cpu": .members(["quota": .number(50_000), "period": .number(100_000)])
            ])
    }

    /// Only what an engine cannot be told to forget has to be held against it.
    @Test func whoBringsALimitBack() {
        let (docker, podman) = (
            LimitOwner.docker(id: "1", unit: nil), LimitOwner.podman(id: "1", unit: nil)
        )
        #expect(LimitKey.plain.filter { docker.bringsBack($0) } == [.cpusetCpus, .memoryLow])
        #expect(
            LimitKey.plain.filter { podman.bringsBack($0) } == [
                .cpuMax, .cpusetCpus, .memoryMax, .memoryLow, .pidsMax,
            ])
    }

    @Test(arguments: ["web", "Web_1.x-y", "0a"]) func engineNames(name: String) {
        #expect(isEngineName(name))
    }

    @Test(arguments: ["", ".web", "-web", "we/b", "w b", "web@lab", "wéb", "web\n", "a?x=1"])
    func otherNames(name: String) { #expect(!isEngineName(name)) }
}
