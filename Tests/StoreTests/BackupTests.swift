import Foundation
import GRDB
import Metering
import Store
import TestSupport
import Testing
import Units

/// Copies of a store, and what the store says of its own size.
@Suite struct BackupTests {
    private let rig: StoreRig
    private var copy: String { "\(rig.folder.path)/copies/copy.db" }

    init() throws {
        rig = try StoreRig()
        try rig.folder.write("", to: "copies/other")
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(rig.folder.path)/copies").sorted()
    }

    @Test func aCopyHasWhatTheStoreHadThen() throws {
        let run = try rig.begin()
        let row = try rig.tick([StoreRig.entry("/a", 1)], of: run)[0]
        try rig.store.backup(to: copy)
        #expect(try files() == ["copy.db", "other"], "nothing else is left")
        try rig.tick([StoreRig.entry("/a", 1, row: row, at: 5)], of: run, at: 5)
        let other = try Store(at: copy, for: .read)
        #expect(try other.containers(all: true).map(\.path) == ["/a"])
        #expect(
            try other.containers(all: true).map(\.lastSeen) == [StoreRig.start],
            "what came later is not in it")
        #expect(try other.integrity().isEmpty && other.verify().damage.isEmpty)
        // It knows that it is a copy, and its owner may read it alone with its group.
        #expect(try other.whyNotOwn() != nil && rig.store.whyNotOwn() == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions]
        #expect(mode as? Int == 0o640)
    }

    @Test(arguments: ["store", "text", "folder", "link to nowhere"])
    func nothingIsOverwritten(what: String) throws {
        switch what {
        case "store": try rig.store.backup(to: copy)
        case "text": try rig.folder.write("mine", to: "copies/copy.db")
        case "folder": try rig.folder.write("mine", to: "copies/copy.db/x")
        default:
            try FileManager.default.createSymbolicLink(
                atPath: copy, withDestinationPath: "/nowhere/at/all")
        }
        let before = try FileManager.default.attributesOfItem(atPath: copy)
        let fault = try #require(throws: Fault.self) { try rig.store.backup(to: copy) }
        #expect(fault.kind == .failed && fault.location == copy && !fault.suggestion.isEmpty)
        let after = try FileManager.default.attributesOfItem(atPath: copy)
        #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
        #expect(try files() == ["copy.db", "other"], "no part of a copy is left")
    }

    @Test func aCopyNeedsAFolder() throws {
        let place = "\(rig.folder.path)/none/copy.db"
        let fault = try #require(throws: Fault.self) { try rig.store.backup(to: place) }
        #expect(fault.kind == .unavailable && fault.location == place)
        #expect(!FileManager.default.fileExists(atPath: "\(rig.folder.path)/none"))
    }

    @Test func theStoreKnowsWhatItHolds() throws {
        let empty = try rig.store.info()
        #expect(empty.schema == "0013_storage" && empty.bytes > 0)
        let none = try #require(empty.tables.first { $0.name == "sample" })
        #expect(none.rows == 0 && none.samples == 0 && none.oldest == nil && none.newest == nil)
        let run = try rig.begin()
        var rows: [Int64?] = [nil, nil]
        // Two containers; the tick at 3600 seals the two samples of each in the hour before it.
        for second in [0, 1800, 3600] as [Int64] {
            rows = try rig.tick(
                [
                    StoreRig.entry("/a", 1, row: rows[0], at: second),
                    StoreRig.entry("/b", 2, row: rows[1], at: second),
                ], of: run, at: second)
        }
        let info = try rig.store.info()
        func table(_ name: String) throws -> StoreInfo.Table {
            try #require(info.tables.first { $0.name == name })
        }
        let (hot, sealed) = (try table("sample"), try table("sample_block"))
        #expect(hot.rows == 2 && hot.samples == 2)
        #expect(hot.oldest == StoreRig.moment(3600).wall && hot.newest == hot.oldest)
        #expect(sealed.rows == 2 && sealed.samples == 4)
        #expect(sealed.oldest == StoreRig.start && sealed.newest == StoreRig.start)
        let ticks = try table("tick")
        #expect(ticks.rows == 3 && ticks.samples == nil)
        #expect(ticks.oldest == StoreRig.start && ticks.newest == StoreRig.moment(3600).wall)
        #expect(try table("container").rows == 2 && table("container").oldest == nil)
        // Largest first, and no more than the file in all.
        #expect(info.tables.map(\.bytes) == info.tables.map(\.bytes).sorted(by: >))
        #expect(info.tables.reduce(0) { $0 + $1.bytes } + info.free <= info.bytes)
        #expect(Set(info.tables.map(\.name)).count == info.tables.count)
    }

    @Test func aRowThatPointsNowhereIsFound() throws {
        let row = try rig.tick([StoreRig.entry("/a", 1)], of: rig.begin())[0]
        #expect(try rig.store.integrity().isEmpty)
        try DatabaseQueue(path: rig.store.path).writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: "UPDATE position SET container = \(row + 50)")
        }
        let found = try rig.store.integrity()
        #expect(found.count == 1)
        #expect(found.first?.contains("position") == true)
        #expect(found.first?.contains("container") == true)
    }
}
