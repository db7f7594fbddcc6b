import CgroupFormat
import Metering
import TestSupport
import Testing
import Units

private let hold: Int64 = 60_000_000

private func moment(_ seconds: Int64) -> Moment {
    // The boot was at 2026-11-23T15:00:00Z, so 3600 s are the next hour.
    Moment(wall: Instant(seconds: 1_795_446_000 + seconds), bootMicroseconds: seconds * 1_000_000)
}

private func sample(cpu: Int64? = nil, anon: Int64? = nil, io: [DeviceNumber: IOCounters]? = nil)
    -> Sample
{
    var sample = Sample()
    if let cpu {
        let text = Array("usage_usec \(cpu)\n".utf8)
        sample.cpu = try? CPUStat(parsing: text.span)
    }
    if let anon {
        var memory = MemoryStat()
        (memory.anon, memory.kernel, memory.sock, memory.shmem) = (anon, 0, 0, 0)
        sample.memory = memory
    }
    sample.io = io
    return sample
}

private func total(_ advance: Advance, _ meter: LedgerMeter) -> Int128 {
    advance.parts.reduce(0) { $1.meter == meter ? $0 + $1.quantity : $0 }
}

private let sda = DeviceNumber(major: 8, minor: 0)

private func written(_ bytes: Int64) -> [DeviceNumber: IOCounters] {
    [sda: IOCounters(readBytes: 0, writeBytes: bytes, readOps: 0, writeOps: bytes / 10)]
}

@Suite struct PositionTests {
    @Test func theFirstSampleIsABaseline() {
        var position = Position()
        let advance = position.advance(
            to: sample(cpu: 500, io: written(70)), at: moment(0), longestHold: hold)
        #expect(advance.parts.isEmpty)
        let next = position.advance(
            to: sample(cpu: 800, io: written(100)), at: moment(10), longestHold: hold)
        #expect(total(next, .meter(.cpu)) == 300)
        #expect(total(next, .meter(.ioWriteBytes)) == 30)
    }

    @Test func whatWasSeenBornCountsFromZero() {
        var position = Position.born(after: moment(0))
        let advance = position.advance(
            to: sample(cpu: 500, io: written(70)), at: moment(1), longestHold: hold)
        #expect(total(advance, .meter(.cpu)) == 500)
        #expect(total(advance, .meter(.ioWriteBytes)) == 70)
        #expect(total(advance, .meter(.ioWriteOps)) == 7)
    }

    @Test func aDeviceThatAppearsLaterBeganAtZero() {
        var position = Position()
        _ = position.advance(to: sample(io: [:]), at: moment(0), longestHold: hold)
        let advance = position.advance(
            to: sample(io: written(70)), at: moment(1), longestHold: hold)
        #expect(total(advance, .meter(.ioWriteBytes)) == 70)
    }

    @Test func aGapInReadingsLosesNothing() {
        var position = Position.born(after: moment(0))
        _ = position.advance(to: sample(cpu: 100), at: moment(1), longestHold: hold)
        #expect(position.advance(to: sample(), at: moment(2), longestHold: hold).parts.isEmpty)
        let advance = position.advance(to: sample(cpu: 900), at: moment(5000), longestHold: hold)
        #expect(total(advance, .meter(.cpu)) == 800)
    }

    @Test func aCounterThatWentBackIsAnAnomalyAndNeverBilledTwice() {
        var position = Position.born(after: moment(0))
        _ = position.advance(to: sample(cpu: 1000), at: moment(1), longestHold: hold)
        let back = position.advance(to: sample(cpu: 400), at: moment(2), longestHold: hold)
        #expect(back.parts.isEmpty && back.anomalies.count == 1)
        let next = position.advance(to: sample(cpu: 1100), at: moment(3), longestHold: hold)
        #expect(total(next, .meter(.cpu)) == 100)
    }

    @Test(arguments: [30, 1000, 5000] as [Int64])
    func aDeviceThatCameBackIsANewAccount(bytes: Int64) {
        var position = Position.born(after: moment(0))
        _ = position.advance(to: sample(io: written(1000)), at: moment(1), longestHold: hold)
        let gone = position.advance(to: sample(io: [:]), at: moment(2), longestHold: hold)
        #expect(gone.endedDevices == [sda])
        let back = position.advance(
            to: sample(io: written(bytes)), at: moment(3), longestHold: hold)
        #expect(total(back, .meter(.ioWriteBytes)) == Int128(bytes))
    }

