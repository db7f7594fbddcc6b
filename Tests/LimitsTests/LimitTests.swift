import CgroupFormat
import Limits
import Testing
import Units

@Suite struct LimitTests {
    @Test(arguments: [
        ("cpu=1.5", "cpu.max 150000 100000"), ("cpu=50%", "cpu.max 50000 100000"),
        ("cpu.max=max", "cpu.max max 100000"), ("cpu=0.005", "cpu.max 5000 1000000"),
        ("memory.max=512M", "memory.max 536870912"), ("memory.high=1.5G", "memory.high 1610612736"),
        ("memory.max=max", "memory.max max"), ("memory.max=100", "memory.max 100"),
        ("memory.swap.max=0", "memory.swap.max 0"), ("pids.max=200", "pids.max 200"),
        ("pids.max=max", "pids.max max"), ("cpu.weight=50", "cpu.weight 50"),
        ("io.weight=10000", "io.weight 10000"), ("memory.max=2k", "memory.max 2048"),
        ("freeze=on", "cgroup.freeze 1"), ("freeze=0", "cgroup.freeze 0"),
    ])
    func humanValuesBecomeKernelText(word: String, text: String) throws {
        guard case .value(let key, let value) = try LimitSpec(parsing: word).goal else {
            Issue.record("not a plain value")
            return
        }
        #expect("\(key) \(value)" == text)
        #expect(LimitValue(value.description, for: key) == value)
        #expect(LimitKey(key.description) == key)
    }

