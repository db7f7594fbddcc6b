import CgroupFormat
import Metering
import Testing
import Units

/// Readings that no correct kernel gives: what is refused, what is kept, and what comes after.
@Suite struct RefusalTests {
    private static let most = Int64(1) << 56
    private let disk = DeviceNumber(major: 8, minor: 0)

    private func moment(_ seconds: Int64) -> Moment {
        Moment(
            wall: Instant(seconds: 1_795_446_000 + seconds), bootMicroseconds: seconds * 1_000_000)
    }

    private func cpu(_ usage: Int64?) -> Sample {
        var sample = Sample()
        sample.cpu = CPUStat(usageMicroseconds: 0)
        sample.cpu?.usageMicroseconds = usage
        sample.cpu?.userMicroseconds = 4
        return sample
    }

    /// The last reading, the new one, and whether that is refused.
    @Test(
        arguments: [
            (nil, .max, false), (0, 0, false), (10, 10, false), (10, 11, false), (10, 9, true),
            (10, 0, true), (.max, 0, true), (0, most - 1, false), (0, most, true),
            (5, most + 4, false), (5, most + 5, true), (0, .max, true), (.max - 1, .max, false),
        ] as [(Int64?, Int64, Bool)])
    func ofCPUTime(last: Int64?, now: Int64, isRefused: Bool) {
        var position = Position()
        position.cpu = last.map { Position.Mark($0, at: 0) }
        var sample = cpu(now)
        let refusals = position.refuse(from: &sample)
        #expect(refusals.map(\.file) == (isRefused ? ["cpu.stat"] : []))
        #expect(sample.cpu?.usageMicroseconds == (isRefused ? nil : now))
        #expect(sample.cpu?.userMicroseconds == 4, "what is only shown stays")
        #expect(refusals.allSatisfy { !$0.detail.isEmpty })
    }

    /// What was refused once is billed once the counter is above its mark again.
    @Test func nothingIsLostOrBilledTwice() {
        var position = Position()
        var billed: Int128 = 0
        for (second, usage) in [(0, 100), (1, 300), (2, 50), (3, 250), (4, 299), (5, 900)]
            as [(Int64, Int64)]
        {
            var sample = cpu(usage)
            _ = position.refuse(from: &sample)
            let advance = position.advance(to: sample, at: moment(second), longestHold: .max)
            #expect(advance.anomalies.isEmpty && advance.refused.isEmpty)
            billed += advance.parts.reduce(0) { $0 + $1.quantity }
        }
        #expect(billed == 800)
    }

    private func io(
        _ read: Int64?, _ written: Int64?, _ reads: Int64?, _ writes: Int64?
    ) -> IOCounters {
        IOCounters(readBytes: read, writeBytes: written, readOps: reads, writeOps: writes)
    }

