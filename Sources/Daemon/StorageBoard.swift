import Metering
import Synchronization
import Units

/// Where the storage service leaves its measurements, and the collector finds them at each tick.
///
/// The collector says which folders it wants. The service measures them in its own time, which may be
/// hours for a large folder, and no tick waits for it.
public final class StorageBoard: Sendable {
    /// What the mutex protects.
    private struct State {
        var wanted: Set<String> = []
        var readings: [String: StorageReading] = [:]
    }

    private let state: Mutex<State>
    /// The age, in µs, from which a measurement no longer counts.
    private let longestAge: Int64

    /// A board with the measurements of an earlier run.
    ///
    /// - Parameters:
    ///   - everyMilliseconds: the planned time between two walks through a folder. A measurement
    ///     counts for three times as long.
    ///   - earlier: what an earlier run measured.
    public init(everyMilliseconds: Int64, earlier: [StorageReading] = []) {
        longestAge = everyMilliseconds * 3000
        let readings = Dictionary(earlier.map { ($0.folder, $0) }) { $1 }
        state = Mutex(State(readings: readings))
    }

    /// The last measurement of each folder; none for a folder that was never measured.
    ///
    /// A measurement that is too old counts as failed.
    public func readings(of folders: Set<String>, at moment: Moment) -> [StorageReading] {
        let known = state.withLock { state in
            state.wanted = folders
            state.readings = state.readings.filter { folders.contains($0.key) }
            return state.readings
        }
        return folders.sorted().compactMap { known[$0] }.map { reading in
            let age = moment.bootMicroseconds - reading.bootMicroseconds
            guard age > longestAge, reading.bytes != nil else { return reading }
            var late = reading
            late.bytes = nil
            late.absence = Absence(
                .failed, detail: "the last measurement is older than three times storage: every")
            return late
        }
    }

    /// The folders to measure.
    var wanted: Set<String> { state.withLock { $0.wanted } }

    /// Takes a new measurement; a folder that is no longer wanted is left out.
    public func post(_ reading: StorageReading) {
        state.withLock { state in
            guard state.wanted.contains(reading.folder) else { return }
            state.readings[reading.folder] = reading
        }
    }
}
