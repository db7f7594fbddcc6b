import CgroupFormat
import Metering
import Store
import TestSupport
import Testing
import Units

/// Readings of a collector, at times that a test chooses.
struct Ticks {
    let store: Store
    let run: Run

    init(_ firm: Firm, root: String = "/", boot: String = "a-boot", at start: Instant) throws {
        store = try Store(at: firm.store, for: .write)
        run = try store.beginRun(
            bootID: boot, root: root, intervalMilliseconds: 10_000, at: start)
    }

    /// Reads one container, and bills what it used in the hour of the reading.
    ///
    /// - Parameters:
    ///   - row: the row that the first reading returned.
    ///   - cpu: the counter, in µs.
    ///   - used: what is billed of it.
    /// - Returns: the container's row.
    func add(
        _ path: String, id: Int64 = 7, row: Int64? = nil, cpu: Int64, used: Int128,
        isRoot: Bool = false, at wall: Instant
    ) throws -> Int64 {
        let moment = Moment(wall: wall, bootMicroseconds: wall.milliseconds * 1000)
        var sample = Sample()
        sample.cpu = CPUStat(usageMicroseconds: cpu)
        var entry = TickEntry(
            row: row, path: path, cgroupID: id, isTenantRoot: isRoot, root: nil,
            runtime: row == nil ? "cgroup" : "", sample: sample, position: Position(),
            isWhole: !isRoot, at: moment)
        if used > 0 {
            entry.parts = [
                Advance.Part(meter: .meter(.cpu), hour: wall.startOfHour, quantity: used)
            ]
        }
        let record = TickRecord(moment: moment, longestHold: .max, entries: [entry])
        return try #require(try store.commit(record, of: run).first)
    }
}