    /// Marks of a device, a new line of it, and the counters that are refused.
    @Test(
        arguments: [
            // Rises that are possible.
            ([10, 20, 3, 4], [10, 20, 3, 4], []), ([10, 20, 3, 4], [11, 20, 3, 5], []),
            ([0, 0, 0, 0], [most - 1, 0, 0, 0], []),
            // One counter that rises too far is refused alone.
            ([0, 0, 0, 0], [most, 5, 0, 0], [.readBytes]),
            ([7, 0, 0, 0], [7, .max, 1, most], [.writeBytes, .writeOps]),
            // A device that came back began at 0, so it may be at anything below.
            ([100, 200, 30, 40], [5, 200, 30, 40], []), ([100, 200, 30, 40], [0, 0, 0, 0], []),
            ([100, 200, 30, 40], [0, most, 0, 0], [.writeBytes]),
            // A line that lacks one of its counters, unless that one never moved.
            ([10, 20, 3, 4], [nil, 20, 3, 4], [.readBytes]),
            ([10, 20, 3, 4], [10, nil, nil, 4], [.writeBytes, .readOps]),
            ([0, 20, 3, 4], [nil, 21, 3, 4], []),
            // A line without any counter is one of a device that was not used.
            ([0, 0, 0, 0], [nil, nil, nil, nil], []),
        ] as [([Int64], [Int64?], [IOCounter])])
    func ofDevices(marks: [Int64], line: [Int64?], refused: [IOCounter]) {
        var position = Position()
        position.ioSince = 1
        position.io[disk] = Position.DeviceMark(io(marks[0], marks[1], marks[2], marks[3]), at: 1)
        var sample = Sample()
        sample.io = [disk: io(line[0], line[1], line[2], line[3])]
        let refusals = position.refuse(from: &sample)
        #expect(refusals.count == refused.count && refusals.allSatisfy { $0.file == "io.stat" })
        for (counter, before) in zip(IOCounter.allCases, line) {
            let isRefused = refused.contains(counter)
            #expect(sample.io?[disk]?.reading(counter) == (isRefused ? nil : before ?? 0))
            #expect(
                refusals.contains { $0.detail.contains("\(counter.meter) of 8:0") } == isRefused)
        }
    }

    /// A device without a mark is new where io.stat was read before, and unknown where it was not.
    @Test(arguments: [(true, most, 1), (true, most - 1, 0), (false, most, 0)])
    func ofANewDevice(wasRead: Bool, bytes: Int64, count: Int) {
        var position = Position()
        position.ioSince = wasRead ? 1 : nil
        var sample = Sample()
        sample.io = [disk: io(0, bytes, 0, 0)]
        #expect(position.refuse(from: &sample).count == count)
    }

    private func network(
        _ namespace: Int64, _ interfaces: [String: (Int64, Int64)]
    ) -> NetworkSample {
        NetworkSample(
            namespace: namespace,
            counters: NetDev(
                interfaces: interfaces.mapValues {
                    NetDev.Counters(receivedBytes: $0.0, sentBytes: $0.1)
                }))
    }

    @Test func ofInterfaces() throws {
        var position = Position()
        position.networkSince = 1
        position.network = Position.NetworkMark(
            network(7, ["eth0": (100, 100), "eth1": (100, 100), "eth2": (100, 100)]), at: 1)
        var sample = Sample()
        sample.network = network(
            7,
            [
                // Received too much; sent too much; made anew; new; new and too much.
                "eth0": (Self.most + 100, 100), "eth1": (100, .max), "eth2": (5, 5),
                "eth3": (Self.most - 1, 0), "eth4": (0, Self.most),
            ])
        let refusals = position.refuse(from: &sample)
        #expect(refusals.map { String($0.detail.prefix(4)) } == ["eth0", "eth1", "eth4"])
        #expect(refusals.allSatisfy { $0.file == "net/dev" })
        let left = try #require(sample.network?.counters)
        #expect(left.interfaces.keys.sorted() == ["eth2", "eth3"])
        #expect(left.unread == ["eth0", "eth1", "eth4"])
        // The marks of what was refused stay, so that nothing of it is lost or billed twice.
        _ = position.advance(to: sample, at: moment(1), longestHold: .max)
        let marks = try #require(position.network?.sample.counters.interfaces)
        #expect(marks["eth0"]?.receivedBytes == 100 && marks["eth1"]?.sentBytes == 100)
        #expect(marks["eth2"]?.sentBytes == 5 && marks["eth4"] == nil)
    }

    /// Where the past is unknown, a first reading may be anything: it is not billed.
    @Test func ofAnUnknownNetworkNothing() {
        var sample = Sample()
        sample.network = network(8, ["eth0": (.max, .max)])
        #expect(Position().refuse(from: &sample).isEmpty)
        var moved = Position()
        moved.networkSince = 1
        moved.network = Position.NetworkMark(network(7, ["eth0": (1, 1)]), at: 1)
        #expect(moved.refuse(from: &sample).isEmpty, "another namespace begins anew")
        // A container that was seen being created has a network of its own from 0 on.
        #expect(Position.born(after: moment(0)).refuse(from: &sample).count == 1)
    }

    /// The words stay the same while a problem lasts, as new words would be a new event.
    @Test func oneProblemHasOneText() {
        var position = Position()
        position.cpu = Position.Mark(100, at: 0)
        position.ioSince = 0
        let texts = (0..<3).map { step -> [Refusal] in
            var sample = cpu(Int64(step))
            sample.io = [disk: io(0, Self.most + Int64(step), 0, 0)]
            return position.refuse(from: &sample)
        }
        #expect(Set(texts).count == 1 && texts[0].map(\.file) == ["cpu.stat", "io.stat"])
    }
}
