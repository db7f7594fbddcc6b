import CgroupFormat
import Limits
import Metering
import TestSupport
import Testing
import Units

@testable import Store

/// How long tenants and containers had boosted limits, as usage shows it.
@Suite struct BoostedTimeTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    private static func at(_ seconds: Int64) -> Instant { StoreRig.moment(seconds).wall }

    private static func period(_ start: Int64, _ end: Int64) throws -> Period {
        try #require(Period(start: at(start), end: at(end)))
    }

    private func usage(
        _ tenant: String?, _ container: String?, _ start: Int64 = 0, _ end: Int64 = 3600
    ) throws -> Usage {
        Usage(
            period: try Self.period(start, end), tenant: tenant, container: container, meter: .cpu,
            quantity: 1, assurance: .sampled)
    }

    private func span(
        _ start: Int64, _ end: Int64, tenant: String? = "acme", paths: [String] = ["/a"],
        isTenant: Bool = false
    ) throws -> BoostedSpan {
        BoostedSpan(
            period: try Self.period(start, end), tenant: tenant, paths: paths, isTenant: isTenant)
    }

    @Test(
        arguments: [
            // A boost of one container: its own row and rows of several containers.
            (false, "acme", "/a", true), (false, "acme", "/b", false), (false, "lab", "/a", false),
            (false, "acme", nil, true), (false, "lab", nil, false), (false, nil, "/a", true),
            (false, nil, "/b", false), (false, nil, nil, true),
            // A boost of the tenant: all of its containers.
            (true, "acme", "/b", true), (true, "acme", nil, true), (true, "lab", "/a", false),
            (true, nil, nil, true),
        ] as [(Bool, String?, String?, Bool)])
    func aBoostCoversWhatIsBoosted(
        isTenant: Bool, tenant: String?, container: String?, isCovered: Bool
    ) throws {
        let span = try span(0, 60, isTenant: isTenant)
        #expect(try span.covers(usage(tenant, container)) == isCovered)
    }

    @Test func timeWithTwoBoostsCountsOnce() throws {
        let spans = [
            try span(1800, 7200), try span(0, 3600), try span(600, 900),
            try span(9000, 9060, paths: ["/b"]), try span(10_000, 10_001),
        ]
        #expect(try spans.milliseconds(of: usage("acme", "/a", 0, 20_000)) == 7_201_000)
        #expect(try spans.milliseconds(of: usage("acme", "/a", 3000, 3600)) == 600_000)
        #expect(try spans.milliseconds(of: usage("acme", "/b", 0, 20_000)) == 60_000)
        #expect(try spans.milliseconds(of: usage("acme", nil, 0, 20_000)) == 7_261_000)
        #expect(try spans.milliseconds(of: usage("lab", "/a", 0, 20_000)) == 0)
        #expect(try [BoostedSpan]().milliseconds(of: usage("acme", "/a")) == 0)
    }

    /// The same as marking every second of a small clock.
    @Test func boostedTimeIsTheUnionOfSpans() throws {
        var random = SeededRandom(seed: 71)
        for _ in 0..<400 {
            var marked = Set<Int64>()
            let spans = try (0..<Int.random(in: 0...6, using: &random)).map { _ in
                let start = Int64.random(in: 0...50, using: &random)
                let end = start + Int64.random(in: 1...20, using: &random)
                let isIts = Bool.random(using: &random)
                if isIts { marked.formUnion(start..<end) }
                return try span(start, end, paths: [isIts ? "/a" : "/b"])
            }
            let start = Int64.random(in: 0...60, using: &random)
            let end = start + Int64.random(in: 1...30, using: &random)
            let seconds = marked.filter { (start..<end).contains($0) }.count
            #expect(
                try spans.milliseconds(of: usage("acme", "/a", start, end))
                    == Int64(seconds) * 1000)
        }
    }

    /// Lays a boost and returns the number of its change.
    private func boost(
        _ subject: LimitSubject, _ tenant: String?, from start: Int64, paths: [String],
        keys: [LimitKey] = [.pidsMax]
    ) throws -> Int64 {
        var set = LimitChangeSet(
            at: Self.at(start), uid: 0, user: "root", target: subject.name, tenant: tenant,
            action: .boost, outcome: .done, reason: nil)
        set.changes = paths.map(write)
        let overlays = keys.map {
            LimitEffect.lay(
                LimitOverlay(
                    .boost, subject, tenant: tenant, root: "/", $0, $0.initial,
                    since: Self.at(start), until: Self.at(start + 100_000)))
        }
        return try rig.store.finishLimitChange(set, overlays).id
    }

    private func write(_ path: String) -> LimitChange {
        LimitChange(
            PlannedWrite(
                path: path, cgroupID: 1, owner: .file, key: .pidsMax, before: .number(.max),
                wanted: .number(.max)), after: .number(.max), isVerified: true, hitCount: nil)
    }

    private func end(_ overlays: [Int64], at seconds: Int64) throws {
        let set = LimitChangeSet(
            at: Self.at(seconds), uid: 0, user: "root", target: "x", tenant: nil, action: .expire,
            outcome: .done, reason: nil)
        try rig.store.finishLimitChange(set, overlays.map { .end(overlay: $0) })
    }

    private func spans(_ start: Int64, _ end: Int64, now: Int64 = 50_000) throws -> [BoostedSpan] {
        try rig.store.boostedSpans(over: Self.period(start, end), at: Self.at(now))
    }

    @Test func aBoostCountsFromItsStartToItsEnd() throws {
        let web = LimitSubject(.container, "docker/web@acme")
        _ = try boost(web, "acme", from: 1000, paths: ["/a"], keys: [.pidsMax, .cpuWeight])
        // While it is in force it counts up to now.
        #expect(try spans(0, 9000, now: 4000) == [span(1000, 4000)])
        #expect(try spans(0, 9000) == [span(1000, 9000)])
        try end([1, 2], at: 5000)
        #expect(try spans(0, 9000) == [span(1000, 5000)])
        #expect(try spans(2000, 3000) == [span(2000, 3000)])
        #expect(try spans(4999, 9000) == [span(4999, 5000)])
        // A period that only touches it has nothing of it.
        #expect(try spans(5000, 9000).isEmpty && spans(0, 1000).isEmpty)
    }

    @Test func stepsOfBudgetsAreNoBoosts() throws {
        let layer = LimitOverlay(
            .budget, LimitSubject(.tenant, "acme"), tenant: "acme", root: "/", .pidsMax,
            .number(.at(1)), since: Self.at(0), until: nil)
        let set = LimitChangeSet(
            at: Self.at(0), uid: 0, user: "octroi", target: "acme", tenant: "acme", action: .budget,
            outcome: .done, reason: nil)
        try rig.store.finishLimitChange(set, [.lay(layer)])
        #expect(try spans(0, 9000).isEmpty)
    }

    @Test func everyBoostHasItsOwnSpan() throws {
        _ = try boost(LimitSubject(.tenant, "acme"), "acme", from: 0, paths: ["/t/acme"])
        _ = try boost(LimitSubject(.container, "/x"), nil, from: 100, paths: ["/x", "/x"])
        try end([2], at: 200)
        #expect(
            try spans(0, 1000) == [
                span(0, 1000, tenant: "acme", paths: ["/t/acme"], isTenant: true),
                span(100, 200, tenant: nil, paths: ["/x"]),
            ])
    }

    /// A container that was made anew while the boost was in force has it too, by another path.
    @Test func aContainerMadeAnewIsBoostedToo() throws {
        let web = LimitSubject(.container, "docker/web@acme")
        _ = try boost(web, "acme", from: 1000, paths: ["/docker-1"])
        func reassert(_ path: String, at seconds: Int64, target: String = web.name) throws {
            var set = LimitChangeSet(
                at: Self.at(seconds), uid: 0, user: "octroi", target: target, tenant: "acme",
                action: .reassert, outcome: .done, reason: nil)
            set.changes = [write(path)]
            try rig.store.finishLimitChange(set)
        }
        try reassert("/docker-0", at: 999)
        try reassert("/docker-2", at: 2000)
        try reassert("/docker-9", at: 2000, target: "docker/db@acme")
        try end([1], at: 5000)
        try reassert("/docker-3", at: 5001)
        #expect(try spans(0, 9000).map { $0.paths.sorted() } == [["/docker-1", "/docker-2"]])
    }
}
