import Foundation
import TestSupport
import Testing

/// Only the store that belongs to this host and file writes limits.
@Suite struct StoreHomeCommandTests {
    private let desk: Desk
    private let slice = "tenant-acme.slice"
    private let pids = "tenant-acme.slice/pids.max"
    private var copy: String { "\(desk.folder.path)/copy.db" }

    init() throws {
        desk = try Desk()
        for (file, text) in [
            ("cpu.max", "max 100000"), ("cpu.weight", "100"), ("pids.max", "max"),
            ("pids.current", "3"), ("cgroup.freeze", "0"),
        ] {
            try desk.folder.write(text + "\n", to: "tree/\(slice)/\(file)")
        }
        let limits = try desk.file("limits.yaml", "limits: [ { tenant: acme, pids.max: 40 } ]\n")
        #expect(try desk.run("apply").status == 0)
        #expect(try desk.run("apply", limits).status == 0)
        _ = try desk.file(
            "config/octroi.yaml", "interval: 100ms\ncgroup_root: \(desk.tree)\n")
    }

    private func daemon(_ store: String) throws -> RunningProcess {
        try startOctroi(["daemon"], store: store, config: "\(desk.folder.path)/config")
    }

    private func backUp() throws {
        let backup = try desk.run("store", "backup", copy)
        #expect(backup.status == 0, "\(backup.errors)")
    }

    @Test func noCommandOnACopyWritesALimitUntilItIsAdopted() throws {
        let root = ["--root", desk.tree]
        let boost = ["limit", "boost", "acme", "pids.max=500", "--for", "1h"] + root
        #expect(try octroi(boost, store: desk.store).status == 0)
        try desk.moveBoostsIntoThePast()
        try backUp()
        for words in [
            ["usage"], ["tenant", "list"], ["report", "run", "usage-by-tenant"], ["apply"],
            ["budget", "list"], ["invoice", "draft"], ["audit"], ["store", "verify"],
        ] {
            let result = try octroi(words, store: copy)
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
        for words in [
            ["set", "acme", "cpu=1"], ["unset", "acme", "cpu"], ["undo", "acme"], ["expire"],
        ] {
            let result = try octroi(["limit"] + words + root, store: copy)
            #expect(result.status == 1, "\(words)")
            #expect(result.errors.contains("octroi store adopt"), "\(words): \(result.errors)")
        }
        #expect(try desk.read(pids) == "500")
        let info = try octroi(["store", "info"], store: copy)
        #expect(info.errors.contains("it is a backup of \(desk.store)"), "\(info.errors)")
        #expect(try desk.run("store", "info").errors == "")

        let adopted = try octroi(["store", "adopt"], store: copy)
        #expect(adopted.status == 0 && adopted.output.contains("adopted: it is a backup of"))
        #expect(adopted.errors.contains("its original is still at"))
        #expect(try octroi(["store", "adopt"], store: copy).output.contains("already"))
        #expect(try octroi(["limit", "set", "acme", "cpu=1"] + root, store: copy).status == 0)
        #expect(try desk.read(pids) == "40", "the boost was over")
    }

    @Test func theServiceRefusesSettingsThatEverybodyMayWrite() throws {
        let file = "\(desk.folder.path)/config/octroi.yaml"
        try #require(chmod(file, 0o666) == 0)
        let config = "\(desk.folder.path)/config"
        let daemon = try octroi(["daemon"], store: desk.store, config: config)
        #expect(daemon.status == 77 && daemon.errors.contains("\(file): every user can write it"))
        let usage = try octroi(["usage"], store: desk.store, config: config)
        #expect(usage.status == 0)
        #expect(usage.errors.components(separatedBy: "every user can change it").count == 2, "once")
    }

    @Test func adoptingMakesNoStore() throws {
        let none = "\(desk.folder.path)/none.db"
        #expect(try octroi(["store", "adopt"], store: none).status == 69)
        #expect(!FileManager.default.fileExists(atPath: none))
    }

    @Test func theDaemonOfACopyMetersAndWritesNothingUntilItIsAdopted() throws {
        try backUp()
        let running = try daemon(copy)
        defer { running.kill() }
        try desk.awaitBaseline(of: "/tenant-acme.slice/web", in: copy)
        try running.waitUntilItSays("nothing is written to the kernel")
        try desk.awaitTicks(3, in: copy)
        #expect(try desk.read(pids) == "max")
        #expect(try octroi(["store", "adopt"], store: copy).status == 0)
        try eventually("the limit is set") { try desk.read(pids) == "40" }
        #expect(running.stop() == 0)
        let log = running.said()
        #expect(log.contains("it is a backup of \(desk.store)"))
        #expect(
            log.components(separatedBy: "nothing is written to the kernel").count == 2, "once")
    }

    @Test(arguments: ["removed", "replaced", "emptied"])
    func aDaemonWhoseStoreIsGoneStopsWithTheReason(_ how: String) throws {
        try backUp()
        let running = try daemon(desk.store)
        defer { running.kill() }
        try eventually("the limit is set") { try desk.read(pids) == "40" }
        // Meanwhile the daemon is in the middle of no change of limits.
        let lock = open("\(desk.store).limits", O_RDWR)
        try #require(lock >= 0)
        try eventually("nobody changes limits") { flock(lock, LOCK_EX | LOCK_NB) == 0 }
        switch how {
        case "removed": try #require(unlink(desk.store) == 0)
        case "replaced": try #require(rename(copy, desk.store) == 0)
        default: try #require(truncate(desk.store, 0) == 0)
        }
        try desk.folder.write("9\n", to: "tree/\(pids)")
        close(lock)
        #expect(running.end() == 1)
        #expect(try desk.read(pids) == "9", "the enforcer stopped as well")
        let log = running.said()
        #expect(log.contains(how == "removed" ? "taken away" : how), "\(log)")
        // What lies there now is not spoiled by what was written last into what lay there before.
        let check = try desk.run("store", "check")
        #expect(check.status == (how == "replaced" ? 0 : how == "removed" ? 69 : 65))
        // Nothing is begun anew in its place without a word.
        let again = try desk.run("apply")
        #expect(again.status == (how == "replaced" ? 0 : 65), "\(again.errors)")
    }
}
