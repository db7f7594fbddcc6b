import CgroupFormat
import Limits
import Store
import TestSupport
import Testing
import Units

/// Desired limits, overlays and replaced values: what a change leaves in the store.
@Suite struct LimitStateStoreTests {
    private let rig: StoreRig
    private let acme = LimitSubject(.tenant, "acme")
    private let web = LimitSubject(.container, "docker/web@acme")

    init() throws { rig = try StoreRig() }

    private func at(_ seconds: Int64) -> Instant { StoreRig.moment(seconds).wall }

    private func change(_ seconds: Int64 = 0) -> LimitChangeSet {
        LimitChangeSet(
            at: at(seconds), uid: 0, user: "root", target: "acme", tenant: "acme", action: .set,
            outcome: .done, reason: nil)
    }

    @discardableResult
    private func finish(_ seconds: Int64 = 0, _ effects: LimitEffect...) throws -> LimitChangeSet {
        try rig.store.finishLimitChange(change(seconds), effects)
    }

    private func state(_ root: String = "/", boot: String = "b") throws -> LimitState {
        try rig.store.limitState(in: root, boot: boot)
    }

    private func want(
        _ subject: LimitSubject, _ key: LimitKey, _ value: String,
        source: WantedLimit.Source = .command, since seconds: Int64 = 0
    ) throws -> WantedLimit {
        WantedLimit(
            subject, key, try #require(LimitValue(value, for: key)), source: source,
            since: at(seconds))
    }

