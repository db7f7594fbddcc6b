import Invoicing
import TestSupport
import Testing
import Units

/// Caveats are sealed into invoices as texts, and are read back from there.
@Suite struct MeteringCaveatTests {
    private static let start = Instant(seconds: 1_793_491_200)
    private static let end = Instant(milliseconds: 1_793_577_600_500)

    /// The texts of issued invoices never change, so these are golden.
    @Test(
        arguments: [
            (
                MeteringCaveat.assured(
                    meter: "cpu", [.init("conserved", 3_600_000_000), .init("sampled", 12)]),
                .assurance, "cpu: conserved 3600000000, sampled 12"
            ),
            (
                .gap(since: start, until: end, reason: "rebooted"), .gap,
                "2026-11-01T00:00:00Z to 2026-11-02T00:00:00.500Z: rebooted"
            ),
            (
                .unmetered(container: "/web", since: start, until: end, reason: "root_vanished"),
                .unmetered,
                "/web: from 2026-11-01T00:00:00Z until 2026-11-02T00:00:00.500Z, root_vanished"
            ),
            (
                .unmetered(
                    container: "/web", since: nil, until: end, reason: "before_first_reading"),
                .unmetered, "/web: until 2026-11-02T00:00:00.500Z, before_first_reading"
            ),
            (
                .unmeasured(
                    .init(
                        container: "/web", meters: ["cpu", "memory"], since: start, until: end,
                        file: "its cgroup", reason: "failed", detail: "EIO, twice", isMadeGood: true
                    )),
                .unmetered,
                "/web: cpu, memory not measured from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00.500Z "
                    + "(its cgroup: failed, EIO, twice); the counter went on, and its next reading was billed"
            ),
            (.remark(.open, "the last reading is of A"), .open, "the last reading is of A"),
        ] as [(MeteringCaveat, MeteringCaveat.Kind, String)])
    func aCaveatHasItsText(caveat: MeteringCaveat, kind: MeteringCaveat.Kind, text: String) {
        #expect(caveat.kind == kind && caveat.text == text)
        #expect(MeteringCaveat(kind, text) == caveat)
    }

    /// A text of another form, or of a form that only looks known, is kept as it is.
    @Test(arguments: [
        "", ": ", "cpu", "cpu: conserved", "cpu: conserved x", "cpu: conserved 1,", "cpu: a +1",
        "and 3 more: octroi report unmetered", "A to B: rebooted", "/web: until A, reason",
        "2026-11-01T01:00:00+01:00 to 2026-11-02T00:00:00Z: rebooted",
        "2026-11-01T00:00:00.000Z to 2026-11-02T00:00:00Z: rebooted",
        "/web until 2026-11-01T00:00:00Z, x",
        "/web: cpu not measured from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z",
        "/web: cpu not measured from A to B (cpu.stat: malformed, x)",
    ])
    func anUnknownTextIsARemark(text: String) {
        for kind in MeteringCaveat.Kind.allCases {
            #expect(MeteringCaveat(kind, text) == .remark(kind, text))
        }
    }

    /// Whatever stands in an old invoice, its hash depends on the same text.
    @Test func everyTextStaysAsItIs() {
        let parts = [
            "/web", ": ", ", ", " to ", "until ", "from ", " not measured from ", " (", ")",
            "2026-11-01T00:00:00Z", "2026-11-02T00:00:00.500Z", "cpu", "memory", "12", "-3", "+4",
            "rebooted", " ", "; the counter went on, and its next reading was billed", "é",
        ]
        var random = SeededRandom(seed: 77)
        var typed = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &random)
            let text = (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
            for kind in MeteringCaveat.Kind.allCases {
                let caveat = MeteringCaveat(kind, text)
                #expect(caveat.text == text && caveat.kind == kind)
                if case .remark = caveat { continue }
                typed += 1
            }
        }
        #expect(typed > 10)
    }

    /// Names of containers are chosen by their owners, and may look like any part of a text.
    @Test(arguments: [
        "/a: b", "/a, b", "/x until 2026-11-01T00:00:00Z, y", "/from 2026-11-01T00:00:00Z until ",
        "/rebooted: not_running", "", "/a (b: c, d)",
    ])
    func aNameMayLookLikeACaveat(name: String) {
        let end = Self.end
        let caveats: [MeteringCaveat] = [
            .unmetered(container: name, since: Self.start, until: end, reason: "root_vanished"),
            .unmetered(container: name, since: nil, until: end, reason: "before_first_reading"),
            .unmeasured(
                .init(
                    container: name, meters: ["cpu"], since: Self.start, until: end,
                    file: "cpu.stat", reason: "malformed", detail: name, isMadeGood: false)),
        ]
        for caveat in caveats { #expect(MeteringCaveat(caveat.kind, caveat.text) == caveat) }
    }

    @Test func onlyCodesAndMetersAreTranslated() {
        let caveat = MeteringCaveat.unmeasured(
            .init(
                container: "/cpu: malformed", meters: ["cpu", "gpu"], since: Self.start,
                until: Self.end, file: "cpu.stat", reason: "malformed", detail: "malformed",
                isMadeGood: false))
        let words = caveat.text {
            "<\($0)>"
        } meter: {
            "[\($0)]"
        }
        #expect(
            words == "/cpu: malformed: [cpu], [gpu] not measured from 2026-11-01T00:00:00Z to "
                + "2026-11-02T00:00:00.500Z (cpu.stat: <malformed>, malformed)")
    }
}
