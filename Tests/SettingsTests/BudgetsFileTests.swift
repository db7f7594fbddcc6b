import Host
import Limits
import TestSupport
import Testing
import Units

@testable import Settings

/// The list that a text of YAML holds.
private func list(_ text: String) throws -> YAMLValue {
    let root = try #require(try YAMLValue.parse(text, file: "x.yaml"))
    return try #require(try root.anyMembers().first).value
}

/// Expects a fault that names its place in x.yaml and says `found`.
private func expectFault(_ place: String, _ said: String, _ read: () throws -> Void) throws {
    let fault = try #require(throws: Fault.self) { try read() }
    #expect(fault.kind == .badData && fault.location == "x.yaml" + place)
    #expect("\(fault)".contains(said))
}

@Suite struct BudgetsFileTests {
    @Test func budgetsAreRead() throws {
        let east = BillingZone(
            name: "Test/East", offsets: [.init(since: Instant(seconds: 0), seconds: 3600)])
        let budgets = try readBudgets(
            list(
                """
                budgets:
                  - { tenant: acme, amount: "500.00", per: month, ladder: gentle, exempt_until: 2026-12-01T00:00:00Z, exempt_reason: trial month }
                  - tenant: lab
                    amount: "0"
                    per: day
                  - { tenant: free, amount: "7.5", exempt_until: 2026-12-02 }
                """), in: east)
        #expect(
            budgets == [
                Budget(
                    tenant: "acme", amount: try #require(Budget.Amount("500.00")), per: .month,
                    ladder: "gentle", exemptUntil: Instant(rfc3339: "2026-12-01T00:00:00Z"),
                    exemptReason: "trial month"),
                Budget(tenant: "lab", amount: try #require(Budget.Amount("0")), per: .day),
                Budget(
                    tenant: "free", amount: try #require(Budget.Amount("7.5")), per: .month,
                    exemptUntil: Instant(rfc3339: "2026-12-01T23:00:00Z")),
            ])
        #expect(try readBudgets(list("budgets: []"), in: .utc).isEmpty)
    }

    @Test(arguments: [
        ("budgets: 5", ":1: budgets", "not a list"),
        ("budgets:\n  - amount: \"5\"\n", ":2: budgets[0]", "no \"tenant\""),
        ("budgets:\n  - tenant: Acme\n", ":2: budgets[0].tenant", "\"Acme\""),
        ("budgets:\n  - tenant: a\n", ":2: budgets[0]", "no \"amount\""),
        ("budgets:\n  - tenant: a\n    amount: 500\n", ":3: budgets[0].amount", "bare number"),
        ("budgets:\n  - tenant: a\n    amount: \"-5\"\n", ":3: budgets[0].amount", "\"-5\""),
        ("budgets:\n  - tenant: a\n    amount: \"5e2\"\n", ":3: budgets[0].amount", "5e2"),
        ("budgets:\n  - { tenant: a, amount: \"5\", per: week }", ":2: budgets[0].per", "month"),
        ("budgets:\n  - { tenant: a, amuont: \"5\" }", ":2: budgets[0].amuont", "unknown key"),
        (
            "budgets:\n  - { tenant: a, amount: \"5\", exempt_until: soon }",
            ":2: budgets[0].exempt_until", "\"soon\""
        ),
        (
            "budgets:\n  - { tenant: a, amount: \"5\", exempt_reason: x }",
            ":2: budgets[0].exempt_reason", "exempt_until"
        ),
        (
            "budgets:\n  - { tenant: a, amount: \"5\", ladder: \"\" }", ":2: budgets[0].ladder",
            "an id"
        ),
        (
            "budgets:\n  - { tenant: a, amount: \"5\" }\n  - { tenant: a, amount: \"6\" }",
            ":3: budgets[1]", "second time"
        ),
    ])
    func wrongBudgetsNameLineAndKey(text: String, place: String, found: String) throws {
        try expectFault(place, found) { _ = try readBudgets(list(text), in: .utc) }
    }

