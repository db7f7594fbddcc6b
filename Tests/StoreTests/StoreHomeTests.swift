import Foundation
import GRDB
import Limits
import TestSupport
import Testing
import Units

@testable import Store

/// A store belongs to one host and one file.
@Suite struct StoreHomeTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/octroi.db" }
    private let now = Instant(seconds: 1_800_000_000)

    init() throws {
        folder = try TemporaryFolder()
        _ = try Store(at: path, for: .write)
    }

    private func forge(_ sql: String, at path: String) throws {
        try DatabaseQueue(path: path).write { try $0.execute(sql: sql) }
    }

    private func move(_ from: String, _ to: String) throws {
        try #require(rename(from, to) == 0)
    }

    /// What is done with a store, where it is then, and what is said of it; `nil` is "its own".
    enum Deed: String, CaseIterable {
        case nothing, opened, linked, hardLinked, renamedBack, bornIsUnknown, anotherDevice
        case copied, backedUp, moved, restored, backupRestored, anotherHost, anotherFileOfThatNumber
        case copiedAndOriginalGone

        var words: String? {
            switch self {
            case .nothing, .opened, .linked, .hardLinked, .renamedBack, .bornIsUnknown,
                .anotherDevice:
                nil
            case .copied, .copiedAndOriginalGone: "a copy of"
            case .backedUp, .backupRestored: "a backup of"
            case .moved: "moved here from"
            case .restored, .anotherFileOfThatNumber: "put in its place"
            case .anotherHost: "another host"
            }
        }
    }

    private func done(_ deed: Deed) throws -> String {
        let other = "\(folder.path)/other.db"
        let files = FileManager.default
        switch deed {
        case .nothing: break
        case .opened: _ = try Store(at: path, for: .write)
        case .linked:
            try files.createSymbolicLink(atPath: other, withDestinationPath: path)
            return other
        case .hardLinked:
            try #require(link(path, other) == 0)
            return other
        case .renamedBack:
            try move(path, other)
            try move(other, path)
        case .bornIsUnknown: try forge("UPDATE store_home SET born_ns = NULL", at: path)
        // No number of a device is kept: after a reboot it may be another.
        case .anotherDevice: break
        case .copied:
            try files.copyItem(atPath: path, toPath: other)
            return other
        case .copiedAndOriginalGone:
            try files.copyItem(atPath: path, toPath: other)
            try files.removeItem(atPath: path)
            return other
        case .backedUp:
            try Store(at: path, for: .read).backup(to: other)
            return other
        case .moved:
            try move(path, other)
            return other
        case .restored:
            try files.copyItem(atPath: path, toPath: other)
            try move(other, path)
        case .backupRestored:
            try Store(at: path, for: .read).backup(to: other)
            try move(other, path)
        case .anotherHost: try forge("UPDATE store_home SET host = 'name elsewhere'", at: path)
        case .anotherFileOfThatNumber:
            try forge("UPDATE store_home SET born_ns = born_ns - 1", at: path)
        }
        return path
    }

    @Test(arguments: Deed.allCases)
    func itSaysWhetherItIsThisHostsOwn(_ deed: Deed) throws {
        let place = try done(deed)
        for access in [Store.Access.read, .write] {
            let why = try Store(at: place, for: access).whyNotOwn()
            #expect((why == nil) == (deed.words == nil), "\(why ?? "own")")
            #expect(why?.contains(deed.words ?? "") != false, "\(why ?? "own")")
        }
        let store = try Store(at: place, for: .write)
        // It meters and is written to as before, ...
        _ = try store.setLadder(.init(id: "l", steps: []))
        // ... and belongs to this host once it is adopted.
        #expect(try (store.adopt(at: now) == nil) == (deed.words == nil))
        #expect(try store.adopt(at: now) == nil)
        #expect(try Store(at: place, for: .read).whyNotOwn() == nil)
        try store.requireOwn()
    }

    /// A copy is not the original's, and the original stays what it is.
    @Test func theOriginalStaysItsHosts() throws {
        let other = try done(.copied)
        let copy = try Store(at: other, for: .write)
        #expect(try copy.original() == realPath(path))
        _ = try copy.adopt(at: now)
        #expect(try copy.whyNotOwn() == nil)
        #expect(try Store(at: path, for: .read).whyNotOwn() == nil)
        #expect(try Store(at: path, for: .read).original() == nil)
    }

    /// Two names of one file share SQLite's log: what is written by one is read by the other at once.
    @Test func aSecondNameIsTheSameStore() throws {
        let collector = try Store(at: path, for: .write)
        for deed in [Deed.linked, .hardLinked] {
            let name = try done(deed)
            let other = try Store(at: name, for: .write)
            #expect(realPath(other.path) == realPath(path))
            _ = try other.setLadder(.init(id: "by-\(deed)".lowercased(), steps: []))
            #expect(try collector.ladders().count == other.ladders().count)
            #expect(try other.integrity() == [])
            #expect(!FileManager.default.fileExists(atPath: "\(name)-wal"))
            unlink(name)
        }
        #expect(try collector.ladders().count == 2)
    }

    /// A store of an older Octroi belongs to the host that first opens it for writing; a copy that Octroi made
    /// of such a store stays one.
    @Test(arguments: [false, true])
    func anOlderSchemaIsClaimedOnceUnlessItIsACopy(_ isCopy: Bool) throws {
        let old = "\(folder.path)/old.db"
        try unpack("schemas/v4.db.gz", to: old)
        if isCopy { try forge("PRAGMA user_version = \(copyMark)", at: old) }
        let store = try Store(at: old, for: .write)
        #expect(try (store.whyNotOwn()?.contains("a copy that Octroi made") == true) == isCopy)
        #expect(try (store.whyNotOwn() == nil) == !isCopy)
        // The copy that was made before is one.
        let before = try #require(store.copyOfOld)
        #expect(try Store(at: before, for: .write).whyNotOwn()?.contains("copy") == true)
    }

    @Test(arguments: ["removed", "replaced", "emptied", "log was taken away"])
    func whatBecameOfTheFileIsNoticed(_ how: String) throws {
        let store = try Store(at: path, for: .write)
        #expect(store.lost == nil)
        switch how {
        case "removed": unlink(path)
        case "log was taken away": unlink("\(path)-wal")
        case "replaced":
            try store.backup(to: "\(folder.path)/other.db")
            try move("\(folder.path)/other.db", path)
        default: try #require(truncate(path, 0) == 0)
        }
        #expect(store.lost?.problem.contains(how == "removed" ? "taken away" : how) == true)
        #expect(throws: Fault.self) { try store.requireFile() }
    }
}
