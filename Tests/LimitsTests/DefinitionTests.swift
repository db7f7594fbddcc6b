import CgroupFormat
import Limits
import Testing
import Units

/// What every limit's definition has to keep, and the words of each.
@Suite struct DefinitionTests {
    private static let all = LimitKey.plain + [.ioMax(DeviceNumber(major: 8, minor: 0))]

    @Test(arguments: all)
    func aLimitReadsWhatItWrites(key: LimitKey) {
        #expect(LimitKey(key.description) == key)
        #expect(LimitValue(key.initial.description, for: key) == key.initial)
        #expect(key.controller == nil || key.file.hasPrefix("\(key.controller ?? "")."))
        #expect(key.initial.isSame(as: key.initial, for: key))
        #expect(!key.initial.isTighter(than: key.initial))
    }

    @Test func namesAreUnique() {
        for names in [Self.all.map(\.definition.file), Self.all.map(\.definition.word)] {
            #expect(Set(names).count == names.count)
        }
    }

    @Test(
        arguments: [
            ("memory.low=512M", "536870912"), ("memory.low=max", "max"), ("memory.min=0", "0"),
            ("cpuset.cpus=0-3,7", "0-3,7"), ("cpuset.cpus=all", "all"), ("cpuset.cpus=max", "all"),
            ("cpuset.cpus=3,1", "1,3"), ("memory.low=x", nil), ("memory.min=-1", nil),
            ("cpuset.cpus=", nil), ("cpuset.cpus=9-1", nil), ("cpuset.cpus=9000", nil),
        ] as [(String, String?)])
    func specs(word: String, value: String?) {
        guard case .value(_, let read)? = try? LimitSpec(parsing: word).goal else {
            #expect(value == nil)
            return
        }
        #expect(read.description == value)
    }

    @Test(arguments: ["memory.low", "memory.min", "cpuset.cpus"])
    func unsettingGivesBackWhatACgroupIsBornWith(name: String) throws {
        let spec = try #require(try LimitSpec.unsetting(name))
        let key = try #require(LimitName.key(name))
        #expect(spec.goal == .value(key, key.initial))
    }

    /// An empty write would be none.
    @Test func clearingCPUsWritesALine() {
        #expect(LimitValue.cpus(.all).kernelText(for: .cpusetCpus) == "\n")
        #expect(CPUList("1-2").map { LimitValue.cpus($0).kernelText(for: .cpusetCpus) } == "1-2")
        #expect(LimitValue("", for: .cpusetCpus) == .cpus(.all))
    }

    @Test(
        arguments: [
            // A protection is no more than that of those above; so are CPUs.
            ("memory.low", "10", [("/", "20")], "10", ["/a"]),
            ("memory.low", "10", [("/", "5")], "5", ["/"]),
            ("memory.min", "10", [("/", "0")], "0", ["/"]),
            ("cpuset.cpus", "all", [("/", "0-1")], "0-1", ["/"]),
            ("cpuset.cpus", "1-3", [("/", "0-1")], "1", ["/a", "/"]),
            ("cpuset.cpus", "1", [("/", "all")], "1", ["/a"]),
            ("cpu.weight", "10", [("/", "5")], "10", ["/a"]),
        ] as [(String, String, [(String, String)], String, [String])])
    func whatHolds(
        name: String, own: String, above: [(String, String)], value: String, binding: [String]
    ) throws {
        let key = try #require(LimitName.key(name))
        func read(_ text: String) throws -> LimitValue { try #require(LimitValue(text, for: key)) }
        let found = EffectiveLimit(
            of: key, own: ("/a", try read(own)), others: try above.map { ($0.0, try read($0.1)) })
        #expect(found.value.description == value && found.binding == binding)
    }

    /// What a protection does is said before it is written; what takes one away needs no words.
    @Test func remarks() {
        func said(_ key: LimitKey, _ wanted: LimitValue, before: LimitValue) -> String? {
            PlannedWrite(
                path: "/a", cgroupID: 1, owner: .file, key: key, before: before, wanted: wanted
            ).prediction(Circumstances())
        }
        let zero = LimitValue.number(.at(0))
        let some = LimitValue.number(.at(1 << 20))
        #expect(said(.memoryLow, some, before: zero)?.contains("reclaims it only when") == true)
        #expect(said(.memoryMin, some, before: zero)?.contains("never reclaims it") == true)
        #expect(said(.memoryLow, zero, before: some) == nil)
        #expect(said(.cpuWeight, .weight(5), before: .weight(100))?.contains("siblings") == true)
    }
}