    @Test func laddersAreRead() throws {
        let ladders = try readLadders(
            list(
                """
                ladders:
                  - id: gentle
                    dwell: 1m
                    grace: 0s
                    leave_below: 90
                    max_tenants_per_tick: 7
                    steps:
                      - { at: 80, do: warn }
                      - { at: 100, do: weight, value: 25 }
                      - { at: 105, do: cpu_cap, paced: true, floor: "0.1" }
                      - { at: 105, do: cpu_cap, paced: true }
                      - { at: 105, do: cpu_cap, cores: "0.02", paced: true }
                      - { at: 110, do: cpu_cap, cores: "0.5" }
                      - { at: 110, do: memory_high }
                      - { at: 112, do: io_max, value: "wbps=10M,riops=200" }
                      - { at: 115, do: no_forks }
                      - { at: 1000, do: freeze, after: 24h }
                  - { id: short, steps: [{ at: 100, do: warn }] }
                """))
        let (floor, least) = (Rational(1) / Rational(20), Rational(1) / Rational(50))
        let gentle = Ladder(
            id: "gentle", dwellMilliseconds: 60_000, graceMilliseconds: 0, leaveBelow: 90,
            maxTenantsPerTick: 7,
            steps: [
                Ladder.Step(at: 80, .warn), Ladder.Step(at: 100, .weight(25)),
                Ladder.Step(
                    at: 105, .cpuCap(cores: nil, isPaced: true, floor: Rational(1) / Rational(10))),
                Ladder.Step(at: 105, .cpuCap(cores: nil, isPaced: true, floor: floor)),
                Ladder.Step(at: 105, .cpuCap(cores: least, isPaced: true, floor: least)),
                Ladder.Step(
                    at: 110,
                    .cpuCap(cores: Rational(1) / Rational(2), isPaced: false, floor: floor)),
                Ladder.Step(at: 110, .memoryHigh),
                Ladder.Step(at: 112, .ioMax("wbps=10M,riops=200")),
                Ladder.Step(at: 115, .noForks),
                Ladder.Step(at: 1000, .freeze, afterMilliseconds: 86_400_000),
            ])
        #expect(ladders == [gentle, Ladder(id: "short", steps: [Ladder.Step(at: 100, .warn)])])
    }

    private static func ladder(_ steps: String...) -> String {
        "ladders:\n  - id: x\n    steps:\n" + steps.map { "      - { \($0) }\n" }.joined()
    }

    @Test(arguments: [
        ("ladders:\n  - id: x\n", ":2: ladders[0]", "no \"steps\""),
        ("ladders:\n  - { id: x, steps: [] }", ":2: ladders[0].steps", "no step"),
        ("ladders:\n  - { id: X, steps: [] }", ":2: ladders[0].id", "\"X\""),
        (ladder("at: 1, do: warn") + "    dwell: 5\n", ":5: ladders[0].dwell", "\"5\""),
        (ladder("at: 1, do: warn") + "    grace: -1m\n", ":5: ladders[0].grace", "0s"),
        (ladder("at: 1, do: warn") + "    leave_below: 100\n", ":5: ladders[0].leave_below", "99"),
        (
            ladder("at: 1, do: warn") + "    max_tenants_per_tick: 0\n",
            ":5: ladders[0].max_tenants_per_tick", "from 1"
        ),
        (
            ladder("at: 1, do: warn") + "  - { id: x, steps: [{ at: 1, do: warn }] }\n",
            ":5: ladders[1]", "second time"
        ),
        (ladder("do: warn"), ":4: ladders[0].steps[0]", "no \"at\""),
        (ladder("at: 0, do: warn"), ":4: ladders[0].steps[0].at", "from 1 to 1000"),
        (ladder("at: 1001, do: warn"), ":4: ladders[0].steps[0].at", "from 1 to 1000"),
        (ladder("at: 80%, do: warn"), ":4: ladders[0].steps[0].at", "80%"),
        (ladder("at: 90, do: warn", "at: 80, do: freeze"), ":5: ladders[0].steps[1].at", "Sort"),
        (ladder("at: 80"), ":4: ladders[0].steps[0]", "no \"do\""),
        (ladder("at: 80, do: shout"), ":4: ladders[0].steps[0].do", "no_forks, freeze"),
        (ladder("at: 80, do: stop"), ":4: ladders[0].steps[0].do", "does not stop containers"),
        (ladder("at: 80, do: warn, aftr: 1h"), ":4: ladders[0].steps[0].aftr", "unknown key"),
        (ladder("at: 80, do: warn, value: 5"), ":4: ladders[0].steps[0].value", "Remove it"),
        (ladder("at: 80, do: freeze, after: 1"), ":4: ladders[0].steps[0].after", "duration"),
        (ladder("at: 80, do: weight"), ":4: ladders[0].steps[0]", "no \"value\""),
        (ladder("at: 80, do: weight, value: 0"), ":4: ladders[0].steps[0].value", "from 1 to"),
        (
            ladder("at: 80, do: weight, value: 5, floor: \"1\""), ":4: ladders[0].steps[0].floor",
            "takes value"
        ),
        (ladder("at: 80, do: cpu_cap"), ":4: ladders[0].steps[0]", "paced: true"),
        (ladder("at: 80, do: cpu_cap, paced: yes"), ":4: ladders[0].steps[0].paced", "\"yes\""),
        (ladder("at: 80, do: cpu_cap, cores: 1"), ":4: ladders[0].steps[0].cores", "bare number"),
        (
            ladder("at: 80, do: cpu_cap, cores: \"0.0009\""), ":4: ladders[0].steps[0].cores",
            "0.001"
        ),
        (
            ladder("at: 80, do: cpu_cap, cores: \"1\", floor: \"0.1\""),
            ":4: ladders[0].steps[0].floor", "not paced"
        ),
        (
            ladder("at: 80, do: cpu_cap, paced: true, cores: \"1\", floor: \"1.5\""),
            ":4: ladders[0].steps[0].floor", "above the cap"
        ),
        (ladder("at: 80, do: io_max, value: fast"), ":4: ladders[0].steps[0].value", "fast"),
        (
            ladder("at: 80, do: io_max, value: \"/dev/vda:wbps=1M\""),
            ":4: ladders[0].steps[0].value", "every device"
        ),
    ])
    func wrongLaddersNameLineAndKey(text: String, place: String, found: String) throws {
        try expectFault(place, found) { _ = try readLadders(list(text)) }
    }

