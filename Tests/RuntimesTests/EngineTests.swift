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
            guard case .value(let key, let value) = try LimitWish(parsing: word).goal else {
                throw CancellationError()
            }
            return LimitSetting(key, value)
        }
        let (body, left) = dockerUpdate(settings, known, swap: swap)
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
        for word in ["cpu=0.005", "cpu=900000", "cpu=max"] {
            let sent = try body([word], nano)
            #expect(sent.body.isEmpty && sent.left == [.cpuMax])
        }
        // Docker takes no memory below 6 MiB; the cgroup does.
        #expect(try body(["memory.max=5M"]).left == [.memoryMax])
    }

    @Test(arguments: ["web", "Web_1.x-y", "0a"]) func engineNames(name: String) {
        #expect(isEngineName(name))
    }

    @Test(arguments: ["", ".web", "-web", "we/b", "w b", "web@lab", "wéb", "web\n", "a?x=1"])
    func otherNames(name: String) { #expect(!isEngineName(name)) }
}
