import GRDB
import Metering
import Store
import TestSupport
import Testing
import Units

/// What no host can use must not end the metering of the others.
@Suite struct MadeUpCounterTests {
    @Test func rowsThatWouldPassSixtyFourBitsStopNoTick() throws {
        let folder = try TemporaryFolder()
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let run = try store.beginRun(
            bootID: "b", root: "/", intervalMilliseconds: 1000, at: Instant(seconds: 0))
        var row: Int64?
        for tick in 0..<300 as Range<Int64> {
            let moment = Moment(wall: Instant(milliseconds: tick), bootMicroseconds: tick)
            var entry = TickEntry(
                row: row, path: "/x", cgroupID: 5, isTenantRoot: true, root: nil, runtime: "cgroup",
                sample: nil, position: Position(), isWhole: false, at: moment)
            let most = Advance.mostInOneTick - 1
            entry.parts = [
                Advance.Part(meter: .meter(.cpu), hour: Instant(seconds: 0), quantity: most)
            ]
            entry.controls = [
                Control(
                    .cpu, baseline: 0, last: .max, pending: 0,
                    parts: [HourPart(hour: Instant(seconds: 0), quantity: Int128(Int64.max))])
            ]
            var record = TickRecord(moment: moment, longestHold: .max, entries: [entry])
            record.capacity = [
                Advance.Part(
                    meter: .meter(.memory), hour: Instant(seconds: 0), quantity: Int128(Int64.max))
            ]
            row = try store.commit(record, of: run)[0]
        }
        let usage = try DatabaseQueue(path: store.path).read {
            try Int64.fetchAll($0, sql: "SELECT quantity FROM usage_open")
        }
        #expect(usage.count == 1 && usage[0] > 1 << 62)
    }
}