    @Test func aDeviceTakesTheFieldsThatAreNamed() throws {
        let spec = try LimitSpec(parsing: "io.max=/dev/vda:wbps=10M,riops=200")
        #expect(spec.goal == .device("/dev/vda", [.writeBytes: .at(10 << 20), .readOps: .at(200)]))
        let number = try LimitSpec(parsing: "io.max=254:0:rbps=max")
        #expect(number.goal == .device("254:0", [.readBytes: .max]))
        let all = try LimitSpec(parsing: "io.max=/dev/sda:max")
        #expect(
            all.goal
                == .device(
                    "/dev/sda",
                    [.readBytes: .max, .writeBytes: .max, .readOps: .max, .writeOps: .max]))
    }

    @Test(arguments: [
        "cpu", "cpu=", "cpu=0", "cpu=-1", "cpu=0.0005", "cpu=abc", "memory.max=12X",
        "memory.max=5ß", "memory.max=5ﬁ",
        "memory.max=-1", "pids.max=-1", "pids.max=0", "pids.max=4194305", "cpu.weight=0",
        "cpu.weight=10001", "cpu.weight=max", "disk.max=5", "cpu=1e3", "memory.max=",
        "memory.max=99999999999999999999", "io.weight=0", "cpu=1000001", "cpu=184467440738",
        "freeze=2", "freeze=", "io.max=max",
        "io.max=/dev/vda", "io.max=/dev/vda:", "io.max=/dev/vda:wbps", "io.max=/dev/vda:wbps=0",
        "io.max=/dev/vda:wps=1", "io.max=/dev/vda:wbps=1,wbps=2", "io.max=:wbps=1",
        "io.max=/dev/vda:riops=10K",
    ])
    func otherValuesAreWrongUse(word: String) {
        #expect { try LimitSpec(parsing: word) } throws: { ($0 as? Fault)?.kind == .wrongUse }
    }

    @Test func readBackIsComparedAsTheKernelRounds() {
        func isSame(_ a: String, _ b: String, _ key: LimitKey) -> Bool? {
            guard let a = LimitValue(a, for: key), let b = LimitValue(b, for: key) else {
                return nil
            }
            return a.isSame(as: b, for: key)
        }
        #expect(isSame("536866816", "536870911", .memoryMax) == true)
        #expect(isSame("536866816", "536870912", .memoryMax) == false)
        #expect(isSame("max", "max", .memoryMax) == true)
        #expect(isSame("max", "4096", .memoryMax) == false)
        #expect(isSame("max 100000", "max 50000", .cpuMax) == true)
        #expect(isSame("50000 100000", "150000 100000", .cpuMax) == false)
        #expect(isSame("max", "5", .pidsMax) == false)
        #expect(isSame("4097", "4098", .pidsMax) == false)
        #expect(isSame("default 100", "100", .ioWeight) == true)
        #expect(
            isSame("rbps=max wbps=5", "wbps=5", .ioMax(DeviceNumber(major: 8, minor: 0))) == true)
    }

    /// What a kernel file may not say is no value: not a limit, and not none.
    @Test(arguments: [
        ("-5", LimitKey.cpuWeight), ("99999999999999999999", .cpuWeight), ("10001", .ioWeight),
        ("50000", .cpuMax), ("-1 100000", .cpuMax), ("9223372036854775808", .memoryMax),
        ("wbps", .ioMax(DeviceNumber(major: 8, minor: 0))),
        ("wbps=1 wbps=2", .ioMax(DeviceNumber(major: 8, minor: 0))),
    ])
    func foreignTextIsNoLimit(text: String, key: LimitKey) {
        #expect(LimitValue(text, for: key) == nil)
    }

    @Test func aLimitThatCannotShrinkIsRefused() {
        var now = Circumstances()
        (now.memory, now.unreclaimable) = (16384, 8192)
        func write(_ key: LimitKey, _ bytes: Int64) -> PlannedWrite {
            PlannedWrite(
                path: "/x", cgroupID: 1, owner: .file, key: key, before: .number(.max),
                wanted: .number(.at(bytes)))
        }
        #expect(throws: Fault.self) { try write(.memoryMax, 4096).refuseKill(now, at: "/x") }
        #expect(throws: Fault.self) { try write(.memoryHigh, 4096).refuseKill(now, at: "/x") }
        #expect(throws: Never.self) { try write(.memoryMax, 8192).refuseKill(now, at: "/x") }
        #expect(throws: Never.self) { try write(.pidsMax, 1).refuseKill(now, at: "/x") }
        now.hasSwap = true
        #expect(throws: Never.self) { try write(.memoryMax, 4096).refuseKill(now, at: "/x") }
        (now.hasSwap, now.unreclaimable) = (false, nil)
        #expect(throws: Fault.self) { try write(.memoryMax, 8192).refuseKill(now, at: "/x") }
    }

    @Test func raisingGoesFromTheTopAndLoweringFromTheBottom() {
        func write(_ path: String, _ before: Int64, _ wanted: Int64) -> PlannedWrite {
            PlannedWrite(
                path: path, cgroupID: 1, owner: .file, key: .pidsMax, before: .number(.at(before)),
                wanted: .number(.at(wanted)))
        }
        let up = [write("/a/b/c", 1, 2), write("/a", 1, 2), write("/a/b", 1, 2)]
        #expect(up.ordered.map(\.path) == ["/a", "/a/b", "/a/b/c"])
        let down = [write("/a", 2, 1), write("/a/b/c", 2, 1), write("/a/b", 2, 1)]
        #expect(down.ordered.map(\.path) == ["/a/b/c", "/a/b", "/a"])
        let both = [write("/a", 2, 1), write("/b/c", 1, 2), write("/a/b", 2, 1), write("/b", 1, 2)]
        #expect(both.ordered.map(\.path) == ["/b", "/b/c", "/a/b", "/a"])
    }

    @Test func theTightestOfACgroupAndThoseAboveHolds() {
        func cpu(_ quota: Int64) -> LimitValue { .cpu(CPUMax(quota: .at(quota))) }
        let own = EffectiveLimit(
            of: .cpuMax, own: ("/a/b", cpu(50_000)), others: [("/a", cpu(150_000))])
        #expect(own.value == cpu(50_000) && own.binding == ["/a/b"])
        let above = EffectiveLimit(
            of: .cpuMax, own: ("/a/b", cpu(50_000)),
            others: [("/a", .cpu(CPUMax(quota: .at(20_000), period: 50_000)))])
        #expect(above.binding == ["/a"])
        let weight = EffectiveLimit(
            of: .cpuWeight, own: ("/a/b", .weight(100)), others: [("/a", .weight(1))])
        #expect(weight.value == .weight(100) && weight.binding == ["/a/b"])
        let device = LimitKey.ioMax(DeviceNumber(major: 8, minor: 0))
        let mixed = EffectiveLimit(
            of: device, own: ("/a/b", .io(IOMax(fields: "wbps=5") ?? IOMax())),
            others: [("/a", .io(IOMax(fields: "wbps=9 riops=7") ?? IOMax()))])
        #expect(mixed.value == .io(IOMax(fields: "wbps=5 riops=7") ?? IOMax()))
        #expect(mixed.binding == ["/a/b", "/a"])
    }

    @Test func aBoostStandsAboveABudgetWhichOnlyTightens() {
        var desired = DesiredLimits()
        desired.wanted = [.cpuWeight: .weight(100), .pidsMax: .number(.at(10))]
        desired.budget = [.cpuWeight: .weight(25), .pidsMax: .number(.at(20))]
        #expect(desired.all == [.cpuWeight: .weight(25), .pidsMax: .number(.at(10))])
        desired.boost = [.cpuWeight: .weight(200)]
        #expect(desired.all == [.cpuWeight: .weight(200), .pidsMax: .number(.at(10))])
        #expect(desired.passing == [.cpuWeight, .pidsMax])
    }

    @Test func memoryMaxWaitsForUsage() {
        var shrink = MemoryShrink(target: 100, deadlineMilliseconds: 1000)
        #expect(shrink.next(current: 101, stalled: nil, elapsed: 0) == .wait)
        #expect(shrink.next(current: 100, stalled: nil, elapsed: 200) == .lower)
        guard case .giveUp(let why) = shrink.next(current: 150, stalled: 5, elapsed: 1000) else {
            Issue.record("it goes on past its deadline")
            return
        }
        #expect(why.contains("50 bytes"))
        var strangled = MemoryShrink(target: 100, deadlineMilliseconds: 60_000)
        #expect(strangled.next(current: 150, stalled: 90, elapsed: 200) == .wait)
        #expect(strangled.next(current: 150, stalled: 10, elapsed: 5000) == .wait)
        #expect(strangled.next(current: 150, stalled: 90, elapsed: 6000) == .wait)
        #expect(strangled.next(current: 150, stalled: 90, elapsed: 15_999) == .wait)
        #expect(strangled.next(current: 150, stalled: 90, elapsed: 16_000) != .wait)
    }

    @Test(
        arguments: [
            (0, 100_000, 200, 50), (0, 100_000, 1000, 10), (5, 200_005, 200, 100), (7, 7, 200, 0),
            (0, 1, 0, nil), (9, 8, 200, nil), (.min, .max, 200, nil), (0, 1, .max, nil),
            (0, 1, -1, nil),
        ] as [(Int64, Int64, Int64, Int64?)])
    func stallsAreSharesOfTheTimeThatPassed(
        before: Int64, after: Int64, milliseconds: Int64, share: Int64?
    ) {
        #expect(stalledShare(from: before, to: after, milliseconds: milliseconds) == share)
    }

    @Test func aFightIsGivenUpOnceAndTakenUpAgainAfterQuiet() {
        var watch = FightWatch()
        let place = LimitPlace("/a", .cpuMax)
        // It goes on all the time; after 10 min it is tried again.
        let verdicts = (0..<6).map { watch.drifted(place, at: Int64($0) * 10_000) }
        #expect(verdicts == [.reassert, .reassert, .reassert, .giveUp, .quiet, .quiet])
        #expect(watch.drifted(LimitPlace("/b", .cpuMax), at: 60_000) == .reassert)
        let later = (6..<95).map { watch.drifted(place, at: Int64($0) * 10_000) }
        #expect(later.prefix(57).allSatisfy { $0 == .quiet })
        #expect(later[57...60] == [.reassert, .reassert, .reassert, .giveUp])
        #expect(later[61...].allSatisfy { $0 == .quiet })
        #expect(watch.drifted(place, at: 9_000_000) == .reassert)
    }

    @Test func whatFailsIsPutOffForTwiceAsLongEachTime() {
        var backoff = Backoff<String>()
        var (now, tries): (Int64, [Int64]) = (0, [])
        while now < 20_000_000 {
            if backoff.mayTry("a", at: now) {
                tries.append(now / 60_000)
                backoff.failed("a", at: now)
            }
            now += 10_000
        }
        #expect(tries == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303])
        #expect(backoff.mayTry("b", at: now))
        backoff.succeeded("a")
        #expect(backoff.mayTry("a", at: now))
    }

    @Test func aContainersOwnLimitsStandAboveItsTenants() {
        var (tenant, own) = (DesiredLimits(), DesiredLimits())
        tenant.wanted = [.pidsMax: .number(.at(10)), .cpuWeight: .weight(50)]
        tenant.budget = [.pidsMax: .number(.at(30))]
        own.wanted = [.pidsMax: .number(.at(40))]
        own.budget = [.pidsMax: .number(.at(35))]
        let merged = own.over(tenant)
        #expect(merged.all == [.pidsMax: .number(.at(30)), .cpuWeight: .weight(50)])
        #expect(merged.list.map(\.isPassing) == [false, true])
        tenant.boost = [.pidsMax: .number(.at(99))]
        #expect(own.over(tenant).all[.pidsMax] == .number(.at(99)))
        own.boost = [.pidsMax: .number(.at(98))]
        #expect(own.over(tenant).all[.pidsMax] == .number(.at(98)))
    }
}
