import CgroupFormat
import Metering
import TestSupport
import Testing
import Units

@Suite struct ReservationTests {
    private func moment(_ milliseconds: Int64) -> Moment {
        Moment(
            wall: Instant(milliseconds: 1_795_446_000_000 + milliseconds),
            bootMicroseconds: milliseconds * 1000)
    }

    private func total(_ parts: [Advance.Part], _ meter: Meter) -> Int128 {
        parts.reduce(0) { $1.meter == .meter(meter) ? $0 + $1.quantity : $0 }
    }

    @Test func limitsOfASampleAreReservations() {
        var sample = Sample()
        #expect(Reservation(of: sample) == Reservation())
        sample.cpuMax = CPUMax(quota: .at(33_333), period: 100_000)
        sample.memoryMax = .at(4096)
        #expect(Reservation(of: sample) == Reservation(cpu: 333_330_000, memory: 4096))
        sample.cpuMax = CPUMax(quota: .max)
        sample.memoryMax = .max
        #expect(Reservation(of: sample) == Reservation())
    }

    /// A limit that is there and could not be read, or grants more than any host has, is not "none".
    @Test func whatIsNotKnownIsNotNone() {
        var sample = Sample()
        (sample.isCPUMaxUnread, sample.isMemoryMaxUnread) = (true, true)
        let unread = Reservation(of: sample)
        #expect(unread.isCPUUnknown && unread.isMemoryUnknown && unread != Reservation())
        sample = Sample()
        sample.cpuMax = CPUMax(quota: .at(.max), period: 1)
        sample.memoryMax = .at(.max)
        #expect(Reservation(of: sample) == unread)
        // Neither its own limit nor the one above it says what holds.
        let known = Reservation(cpu: 1, memory: 1)
        #expect(unread.within(known) == unread && known.within(unread) == unread)
        #expect(unread.within(Reservation()) == unread)
    }

    @Test func theLowerLimitHolds() {
        let own = Reservation(cpu: 2, memory: nil)
        #expect(own.within(Reservation(cpu: 3, memory: 7)) == Reservation(cpu: 2, memory: 7))
        #expect(own.within(Reservation(cpu: 1)) == Reservation(cpu: 1))
        #expect(own.within(Reservation()) == own)
    }

    @Test func whatIsReservedIsCountedByTime() {
        var position = Position()
        #expect(
            position.reserve(cpu: 500_000_000, memory: 1000, at: moment(0), longestHold: .max)
                .isEmpty)
        // Half a core and 1000 bytes for 3 s, then a quarter from there on.
        let first = position.reserve(
            cpu: 250_000_000, memory: nil, at: moment(3000), longestHold: .max)
        #expect(total(first, .cpuReserved) == 1_500_000)
        #expect(total(first, .memoryReserved) == 3000)
        let second = position.reserve(cpu: nil, memory: nil, at: moment(7000), longestHold: .max)
        #expect(total(second, .cpuReserved) == 1_000_000)
        #expect(total(second, .memoryReserved) == 0)
        #expect(position.reserve(cpu: 1, memory: 1, at: moment(9000), longestHold: .max).isEmpty)
    }

    /// However time is cut into ticks, the sum is the limit times the time.
    @Test func noRemainderIsLost() {
        var random = SeededRandom(seed: 9)
        for _ in 0..<200 {
            let (cpu, memory) = (
                Int64.random(in: 1...64_000_000_000, using: &random),
                Int64.random(in: 1...(1 << 42), using: &random)
            )
            var (position, time, sums) = (Position(), Int64(0), (cpu: Int128(0), memory: Int128(0)))
            _ = position.reserve(cpu: cpu, memory: memory, at: moment(0), longestHold: .max)
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                time += .random(in: 1...60_000, using: &random)
                let parts = position.reserve(
                    cpu: cpu, memory: memory, at: moment(time), longestHold: .max)
                sums.cpu += total(parts, .cpuReserved)
                sums.memory += total(parts, .memoryReserved)
            }
            #expect(sums.cpu == Int128(cpu) * Int128(time) * 1000 / 1_000_000_000)
            #expect(sums.memory == Int128(memory) * Int128(time) / 1000)
        }
    }

    @Test func aSharedLimitIsGrantedOnce() {
        #expect(SharedLimit(10, among: [3, nil, 4]) == SharedLimit(10, among: [3, nil, 4]))
        let loose = SharedLimit(10, among: [3, nil, 4])
        #expect(loose.shares == [3, nil, 4] && loose.left == 3)
        let tight = SharedLimit(10, among: [10, 10, nil, 10])
        #expect(tight.shares == [4, 3, nil, 3] && tight.left == 0)
        #expect(SharedLimit(5, among: []).left == 5)
    }

    @Test func sharesNeverPassTheLimit() {
        var random = SeededRandom(seed: 10)
        for _ in 0..<500 {
            let limit = Int64.random(in: 0...(1 << 40), using: &random)
            let reserved: [Int64?] = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                Bool.random(using: &random) ? nil : .random(in: 0...(1 << 41), using: &random)
            }
            let shared = SharedLimit(limit, among: reserved)
            let sum = shared.shares.reduce(Int64(0)) { $0 + ($1 ?? 0) }
            #expect(sum + shared.left == limit && shared.left >= 0)
            for (share, wanted) in zip(shared.shares, reserved) {
                #expect((share == nil) == (wanted == nil) && (share ?? 0) <= (wanted ?? 0))
            }
        }
    }
}

@Suite struct WallClockTests {
    private func moment(wall: Int64, boot: Int64) -> Moment {
        Moment(wall: Instant(milliseconds: wall), bootMicroseconds: boot * 1000)
    }

    @Test func aStepBeginsAnEpochAndDriftDoesNot() {
        var clock = WallClock(epoch: 3, last: nil)
        #expect(clock.advance(to: moment(wall: 0, boot: 0), interval: 10_000_000) == 0)
        _ = clock.advance(to: moment(wall: 10_005, boot: 10_000), interval: 10_000_000)
        #expect(clock.epoch == 3)
        _ = clock.advance(to: moment(wall: 3_620_005, boot: 20_000), interval: 10_000_000)
        #expect(clock.epoch == 4)
        _ = clock.advance(to: moment(wall: 29_000, boot: 30_000), interval: 10_000_000)
        #expect(clock.epoch == 5)
    }

    @Test func lateTicksAreCounted() {
        var clock = WallClock(epoch: 0, last: nil)
        _ = clock.advance(to: moment(wall: 0, boot: 0), interval: 1_000_000)
        #expect(clock.advance(to: moment(wall: 1000, boot: 1000), interval: 1_000_000) == 0)
        #expect(clock.advance(to: moment(wall: 4500, boot: 4500), interval: 1_000_000) == 2)
    }

    @Test(arguments: [
        ("6.1.0-18-cloud-amd64", true), ("6.2.0", false), ("6.9.12-arch1", false), ("6.10.1", true),
        ("6.18.44-fc", true), ("5.15.0", true), ("7.0.0-rc1", true), ("", false),
        ("unknown", false),
    ])
    func ioIsConservedWhereTheKernelKeepsIt(release: String, isConserved: Bool) {
        #expect(isIOConserved(kernelRelease: release) == isConserved)
    }
}

extension Position {
    /// What limits granted since the last call.
    fileprivate mutating func reserve(
        cpu: Int64?, memory: Int64?, at moment: Moment, longestHold: Int64
    ) -> [Advance.Part] {
        let granted = Reservation(cpu: cpu, memory: memory)
        return advance(reserving: granted, at: moment, longestHold: longestHold).parts
    }
}
