import CgroupFormat
import Limits
import Testing
import Units

/// Wishes that cannot take hold, or that mean something else than their writer thinks.
@Suite struct LimitSpecTests {
    @Test(arguments: [
        ("cpu.max=50000", "cpu=0.50"), ("cpu.max=1000", "cpu=0.01"),
        ("cpu.max=150000 100000", "cpu=1.50"), ("cpu.max=20000 50000", "cpu=0.40"),
    ])
    func theKernelsOwnUnitsAreNoCores(word: String, meant: String) {
        #expect { try LimitSpec(parsing: word) } throws: { error in
            guard let fault = error as? Fault else { return false }
            return fault.kind == .wrongUse && fault.problem.contains(" cores: ")
                && fault.suggestion.contains(meant)
        }
    }

    @Test(arguments: [
        ("cpu.max=999", "99900000 100000"), ("cpu=50000", "5000000000 100000"),
        ("cpu.max=2", "200000 100000"), ("cpu.max=50%", "50000 100000"),
    ])
    func coresAreCores(word: String, text: String) throws {
        guard case .value(_, let value) = try LimitSpec(parsing: word).goal else {
            Issue.record("not a plain value")
            return
        }
        #expect(value.description == text)
    }

    @Test(
        arguments: [
            ("cpu=2", nil), ("cpu=0.5", nil), ("cpu=max", nil),
            ("cpu=50000", "50000 cores are more than the 2 cores of this host"),
            ("cpu=2.5", "2.50 cores are more than the 2 cores"),
            ("memory.max=8G", nil), ("memory.max=8193M", "8193.0 MiB are more than the 8192.0 MiB"),
            ("memory.high=1T", "more than the 8192.0 MiB"), ("memory.max=max", nil),
            ("memory.swap.max=1G", "no swap"), ("memory.swap.max=max", nil),
            ("pids.max=32768", nil), ("pids.max=32769", "32769 processes are more than the 32768"),
            ("cpu.weight=10000", nil), ("memory.low=8G", nil),
            ("memory.min=9G", "9216.0 MiB are more than the 8192.0 MiB"),
            ("cpuset.cpus=0-1", nil), ("cpuset.cpus=all", nil),
            ("cpuset.cpus=1-2", "CPU 2 is not there: this host has CPUs 0 to 1"),
        ] as [(String, String?)])
    func whatAHostHasNotLimitsNothing(word: String, said: String?) throws {
        guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
            Issue.record("not a plain value")
            return
        }
        let host = HostSize(cores: 2, memory: 8 << 30, hasSwap: false, processes: 32768)
        let vain = LimitSetting(key, value).vain(on: host)
        if let said {
            #expect(vain?.contains(said) == true, "\(vain ?? "nothing")")
        } else {
            #expect(vain == nil)
        }
        #expect(LimitSetting(key, value).vain(on: HostSize()) == nil, "what is not known")
    }

    @Test(arguments: [
        ("max", "max", false), ("max", "5", false), ("5", "max", false), ("5", "5", false),
        ("4", "5", false), ("6", "5", true),
    ])
    func highAboveMaxNeverTakesHold(high: String, max: String, isIdle: Bool) {
        let (high, max) = (LimitValue(high, for: .memoryHigh), LimitValue(max, for: .memoryMax))
        #expect((idleHigh(high, below: max) != nil) == isIdle)
        #expect(idleHigh(nil, below: max) == nil && idleHigh(high, below: nil) == nil)
    }
}

/// What plans say in numbers.
@Suite struct LimitQuantityTests {
    private func write(_ key: LimitKey, _ wanted: LimitValue) -> PlannedWrite {
        PlannedWrite(
            path: "/x", cgroupID: 1, owner: .file, key: key, before: key.initial, wanted: wanted)
    }

    @Test func valuesAreNumbersInTheLimitsUnit() {
        #expect(LimitValue.cpu(CPUMax(quota: .at(50_000))).quantity == Rational(1) / Rational(2))
        #expect(LimitValue.number(.at(7)).quantity == Rational(7))
        #expect(LimitValue.weight(25).quantity == Rational(25))
        for key in LimitKey.plain where key.definition.effect == .caps {
            #expect(key.initial.quantity == nil, "\(key)")
        }
        #expect(LimitKey.memoryLow.initial.quantity == .zero)
    }

    @Test func whatIsThrottledAndReclaimed() {
        var now = Circumstances()
        now.cores = Rational(2)
        (now.memory, now.unreclaimable) = (100, 30)
        let cap = write(.cpuMax, .cpu(CPUMax(quota: .at(50_000))))
        #expect(cap.throttled(now) == 75 && cap.used(now) == Rational(2))
        #expect(write(.cpuMax, .cpu(CPUMax(quota: .at(300_000)))).throttled(now) == 0)
        #expect(write(.memoryMax, .number(.at(5))).reclaimable(now) == 70)
        #expect(write(.pidsMax, .number(.at(5))).reclaimable(now) == nil)
        #expect(cap.throttled(Circumstances()) == nil)
    }
}
