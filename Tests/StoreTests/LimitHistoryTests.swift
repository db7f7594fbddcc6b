import CgroupFormat
import Limits
import TestSupport
import Testing
import Units

@testable import Store

/// The record of changes of limits: what is found in it, and by which names.
@Suite struct LimitHistoryTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    private func set(
        _ target: String, tenant: String? = nil, _ action: LimitChangeSet.Action = .set,
        _ outcome: LimitChangeSet.Outcome = .done, undoes: Int64? = nil, boot: String? = "b",
        at seconds: Int64 = 0, paths: [String] = []
    ) -> LimitChangeSet {
        var set = LimitChangeSet(
            at: StoreRig.moment(seconds).wall, uid: 1000, user: "ann", boot: boot, target: target,
            tenant: tenant, action: action, outcome: outcome, reason: "because", undoes: undoes)
        set.changes = paths.map { write($0) }
        return set
    }

    private func write(
        _ path: String, id: Int64 = 5, _ key: LimitKey = .pidsMax, after: Int64 = 9,
        isVerified: Bool = true, hits: Int64? = nil
    ) -> LimitChange {
        LimitChange(
            PlannedWrite(
                path: path, cgroupID: id, owner: .systemd(unit: "a.slice"), key: key,
                before: .number(.max), wanted: .number(.at(9))), after: .number(.at(after)),
            isVerified: isVerified, hitCount: hits)
    }

    @Test func everyFieldComesBack() throws {
        var full = set(
            "docker/web@acme", tenant: "acme", .boost, at: 5, paths: ["/a/web", "/a/web2"])
        full.expires = StoreRig.moment(65).wall
        full.changes[0].wantedBefore = "7"
        full.changes[0].hitCount = 3
        full.changes[1].isVerified = false
        var bare = set("/x", .alert, .failed, boot: nil)
        bare.reason = nil
        let (first, second) = (
            try rig.store.finishLimitChange(full), try rig.store.finishLimitChange(bare)
        )
        #expect(first.id == 1 && second.id == 2 && first.hash.count == 64)
        #expect(first.hash != second.hash)
        (full.id, full.hash) = (1, first.hash)
        (bare.id, bare.hash) = (2, second.hash)
        #expect(try rig.store.limitHistory() == [full, bare])
        #expect(try rig.store.limitChangeSet(1) == full && rig.store.limitChangeSet(3) == nil)
        #expect(first.changes[0].owner == "systemd:a.slice" && first.changes[0].key == "pids.max")
    }

    /// The hash covers every field: two records that differ in one have different hashes.
    @Test func noFieldIsOutsideTheHash() throws {
        let base = set("acme", tenant: "acme", paths: ["/a"])
        func of(_ change: (inout LimitChangeSet) -> Void) -> [UInt8] {
            var set = base
            change(&set)
            return hash(set, after: [1, 2, 3])
        }
        let hashes = [
            of { _ in }, of { $0.at = StoreRig.moment(1).wall }, of { $0.boot = nil },
            of { $0.id = 2 }, of { $0.undoes = 1 },
            of { $0.boot = "" }, of { $0.uid = 0 }, of { $0.user = "bob" },
            of { $0.target = "lab" }, of { $0.tenant = nil }, of { $0.action = .boost },
            of { $0.outcome = .failed }, of { $0.reason = nil }, of { $0.reason = "x" },
            of { $0.expires = StoreRig.start }, of { $0.changes = [] },
            of { $0.changes += $0.changes }, of { $0.changes[0].path = "/b" },
            of { $0.changes[0].cgroupID = 6 }, of { $0.changes[0].key = "pids.min" },
            of { $0.changes[0].owner = nil }, of { $0.changes[0].before = "1" },
            of { $0.changes[0].wanted = "1" }, of { $0.changes[0].after = "1" },
            of { $0.changes[0].isVerified = false }, of { $0.changes[0].hitCount = 0 },
            of { $0.changes[0].wantedBefore = "" },
        ]
        #expect(Set(hashes).count == hashes.count)
        #expect(of { _ in } == hashes[0], "the same record has the same hash")
        // So does what came before: a record cannot be moved to another place in the chain.
        #expect(hash(base, after: [1, 2]) != hashes[0])
    }

    /// The record of which the tests below look for parts, by number.
    private func fill() throws {
        for change in [
            set("acme", tenant: "acme", paths: ["/t/acme"]),
            set("docker/web@acme", tenant: "acme", paths: ["/t/acme/docker-1.scope"]),
            set("docker/web", paths: ["/docker-2.scope"]),
            set("podman/db@lab", tenant: "lab", paths: ["/t/lab/x_y", "/t/lab/z"]),
            set("/system.slice/web.service", paths: ["/system.slice/web.service"]),
            set("apply"),
        ] { try rig.store.finishLimitChange(change) }
    }

    @Test(
        arguments: [
            ("acme", [1, 2]), ("lab", [4]), ("web", [2, 3]), ("web@acme", [2]),
            ("docker/web@acme", [2]), ("docker/web", [3]), ("db", [4]),
            ("/t/lab/z", [4]), ("lab/z", [4]), ("z", [4]), ("docker-2.scope", [3]),
            ("web.service", [5]), ("/system.slice/web.service", [5]), ("apply", [6]),
            // Names are compared as they are: no wildcards, no parts of names, no other case.
            ("x%y", []), ("x_z", []), ("eb.service", []), ("ACME", []), ("acm", []), ("db@", []),
        ] as [(String, [Int64])])
    func aNameFindsItsChanges(name: String, numbers: [Int64]) throws {
        try fill()
        #expect(try rig.store.limitHistory(of: name).map(\.id) == numbers)
    }

    @Test func theNewestAreKeptAndShownInTheirOrder() throws {
        try fill()
        #expect(try rig.store.limitHistory(most: 2).map(\.id) == [5, 6])
        #expect(try rig.store.limitHistory(of: "acme", most: 1).map(\.id) == [2])
        #expect(try rig.store.limitHistory(most: 0).isEmpty)
        #expect(try rig.store.limitHistory(most: 99).count == 6)
    }

    @Test func anUndoCountsOnlyIfItWasDone() throws {
        let first = try rig.store.finishLimitChange(set("acme", paths: ["/a"])).id
        #expect(try rig.store.limitChange(thatUndid: first) == nil)
        try rig.store.finishLimitChange(set("acme", .undo, .failed, undoes: first))
        #expect(try rig.store.limitChange(thatUndid: first) == nil)
        let undo = try rig.store.finishLimitChange(set("acme", .undo, undoes: first)).id
        try rig.store.finishLimitChange(set("acme", .undo, undoes: first))
        #expect(try rig.store.limitChange(thatUndid: first) == undo, "the first that did it")
    }

    /// Who looks for what to undo finds only what an operator did, and did completely.
    @Test func onlyAnOperatorsChangeCanBeUndone() throws {
        func last() throws -> Int64? { try rig.store.lastUndoable(of: "acme", in: "/")?.id }
        #expect(try last() == nil)
        let first = try rig.store.finishLimitChange(set("acme", paths: ["/a"])).id
        for action in LimitChangeSet.Action.allCases where ![.set, .unset].contains(action) {
            try rig.store.finishLimitChange(set("acme", action, paths: ["/a"]))
        }
        // A failure, one that wrote nothing, and one of somebody else.
        try rig.store.finishLimitChange(set("acme", .set, .failed, paths: ["/a"]))
        try rig.store.finishLimitChange(set("acme"))
        try rig.store.finishLimitChange(set("lab", paths: ["/a"]))
        #expect(try last() == first)
        let unset = try rig.store.finishLimitChange(set("acme", .unset, paths: ["/a"])).id
        #expect(try last() == unset)
        try rig.store.finishLimitChange(set("acme", .undo, undoes: unset, paths: ["/a"]))
        #expect(try last() == first)
    }

    @Test func aBoostCanBeUndoneWhileItStands() throws {
        func last(_ root: String = "/") throws -> Int64? {
            try rig.store.lastUndoable(of: "acme", in: root)?.id
        }
        let overlay = LimitOverlay(
            .boost, LimitSubject(.tenant, "acme"), tenant: "acme", root: "/", .pidsMax,
            .number(.at(9)), since: StoreRig.start, until: StoreRig.moment(60).wall)
        let boost = try rig.store.finishLimitChange(
            set("acme", .boost, paths: ["/a"]), [.lay(overlay)])
        #expect(try last() == boost.id && last("/other") == nil)
        try rig.store.finishLimitChange(set("acme", .expire), [.end(overlay: 1)])
        #expect(try last() == nil)
    }

    /// What the daemon compares the kernel with after a restart.
    @Test func theLastVerifiedValueOfABootIsKnown() throws {
        func last(_ id: Int64, _ key: String = "pids.max", boot: String = "b") throws -> String? {
            try rig.store.lastLimitChange(of: id, key, boot: boot).map {
                "\($0.after) \($0.at.seconds - StoreRig.start.seconds) \($0.hitCount ?? -1)"
            }
        }
        var first = set("acme", at: 3)
        first.changes = [write("/a", id: 5, after: 9, hits: 4), write("/b", id: 6, after: 8)]
        try rig.store.finishLimitChange(first)
        var second = set("acme", .set, .failed, at: 4)
        second.changes = [write("/a", id: 5, after: 7, isVerified: false)]
        try rig.store.finishLimitChange(second)
        var other = set("acme", boot: "c", at: 5)
        other.changes = [write("/a", id: 5, after: 6)]
        try rig.store.finishLimitChange(other)
        #expect(try last(5) == "9 3 4" && last(6) == "8 3 -1")
        #expect(try last(5, boot: "c") == "6 5 -1")
        #expect(try last(5, "cpu.max") == nil && last(7) == nil && last(5, boot: "d") == nil)
    }
}