    @Test func aDeviceTheKernelCannotNameIsNotGone() {
        var position = Position.born(after: moment(0))
        _ = position.advance(to: sample(io: written(1000)), at: moment(1), longestHold: hold)
        var unknown = sample(io: [:])
        unknown.hasUnknownDevices = true
        _ = position.advance(to: unknown, at: moment(2), longestHold: hold)
        let back = position.advance(to: sample(io: written(1100)), at: moment(3), longestHold: hold)
        #expect(total(back, .meter(.ioWriteBytes)) == 100)
    }

    @Test func aDeviceThatFellBackBetweenTicksBeganAnew() {
        var position = Position.born(after: moment(0))
        _ = position.advance(to: sample(io: written(1000)), at: moment(1), longestHold: hold)
        let back = position.advance(to: sample(io: written(30)), at: moment(2), longestHold: hold)
        #expect(total(back, .meter(.ioWriteBytes)) == 30)
        #expect(!back.anomalies.isEmpty)
    }

    @Test func aBareLineIsADeviceAtZero() {
        var position = Position()
        _ = position.advance(to: sample(io: [sda: IOCounters()]), at: moment(0), longestHold: hold)
        let next = position.advance(to: sample(io: written(70)), at: moment(1), longestHold: hold)
        #expect(total(next, .meter(.ioWriteBytes)) == 70)
        #expect(total(next, .meter(.ioWriteOps)) == 7)
    }

    @Test func aDeviceThatFellInOneCounterBeganAnewInAll() {
        var position = Position.born(after: moment(0))
        let before = IOCounters(readBytes: 100, writeBytes: 10, readOps: 1, writeOps: 1)
        let after = IOCounters(readBytes: 50, writeBytes: 20, readOps: 1, writeOps: 1)
        _ = position.advance(to: sample(io: [sda: before]), at: moment(1), longestHold: hold)
        let next = position.advance(to: sample(io: [sda: after]), at: moment(2), longestHold: hold)
        #expect(total(next, .meter(.ioWriteBytes)) == 20)
        #expect(total(next, .meter(.ioReadBytes)) == 50)
    }

    @Test func memoryIsATrapezoidWithItsRemainderCarried() {
        var position = Position()
        _ = position.advance(to: sample(anon: 1), at: moment(0), longestHold: hold)
        // (1 + 2) / 2 × 1 s = 1.5, then (2 + 3) / 2 × 1 s = 2.5: the halves make a whole.
        let first = position.advance(to: sample(anon: 2), at: moment(1), longestHold: hold)
        let second = position.advance(to: sample(anon: 3), at: moment(2), longestHold: hold)
        #expect(total(first, .memory(.unreclaimable)) == 1)
        #expect(total(second, .memory(.unreclaimable)) == 3)
    }

    @Test func memoryOverASilenceIsNotGuessed() {
        var position = Position()
        _ = position.advance(to: sample(anon: 1000), at: moment(0), longestHold: hold)
        let late = position.advance(to: sample(anon: 1000), at: moment(61), longestHold: hold)
        #expect(late.parts.isEmpty)
        _ = position.advance(to: sample(), at: moment(62), longestHold: hold)
        let afterGap = position.advance(to: sample(anon: 1000), at: moment(63), longestHold: hold)
        #expect(afterGap.parts.isEmpty)
        let next = position.advance(to: sample(anon: 1000), at: moment(64), longestHold: hold)
        #expect(total(next, .memory(.unreclaimable)) == 1000)
    }

    @Test func aFormulaWithAMissingPartIsNotMeasured() {
        var memory = MemoryStat()
        (memory.anon, memory.shmem, memory.sock) = (1, 1, 1)
        var sample = Sample()
        sample.memory = memory
        #expect(MemoryFormula.unreclaimable.bytes(of: sample) == nil)
        #expect(MemoryFormula.workingSet.bytes(of: sample) == nil)
        sample.memoryCurrent = 10
        memory.inactiveFile = 4
        sample.memory = memory
        #expect(MemoryFormula.workingSet.bytes(of: sample) == 6)
        #expect(MemoryFormula.current.bytes(of: sample) == 10)
    }