    /// A limit that the command line sets and the file refuses as an unknown key would be a limit that no contract can grant.
    @Test(arguments: LimitKey.plain.filter { $0 != .freeze }.map(\.file) + ["cpu", "io.max"])
    func theFileKnowsEveryLimit(name: String) throws {
        let fault = try #require(throws: Fault.self) {
            _ = try readLimits(list("limits:\n  - tenant: a\n    \(name): [1]\n"))
        }
        #expect(!fault.problem.contains("unknown key"), "\(fault)")
    }

    @Test func limitsAreRead() throws {
        let limits = try readLimits(
            list(
                """
                limits:
                  - tenant: acme
                    cpu: "2"
                    cpu.weight: 100
                    memory.high: 3G
                    memory.max: 4G
                    memory.swap.max: 0
                    memory.low: 1G
                    memory.min: 64M
                    cpuset.cpus: 0-3,7
                    pids.max: 500
                    io.max: { /dev/vda: "wbps=50M", /dev/vdb: "rbps=1G,wiops=100" }
                    io.weight: 50
                    drift: adopt
                  - { tenant: lab }
                """))
        let words = [
            "cpu=2", "cpu.weight=100", "cpuset.cpus=0-3,7", "memory.high=3G", "memory.max=4G",
            "memory.swap.max=0", "memory.low=1G", "memory.min=64M", "io.weight=50", "pids.max=500",
            "io.max=/dev/vda:wbps=50M", "io.max=/dev/vdb:rbps=1G,wiops=100",
        ]
        #expect(limits.map(\.tenant) == ["acme", "lab"] && limits.map(\.drift) == [.adopt, nil])
        #expect(
            try limits.map { $0.settings.map(\.spec) }
                == [words.map { try LimitSpec(parsing: $0) }, []])
        let disk = limits.first?.settings.dropFirst(10).first
        #expect(disk?.place.hasSuffix(":12: limits[0].io.max./dev/vda") == true)
    }

    @Test(arguments: [
        ("limits:\n  - cpu: \"2\"\n", ":2: limits[0]", "no \"tenant\""),
        ("limits:\n  - tenant: a\n    cpus: 2\n", ":3: limits[0].cpus", "unknown key"),
        ("limits:\n  - tenant: a\n    cpu: two\n", ":3: limits[0].cpu", "two"),
        ("limits:\n  - tenant: a\n    cpu.weight: 0\n", ":3: limits[0].cpu.weight", "10000"),
        ("limits:\n  - tenant: a\n    memory.max: [1]\n", ":3: limits[0].memory.max", "single"),
        ("limits:\n  - tenant: a\n    cpu: 1\n    cpu.max: 2\n", ":4: limits[0].cpu.max", "same"),
        ("limits:\n  - tenant: a\n    io.max: \"wbps=5\"\n", ":3: limits[0].io.max", "mapping"),
        (
            "limits:\n  - tenant: a\n    io.max:\n      /dev/vda: \"wbps=0\"\n",
            ":4: limits[0].io.max./dev/vda", "wbps=0"
        ),
        ("limits:\n  - tenant: a\n    drift: ignore\n", ":3: limits[0].drift", "reassert"),
        ("limits:\n  - tenant: a\n  - tenant: a\n", ":3: limits[1]", "second time"),
    ])
    func wrongLimitsNameLineAndKey(text: String, place: String, found: String) throws {
        try expectFault(place, found) { _ = try readLimits(list(text)) }
    }

    @Test func theShippedFilesEnforceNothing() throws {
        func root(_ name: String) throws -> YAMLValue {
            let path = "\(repository)/config/\(name)"
            return try #require(try YAMLValue.parse(try readText(path), file: path))
        }
        let budgets = try root("budgets.yaml").members(["budgets", "ladders"])
        #expect(try readBudgets(budgets.required("budgets"), in: .utc).isEmpty)
        let ladders = try readLadders(budgets.required("ladders"))
        #expect(ladders.map(\.id) == ["gentle"])
        #expect(try readLimits(root("limits.yaml").members(["limits"]).required("limits")).isEmpty)
    }
}
