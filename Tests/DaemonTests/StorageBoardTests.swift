import Metering
import Testing
import Units

@testable import Daemon

/// What the storage service leaves for the collector.
@Suite struct StorageBoardTests {
    private func reading(_ folder: String, _ bytes: Int64?, at second: Int64) -> StorageReading {
        StorageReading(folder, bytes: bytes, by: .walk, at: second * 1_000_000)
    }

    private func moment(_ second: Int64) -> Moment {
        Moment(wall: Instant(seconds: second), bootMicroseconds: second * 1_000_000)
    }

    @Test func onlyWhatIsWantedIsKept() {
        let board = StorageBoard(everyMilliseconds: 60_000)
        board.post(reading("/a", 1, at: 0))
        #expect(board.readings(of: ["/a"], at: moment(0)).isEmpty, "nobody had asked for it")
        for (folder, bytes) in [("/b", 2), ("/a", 1), ("/a", 3)] as [(String, Int64)] {
            board.post(reading(folder, bytes, at: 0))
        }
        #expect(board.wanted == ["/a"])
        #expect(board.readings(of: ["/a", "/b"], at: moment(1)).map(\.bytes) == [3])
        board.post(reading("/b", 2, at: 1))
        #expect(board.readings(of: ["/b", "/a"], at: moment(1)).map(\.folder) == ["/a", "/b"])
    }

    /// A folder that is wanted again later is measured anew.
    @Test func whatIsNoLongerWantedIsForgotten() {
        let board = StorageBoard(
            everyMilliseconds: 60_000, earlier: [reading("/a", 1, at: 0), reading("/b", 2, at: 0)])
        #expect(board.wanted.isEmpty)
        #expect(board.readings(of: ["/a"], at: moment(0)).map(\.bytes) == [1])
        #expect(board.readings(of: ["/a", "/b"], at: moment(0)).map(\.folder) == ["/a"])
        _ = board.readings(of: [], at: moment(0))
        #expect(board.wanted.isEmpty)
        #expect(board.readings(of: ["/a"], at: moment(0)).isEmpty)
    }

    /// Of an earlier run the last measurement counts, as long as it would have counted there.
    @Test(arguments: [(180, 7), (181, nil)] as [(Int64, Int64?)])
    func anEarlierMeasurementGrowsOld(second: Int64, bytes: Int64?) {
        let board = StorageBoard(
            everyMilliseconds: 60_000, earlier: [reading("/a", 1, at: 0), reading("/a", 7, at: 0)])
        let found = board.readings(of: ["/a"], at: moment(second))
        #expect(found.map(\.bytes) == [bytes])
        #expect(found.first?.absence?.reason == (bytes == nil ? .failed : nil))
    }

    /// A measurement that failed says why, however long ago that was.
    @Test func aFailureKeepsItsReason() {
        let board = StorageBoard(everyMilliseconds: 60_000)
        _ = board.readings(of: ["/a"], at: moment(0))
        let absence = Absence(.notPermitted, detail: "Permission denied")
        board.post(StorageReading("/a", bytes: nil, absence: absence, by: .walk, at: 0))
        for second in [0, 181, 100_000] as [Int64] {
            #expect(board.readings(of: ["/a"], at: moment(second)).first?.absence == absence)
        }
    }
}