    @Test func usageIsSplitAtTheHour() {
        var position = Position.born(after: moment(3590))
        let advance = position.advance(to: sample(cpu: 101), at: moment(3610), longestHold: hold)
        #expect(advance.parts.map(\.quantity) == [50, 51])
        #expect(
            advance.parts.map(\.hour.description) == [
                "2026-11-23T15:00:00Z", "2026-11-23T16:00:00Z",
            ])
    }

    @Test func aSteppedWallClockLosesNothing() {
        var position = Position.born(after: moment(0))
        // The wall goes two hours back while 10 s pass.
        let stepped = Moment(wall: moment(10 - 7200).wall, bootMicroseconds: 10_000_000)
        let advance = position.advance(to: sample(cpu: 777), at: stepped, longestHold: hold)
        #expect(total(advance, .meter(.cpu)) == 777)
        #expect(advance.parts.allSatisfy { $0.hour <= stepped.wall })
    }

    /// What could not be read stays where it stood: nothing is lost, and nothing of before is billed.
    @Test func anUnreadCounterIsMadeUpForLater() {
        var odd = IOCounters(readBytes: nil, writeBytes: 500, readOps: 0, writeOps: 0)
        odd.unread = .readBytes
        func counters(_ read: Int64, _ written: Int64) -> [DeviceNumber: IOCounters] {
            [sda: IOCounters(readBytes: read, writeBytes: written, readOps: 0, writeOps: 0)]
        }
        // Unread at the first reading: its past is not known, and not billed.
        var position = Position()
        _ = position.advance(to: sample(io: [sda: odd]), at: moment(0), longestHold: hold)
        let first = position.advance(
            to: sample(io: counters(900, 600)), at: moment(1), longestHold: hold)
        #expect(total(first, .meter(.ioReadBytes)) == 0)
        #expect(total(first, .meter(.ioWriteBytes)) == 100)
        _ = position.advance(to: sample(io: [sda: .unreadable]), at: moment(2), longestHold: hold)
        let next = position.advance(
            to: sample(io: counters(950, 650)), at: moment(3), longestHold: hold)
        #expect(total(next, .meter(.ioReadBytes)) == 50)
        #expect(total(next, .meter(.ioWriteBytes)) == 50)
        // Of a container that was seen born its past is its own.
        var born = Position.born(after: moment(0))
        _ = born.advance(to: sample(io: [sda: odd]), at: moment(1), longestHold: hold)
        let all = born.advance(to: sample(io: counters(900, 600)), at: moment(2), longestHold: hold)
        #expect(total(all, .meter(.ioReadBytes)) == 900)
        #expect(total(all, .meter(.ioWriteBytes)) == 100)
    }

    /// A device that a text lacked that was cut off is no new one.
    @Test(arguments: [
        IOStat.Completeness.partial, .endsIn(DeviceNumber(major: 8, minor: 16)),
    ])
    func aTextThatWasCutOffIsNoBeginning(completeness: IOStat.Completeness) {
        var position = Position()
        var torn = sample(io: [:])
        (torn.hasUnknownDevices, torn.ioCompleteness) = (true, completeness)
        _ = position.advance(to: torn, at: moment(0), longestHold: hold)
        let first = position.advance(
            to: sample(io: written(1000)), at: moment(1), longestHold: hold)
        #expect(total(first, .meter(.ioWriteBytes)) == 0)
        torn.io = [:]
        #expect(position.advance(to: torn, at: moment(2), longestHold: hold).endedDevices == [])
        let next = position.advance(to: sample(io: written(1070)), at: moment(3), longestHold: hold)
        #expect(total(next, .meter(.ioWriteBytes)) == 70)
    }

    /// A text that ends in a device twice is whole: that device stands at 0, and its first figures are its usage.
    @Test func aTextThatEndsInADeviceTwiceIsWhole() {
        var position = Position()
        let last = DeviceNumber(major: 8, minor: 16)
        var ends = sample(io: written(1000))
        ends.io?[last] = .unreadable
        (ends.hasUnknownDevices, ends.ioCompleteness) = (true, .endsIn(last))
        for second in 0..<3 as Range<Int64> {
            let advance = position.advance(to: ends, at: moment(second), longestHold: hold)
            #expect(advance.parts.isEmpty)
        }
        var used = sample(io: written(1000))
        used.io?[last] = IOCounters(readBytes: 70, writeBytes: 0, readOps: 1, writeOps: 0)
        let first = position.advance(to: used, at: moment(3), longestHold: hold)
        #expect(total(first, .meter(.ioReadBytes)) == 70)
        #expect(total(first, .meter(.ioWriteBytes)) == 0)
    }

    /// Readings that no correct kernel gives are taken out, and the account stays where it stands.
    @Test func whatCannotFollowIsRefused() {
        var position = Position.born(after: moment(0))
        _ = position.advance(
            to: sample(cpu: 1000, io: written(1000)), at: moment(1), longestHold: hold)
        for (usage, bytes) in [(400, 1100), (.max, .max), (1100, 1 << 60)] as [(Int64, Int64)] {
            var made = sample(cpu: usage, io: written(bytes))
            let files = position.refuse(from: &made).map(\.file)
            #expect(files.contains("cpu.stat") == (usage != 1100))
            #expect(files.contains("io.stat") == (bytes != 1100))
            #expect((made.cpu?.usageMicroseconds == nil) == files.contains("cpu.stat"))
            #expect(made.io?[sda]?.unread.contains(.writeBytes) == files.contains("io.stat"))
        }
        var (once, again) = (sample(cpu: 400), sample(cpu: 500))
        let text = position.refuse(from: &once)
        #expect(text.count == 1 && text == position.refuse(from: &again), "one event, one text")
        // A device that fell began anew, and a first reading may be anything.
        var fallen = sample(io: written(10))
        #expect(position.refuse(from: &fallen).isEmpty)
        var first = sample(cpu: .max, io: written(.max))
        #expect(Position().refuse(from: &first).isEmpty)
    }

    /// Numbers at every edge are added and taken off without an overflow.
    @Test func foreignNumbersNeverTrap() {
        let edges: [Int64] = [0, 1, 1 << 56, 1 << 62, .max - 1, .max]
        var random = SeededRandom(seed: 8)
        for _ in 0..<500 {
            var position = Bool.random(using: &random) ? Position() : .born(after: moment(0))
            for tick in 1..<8 as Range<Int64> {
                let cpu = edges.randomElement(using: &random)
                let io = edges.randomElement(using: &random).map(written)
                let anon = edges.randomElement(using: &random)
                let made = sample(cpu: cpu, anon: anon, io: io)
                if Bool.random(using: &random) {
                    for counter in [Counter.cpu, .io(sda, .writeBytes)] {
                        let need = position.claim(counter, made)?.need ?? 0
                        position.settle(
                            counter, made, share: .random(in: 0...max(1, need), using: &random),
                            at: moment(tick))
                    }
                } else {
                    let advance = position.advance(to: made, at: moment(tick), longestHold: hold)
                    #expect(advance.parts.allSatisfy { $0.quantity < Advance.mostInOneTick })
                }
            }
        }
    }

    /// However a counter's life is cut into ticks, and whichever readings fail, the parts add up
    /// to the last reading.
    @Test func sumOfUsageIsTheCounter() {
        var random = SeededRandom(seed: 4)
        for _ in 0..<300 {
            var position = Position.born(after: moment(0))
            var (cpu, bytes, time, metered, wrote) = (
                Int64(0), Int64(0), Int64(0), Int128(0), Int128(0)
            )
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                cpu += .random(in: 0...5_000_000, using: &random)
                bytes += .random(in: 0...(1 << 40), using: &random)
                time += .random(in: 0...4000, using: &random)
                let fails = Int.random(in: 0..<4, using: &random) == 0
                let advance = position.advance(
                    to: fails ? sample() : sample(cpu: cpu, io: written(bytes)), at: moment(time),
                    longestHold: hold)
                metered += total(advance, .meter(.cpu))
                wrote += total(advance, .meter(.ioWriteBytes))
            }
            let last = position.advance(
                to: sample(cpu: cpu, io: written(bytes)), at: moment(time + 1), longestHold: hold)
            #expect(metered + total(last, .meter(.cpu)) == Int128(cpu))
            #expect(wrote + total(last, .meter(.ioWriteBytes)) == Int128(bytes))
        }
    }
}