    private func overlay(
        _ source: LimitOverlay.Source, _ key: LimitKey, _ value: String,
        until: Int64? = nil, root: String = "/"
    ) throws -> LimitOverlay {
        LimitOverlay(
            source, acme, tenant: "acme", root: root, key,
            try #require(LimitValue(value, for: key)), since: at(0), until: until.map(at))
    }

    private func held(
        _ id: Int64, _ key: LimitKey, _ before: String, _ written: String, boot: String = "b",
        root: String = "/"
    ) throws -> HeldLimit {
        HeldLimit(
            PlannedWrite(
                path: "/c\(id)", cgroupID: id, owner: .file, key: key,
                before: try #require(LimitValue(before, for: key)),
                wanted: try #require(LimitValue(written, for: key))), boot: boot, root: root)
    }

    /// Of every kind of limit a value that only this kind can have.
    private static let values: [(LimitKey, String)] = [
        (.cpuMax, "50000 100000"), (.cpuMax, "max 100000"), (.cpuWeight, "250"),
        (.cpusetCpus, "0-3,7"), (.memoryHigh, "3221225472"), (.memoryMax, "max"),
        (.memorySwapMax, "0"), (.memoryLow, "4096"), (.memoryMin, "9223372036854771712"),
        (.ioMax(DeviceNumber(major: 254, minor: 16)), "rbps=max wbps=1048576 riops=max wiops=9"),
        (.ioWeight, "default 50"), (.pidsMax, "500"), (.freeze, "1"),
    ]

    @Test(arguments: values)
    func everyLimitComesBack(key: LimitKey, text: String) throws {
        let wish = try want(web, key, text, source: .adopted, since: 7)
        let layer = try overlay(.boost, key, text, until: 60)
        let replaced = try held(5, key, text, text)
        let set = try finish(3, .want(wish), .lay(layer), .hold(replaced))
        let state = try state()
        #expect(state.wanted == [wish] && state.held == [replaced])
        let found = try #require(state.overlays.first)
        #expect(found.id > 0 && found.change == set.id && state.overlays.count == 1)
        #expect(found.value == layer.value && found.key == key && found.source == .boost)
        #expect(found.subject == acme && found.tenant == "acme" && found.root == "/")
        #expect(found.since == layer.since && found.until == layer.until)
        #expect(state.held(key, in: 5) == replaced.value && state.held(key, in: 6) == nil)
        #expect(try rig.store.wantedLimits(of: web) == [key: wish.value])
        #expect(try rig.store.wantedLimits(of: LimitSubject(.tenant, web.name)).isEmpty)
    }

    @Test func theLastWishCountsUntilItIsTakenBack() throws {
        try finish(0, .want(try want(acme, .pidsMax, "5")), .want(try want(acme, .cpuWeight, "9")))
        try finish(1, .want(try want(acme, .pidsMax, "6", source: .file, since: 1)))
        #expect(
            try rig.store.wantedLimits(of: acme)
                == [.pidsMax: .number(.at(6)), .cpuWeight: .weight(9)])
        try finish(2, .unwant(acme, .pidsMax), .unwant(web, .cpuWeight))
        #expect(try rig.store.wantedLimits(of: acme) == [.cpuWeight: .weight(9)])
    }

    /// Several steps of a budget tighten each other; a boost replaces what it boosts.
    @Test func overlaysLieAboveWishes() throws {
        try finish(
            0, .want(try want(acme, .pidsMax, "900")), .want(try want(acme, .cpuWeight, "100")),
            .lay(try overlay(.budget, .pidsMax, "50")), .lay(try overlay(.budget, .pidsMax, "20")),
            .lay(try overlay(.budget, .pidsMax, "70")),
            .lay(try overlay(.budget, .ioWeight, "default 10")),
            .lay(try overlay(.boost, .cpuWeight, "1000", until: 60)))
        let desired = try state().desired(acme)
        #expect(desired.wanted == [.pidsMax: .number(.at(900)), .cpuWeight: .weight(100)])
        #expect(desired.budget == [.pidsMax: .number(.at(20)), .ioWeight: .weight(10)])
        #expect(desired.boost == [.cpuWeight: .weight(1000)])
        #expect(try state().desired(web).isEmpty)
        #expect(try Set(state().desired.keys) == [acme])
    }

    @Test func anOverlayEndsOnceAndStaysOnRecord() throws {
        try finish(0, .lay(try overlay(.boost, .pidsMax, "5", until: 60)))
        let id = try #require(try state().overlays.first?.id)
        try finish(10, .end(overlay: id))
        try finish(20, .end(overlay: id), .end(overlay: id + 99))
        #expect(try state().overlays.isEmpty)
        #expect(
            try rig.rows("SELECT ended_ms FROM limit_overlay") == ["\(at(10).milliseconds)"])
    }

    /// Each tree has overlays and replaced values of its own.
    @Test func treesDoNotMix() throws {
        try finish(
            0, .lay(try overlay(.boost, .pidsMax, "5", until: 60)),
            .lay(try overlay(.boost, .pidsMax, "6", until: 60, root: "/two")),
            .hold(try held(1, .pidsMax, "max", "5")),
            .hold(try held(1, .pidsMax, "max", "6", root: "/two")))
        #expect(try state().overlays.map(\.value) == [.number(.at(5))])
        #expect(try state("/two").overlays.map(\.value) == [.number(.at(6))])
        #expect(try state().held.map(\.written) == [.number(.at(5))])
        #expect(try state("/two").held.map(\.written) == [.number(.at(6))])
        #expect(try state("/three").overlays.isEmpty)
    }

    /// A cgroup id means nothing after a reboot.
    @Test func whatWasReplacedBeforeARebootIsForgotten() throws {
        try finish(0, .hold(try held(1, .pidsMax, "max", "5", boot: "old")))
        #expect(try state(boot: "b").held.isEmpty && state(boot: "old").held.count == 1)
        try finish(1, .hold(try held(1, .cpuWeight, "100", "5")))
        #expect(try state().held.map(\.key) == [.cpuWeight])
        #expect(try state(boot: "old").held.isEmpty)
    }

    @Test func aReplacedValueIsKeptOnceAndReleasedAlone() throws {
        try finish(
            0, .hold(try held(1, .pidsMax, "max", "5")), .hold(try held(2, .pidsMax, "max", "5")))
        try finish(1, .hold(try held(1, .pidsMax, "max", "7")))
        #expect(try state().held(.pidsMax, in: 1)?.written == .number(.at(7)))
        try finish(2, .release(try held(1, .pidsMax, "max", "7")))
        #expect(try state().held.map(\.cgroupID) == [2])
    }

    /// What was there before the first of several overlays is what comes back.
    @Test(
        arguments: [
            // Known before and written; the kernel's value now; what is to be restored.
            ("max", "50", "50", "max"), ("max", "50", "60", "60"), (nil, nil, "60", "60"),
        ] as [(String?, String?, String, String)])
    func whatIsRestored(before: String?, written: String?, now: String, restored: String) throws {
        func value(_ text: String) throws -> LimitValue {
            try #require(LimitValue(text, for: .pidsMax))
        }
        let known = try before.flatMap { before in
            try written.map { Replaced(before: try value(before), written: try value($0)) }
        }
        let write = PlannedWrite(
            path: "/a", cgroupID: 1, owner: .file, key: .pidsMax, before: try value(now),
            wanted: try value("20"))
        let held = HeldLimit(write, over: known, boot: "b", root: "/")
        #expect(try held.before == value(restored) && held.written == value("20"))
        #expect(held.place == LimitPlace("/a", .pidsMax))
    }

    @Test func treesOfOverdueBoostsAreNamedOnce() throws {
        try finish(
            0, .lay(try overlay(.boost, .pidsMax, "5", until: 60, root: "/b")),
            .lay(try overlay(.boost, .cpuWeight, "5", until: 60, root: "/b")),
            .lay(try overlay(.boost, .pidsMax, "5", until: 30, root: "/a")),
            .lay(try overlay(.budget, .pidsMax, "5", root: "/c")))
        func roots(_ seconds: Int64) throws -> [String] {
            try rig.store.rootsOfOverdueBoosts(at: at(seconds))
        }
        #expect(try roots(29).isEmpty)
        #expect(try roots(30) == ["/a"])
        #expect(try roots(60) == ["/a", "/b"])
        let id = try #require(try state("/a").overlays.first?.id)
        try finish(61, .end(overlay: id))
        #expect(try roots(99) == ["/b"])
    }

    @Test func anUnfinishedChangeIsThereUntilItIsFinished() throws {
        func begin(_ root: String) throws -> Int64 {
            try rig.store.beginLimitChange(
                "{\"of\":\"\(root)\"}", pid: 7, boot: "b", root: root, at: at(0))
        }
        let (first, second, other) = (try begin("/"), try begin("/"), try begin("/two"))
        let pending = try rig.store.pendingLimitChanges(in: "/")
        #expect(pending.map(\.id) == [first, second] && first < second)
        #expect(pending.map(\.change) == ["{\"of\":\"/\"}", "{\"of\":\"/\"}"])
        try rig.store.finishLimitChange(change(), pending: first)
        #expect(try rig.store.pendingLimitChanges(in: "/").map(\.id) == [second])
        #expect(try rig.store.pendingLimitChanges(in: "/two").map(\.id) == [other])
    }

    /// The daemon looks again only when this text is another one.
    @Test func theVersionChangesWithWhatIsWanted() throws {
        try rig.adopt(["acme": []])
        var seen: Set<String> = [try rig.store.limitVersion()]
        func isNew() throws -> Bool {
            let version = try rig.store.limitVersion()
            #expect(try rig.store.limitVersion() == version)
            return seen.insert(version).inserted
        }
        try finish(0, .lay(try overlay(.boost, .pidsMax, "5", until: 60)))
        #expect(try isNew())
        let file = GrantedLimits(
            tenant: "acme", settings: [.pidsMax: .number(.at(9))], drift: nil)
        func apply(_ limits: GrantedLimits) throws {
            var contract = Contract(tenants: nil, books: nil)
            contract.limits = [limits]
            _ = try rig.store.apply(contract, isPlan: false, at: at(1))
        }
        try apply(file)
        #expect(try isNew())
        try apply(file)
        #expect(try !isNew(), "the same file again changes nothing")
        var adopting = file
        adopting.drift = .adopt
        try apply(adopting)
        #expect(try isNew() && state().drift == ["acme": .adopt])
    }

    @Test(arguments: [
        "UPDATE limit_wanted SET value = 'many'", "UPDATE limit_wanted SET file = 'pids.min'",
        "UPDATE limit_wanted SET value = ''",
    ])
    func aLimitThatCannotBeReadIsSaid(sql: String) throws {
        try finish(0, .want(try want(acme, .pidsMax, "5")))
        try rig.execute(sql)
        let fault = try #require(throws: Fault.self) { try state() }
        #expect(fault.location == rig.store.path && fault.problem.contains("cannot be read"))
    }
}
