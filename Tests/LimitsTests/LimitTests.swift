import Limits
import Testing
import Units

@Suite struct LimitTests {
    @Test(arguments: [
        ("cpu=1.5", "150000 100000"), ("cpu=50%", "50000 100000"), ("cpu.max=max", "max 100000"),
        ("cpu=0.005", "5000 1000000"), ("memory.max=512M", "536870912"),
        ("memory.high=1.5G", "1610612736"),
        ("memory.max=max", "max"), ("memory.max=100", "100"), ("pids.max=200", "200"),
        ("pids.max=max", "max"),
        ("cpu.weight=50", "50"), ("memory.max=2k", "2048"),
    ])
    func humanValuesBecomeKernelText(word: String, text: String) throws {
        #expect(try LimitSetting(parsing: word).value == text)
    }

    @Test(arguments: [
        "cpu", "cpu=", "cpu=0", "cpu=-1", "cpu=0.0005", "cpu=abc", "memory.max=12X",
        "memory.max=-1", "pids.max=-1",
        "pids.max=4194305", "cpu.weight=0", "cpu.weight=10001", "cpu.weight=max", "disk.max=5",
        "cpu=1e3", "memory.max=",
        "memory.max=99999999999999999999",
    ])
    func otherValuesAreWrongUse(word: String) {
        #expect { try LimitSetting(parsing: word) } throws: { ($0 as? Fault)?.kind == .wrongUse }
    }

    @Test func readBackIsComparedAsTheKernelRounds() {
        #expect(LimitKey.memoryMax.isSame("536866816", "536870911"))
        #expect(!LimitKey.memoryMax.isSame("536866816", "536870912"))
        #expect(LimitKey.memoryMax.isSame("max", "max"))
        #expect(!LimitKey.memoryMax.isSame("max", "4096"))
        #expect(LimitKey.cpuMax.isSame("max 100000", "max 50000"))
        #expect(!LimitKey.cpuMax.isSame("50000 100000", "150000 100000"))
        #expect(!LimitKey.pidsMax.isSame("max", "5"))
    }

    @Test func loweringMemoryBelowUseIsRefused() {
        let write = LimitWrite(key: .memoryMax, before: "max", wanted: "4096")
        #expect(throws: Fault.self) { try refuseKill(write, current: 8192, at: "/x") }
        #expect(throws: Never.self) { try refuseKill(write, current: 4096, at: "/x") }
        #expect(throws: Never.self) {
            try refuseKill(
                LimitWrite(key: .memoryHigh, before: "max", wanted: "4096"), current: 8192, at: "/x"
            )
        }
    }
}
