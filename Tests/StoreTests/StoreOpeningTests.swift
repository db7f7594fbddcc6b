import Foundation
import GRDB
import TestSupport
import Testing
import Units

@testable import Store

private func kind(_ body: () throws -> Void) -> Fault.Kind? {
    do {
        try body()
        return nil
    } catch {
        return (error as? Fault)?.kind
    }
}

@Suite struct StoreOpeningTests {
    private let folder: TemporaryFolder
    private var path: String { "\(folder.path)/sub/octroi.db" }

    init() throws { folder = try TemporaryFolder() }

    @Test func aNewStoreIsForItsOwnerAndGroupOnly() throws {
        _ = try Store(at: path, for: .write)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test func whereAGroupMayWriteTheFolderItMayWriteTheStore() throws {
        try folder.write("", to: "sub/x")
        let parent = "\(folder.path)/sub"
        try #require(chmod(parent, 0o2770) == 0)
        let store = try Store(at: path, for: .write)
        _ = try store.finishLimitChange(change("acme"))
        for name in ["octroi.db", "octroi.db-wal", "octroi.db-shm"] {
            let file = "\(parent)/\(name)"
            let mode =
                try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o660, "\(name)")
        }
    }

    /// In a WAL, NORMAL leaves what was committed to the kernel's leisure (sqlite.org/pragma.html).
    @Test func whatIsCommittedIsOnTheDisk() throws {
        let store = try Store(at: path, for: .write)
        let (journal, synchronous) = try store.write { db in
            (
                try String.fetchOne(db, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(db, sql: "PRAGMA synchronous")
            )
        }
        #expect(journal == "wal")
        #expect(synchronous == 2, "FULL")
    }

    /// A process that opens its store twice keeps its locks: with them gone, another process that
    /// ends would take the WAL away, and what is written from then on would be lost.
    @Test func twoConnectionsOfOneProcessKeepWhatTheyWriteWhileOthersComeAndGo() throws {
        let first = try Store(at: path, for: .write)
        let second = try Store(at: path, for: .write)
        let third = try Store(at: path, for: .read)
        for number in 1...3 {
            let other = try octroi(["tenant", "add", "other-\(number)", "--no-unit"], store: path)
            #expect(other.status == 0, "\(other.errors)")
            try first.finishLimitChange(change("first"))
            try second.finishLimitChange(change("second"))
        }
        #expect(try third.limitHistory().count == 6)
        #expect(try Store(at: path, for: .read).limitHistory().count == 6)
        #expect(try Store(at: path, for: .read).tenants().count == 3)
    }

    private func change(_ target: String) -> LimitChangeSet {
        LimitChangeSet(
            at: Instant(milliseconds: 0), uid: 0, user: "root", target: target, tenant: nil,
            action: .set, outcome: .done, reason: nil)
    }

    @Test func readingNeverMakesAStore() {
        #expect(kind { _ = try Store(at: path, for: .read) } == .unavailable)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func whatIsNoDatabaseIsRefusedAndLeftAlone() throws {
        let text = String(repeating: "this is no database\n", count: 100)
        try folder.write(text, to: "sub/octroi.db")
        #expect(kind { _ = try Store(at: path, for: .write) } == .badData)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test(arguments: [Store.Access.read, .write])
    func whatIsNoFileIsSaidAtOnce(access: Store.Access) throws {
        for kind in ["pipe", "folder"] {
            let other = "\(folder.path)/\(kind)-\(access)"
            let made = kind == "pipe" ? mkfifo(other, 0o600) : mkdir(other, 0o700)
            let fault = try #require(throws: Fault.self) { _ = try Store(at: other, for: access) }
            #expect(
                made == 0 && fault.location == other && fault.problem.contains(kind), "\(fault)")
        }
    }

    @Test func anotherProgramsDatabaseIsRefusedAndLeftAlone() throws {
        try folder.write("", to: "sub/x")
        try DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE song (name TEXT)") }
        #expect(kind { _ = try Store(at: path, for: .write) } == .badData)
        let (tables, journal) = try DatabaseQueue(path: path).read {
            (
                try String.fetchAll($0, sql: "SELECT name FROM sqlite_schema"),
                try String.fetchOne($0, sql: "PRAGMA journal_mode")
            )
        }
        #expect(tables == ["song"] && journal == "delete")
    }

    @Test func aNewerSchemaIsRefused() throws {
        _ = try Store(at: path, for: .write)
        try DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9999_from_the_future')")
        }
        for access in [Store.Access.read, .write] {
            #expect(kind { _ = try Store(at: path, for: access) } == .badData)
        }
    }

    @Test func anEmptyFileIsNoStoreToRead() throws {
        try folder.write("", to: "sub/octroi.db")
        #expect(kind { _ = try Store(at: path, for: .read) } == .badData)
        _ = try Store(at: path, for: .write)
        _ = try Store(at: path, for: .read)
    }

    /// What SQL of reports can do with numbers that no column takes as they are.
    @Test(arguments: [
        ("int128(0, -1)", "18446744073709551615"),
        ("int128(-1, -5)", "-5"),
        ("int128(1, 0)", "18446744073709551616"),
        ("decimal(price_digits('0.04048'), price_scale('0.04048'))", "0.04048"),
        ("decimal(price_digits('20'), price_scale('20'))", "20"),
        ("decimal(price_digits('0'), price_scale('0'))", "0"),
        ("decimal(price_digits('0.00'), price_scale('0.00'))", "0.00"),
        (
            "decimal(price_digits('0.000011574074074074074074'), price_scale('0.000011574074074074074074'))",
            "0.000011574074074074074074"
        ),
        (
            "exact_sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 3)",
            "9223372036854775810"
        ),
    ])
    func sqlShowsWideNumbers(_ sql: String, _ wanted: String) throws {
        let store = try Store(at: path, for: .write)
        let month = Period(monthOf: Instant(seconds: 0))
        let result = try store.report("SELECT \(sql) AS x", over: month, place: "test")
            .rows[0][0]
        guard case .text(let text) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(text == wanted)
    }

    /// What is left of a store that was there, and whether a new one may be made in its place.
    @Test(arguments: [
        ("emptied", false), ("emptied while a lock lies beside it", false),
        ("gone, its log left", false), ("gone with all", true), ("a place that was prepared", true),
        ("cut short", false),
    ])
    func aStoreThatWasThereIsNotBegunAnew(_ deed: String, _ isMade: Bool) throws {
        if deed == "a place that was prepared" {
            try folder.write("", to: "sub/octroi.db")
        } else {
            _ = try Store(at: path, for: .write).tenants()
        }
        switch deed {
        case "emptied":
            try #require(truncate(path, 0) == 0)
            // Long after it was made.
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: 3600)], ofItemAtPath: path)
        case "emptied while a lock lies beside it":
            unlink(path)
            try folder.write("", to: "sub/octroi.db")
            try folder.write("1", to: "sub/octroi.db.limits")
        case "gone, its log left":
            unlink(path)
            try folder.write("frames", to: "sub/octroi.db-wal")
        case "gone with all": unlink(path)
        case "cut short": try #require(truncate(path, 8192) == 0)
        default: break
        }
        let found = kind { _ = try Store(at: path, for: .write).tenants() }
        #expect(found == (isMade ? nil : .badData))
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/sub")
        #expect(!left.contains { $0.contains(".new") })
    }

    @Test func aFolderIsNoStore() throws {
        try folder.write("", to: "sub/octroi.db/x")
        #expect(kind { _ = try Store(at: path, for: .write) } == .badData)
    }
}
