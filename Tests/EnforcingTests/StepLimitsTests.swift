@testable import Invoicing
import CgroupFormat
@testable import Enforcing
import Limits
import Metering
import Billing
import Store
import TestSupport
import Testing
import Units

/// What the steps of a ladder come to in limits.
@Suite struct StepLimitsTests {
    private func limits(
        _ rig: LimitRig, _ steps: [Ladder.Action], cap: Rational? = nil,
        standing: [LimitOverlay] = [], isReserved: Bool = false
    ) throws -> StepLimits {
        let steps = steps.enumerated().map { Ladder.Step(at: Int64($0 + 1) * 10, $1) }
        let look = try look(steps, spent: 0, isReserved: isReserved)
        var state = look.next(mayTighten: true).state
        state.rung = steps.count
        return StepLimits(look, state, cap, standing, try LimitTargets(rig.tree, rig.store))
    }

    /// A look at a budget of 100, 1,000 s before its end, where a core-second costs 1.
    private func look(
        _ steps: [Ladder.Step], spent: Int64, isReserved: Bool = false
    ) throws -> BudgetLook {
        let now = Instant(seconds: 1_800_000_000)
        var money = TenantSpending(
            tenant: "acme", currency: try #require(Currency("EUR")),
            period: try #require(Period(start: now, end: now.advanced(bySeconds: 1000))),
            until: now, spent: Rational(spent), burn: .zero, otherBurn: .zero, forecast: .zero,
            cpuPrice: Rational(1))
        money.isCPUReserved = isReserved
        let budget = Budget(
            tenant: "acme", amount: try #require(Budget.Amount("100")), per: .month, ladder: "hard")
        return BudgetLook(
            budget, Ladder(id: "hard", steps: steps), nil, money, at: now, isFresh: true)
    }

    /// The cap of a ladder whose steps are all in force, in thousandths of a core.
    private func cap(_ steps: [Ladder.Step], spent: Int64) throws -> Rational? {
        let look = try look(steps, spent: spent)
        var state = look.next(mayTighten: true).state
        state.rung = steps.count
        return look.cap(&state).map { $0 * Rational(1000) }
    }

    private static func paced(_ cores: Int64? = nil) -> Ladder.Action {
        .cpuCap(
            cores: cores.map { Rational($0) / Rational(1000) }, isPaced: true,
            floor: Rational(2) / Rational(1000))
    }

    /// The money left of the budget, or to the next threshold where the step is taken past the budget.
    @Test(
        arguments: [
            (90, [115: .freeze], 60, 40), (90, [115: .freeze], 99, 2), (90, [95: .warn], 60, 40),
            (90, [95: .warn], 99, 2), (90, [95: .warn], 101, 2),
            (105, [115: .freeze], 105, 10), (105, [115: .freeze], 110, 5),
            (105, [115: .freeze], 120, 2), (105, [:], 105, 2), (100, [110: .freeze], 100, 10),
        ] as [(Int64, [Int64: Ladder.Action], Int64, Int64)])
    func aPacedCapSpendsWhatIsLeft(
        at: Int64, next: [Int64: Ladder.Action], spent: Int64, wanted: Int64
    ) throws {
        let step = Ladder.Step(at: at, Self.paced())
        let ladder = [step] + next.map { Ladder.Step(at: $0.key, $0.value) }
        #expect(try cap(ladder, spent: spent) == Rational(wanted))
    }

    @Test func aPacedCapNeverRisesAsMoreIsSpent() throws {
        for at in [50, 100, 105] as [Int64] {
            let ladder = [Ladder.Step(at: at, Self.paced()), .init(at: 140, .freeze)]
            let caps = try (0...150).map { try #require(try cap(ladder, spent: $0)) }
            #expect(zip(caps, caps.dropFirst()).allSatisfy { $0 >= $1 })
        }
    }

    @Test func ofSeveralCapsTheTightestHolds() throws {
        let fixed = Ladder.Action.cpuCap(
            cores: Rational(5) / Rational(1000), isPaced: false, floor: .zero)
        let steps = [Ladder.Step(at: 100, fixed), .init(at: 105, Self.paced(30))]
        #expect(try cap(steps + [.init(at: 145, .freeze)], spent: 105) == Rational(5))
        #expect(try cap([steps[1], .init(at: 145, .freeze)], spent: 105) == Rational(30))
        let later = [Ladder.Step(at: 100, Self.paced()), .init(at: 110, fixed)]
        #expect(try cap(later, spent: 107) == Rational(5))
    }

    @Test func aCapThatIsBelowTheKernelsLeastIsThat() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let plan = try limits(rig, [Self.paced()], cap: Rational(1) / Rational(60_000))
        #expect(plan.laying.map(\.value) == [.cpu(CPUMax(quota: .at(1000), period: 1_000_000))])
    }

    /// A cap would be a reservation, and cost more than it saves.
    @Test func whereLimitsAreBilledNoneIsMade() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let cap = Rational(2)
        let free = try limits(rig, [Self.paced()], cap: cap, isReserved: true)
        #expect(free.laying.isEmpty && free.skipped.count == 1)
        try rig.write("400000 100000\n", "/acme", "cpu.max")
        let granted = try limits(rig, [Self.paced()], cap: cap, isReserved: true)
        #expect(granted.laying.count == 1 && granted.skipped.isEmpty)
        // Once it is laid, it is laid.
        try rig.write("max 100000\n", "/acme", "cpu.max")
        let again = try limits(
            rig, [Self.paced()], cap: cap, standing: carriedOut(granted), isReserved: true)
        #expect(again.ending.isEmpty && again.replacing.isEmpty)
    }

    /// What stands once a plan was carried out.
    private func carriedOut(_ plan: StepLimits, _ before: [LimitOverlay] = []) -> [LimitOverlay] {
        let gone = Set((plan.ending + plan.replacing).map(\.id))
        var standing = before.filter { !gone.contains($0.id) }
        for var overlay in plan.laying {
            overlay.id = Int64(standing.count + before.count + 1)
            standing.append(overlay)
        }
        return standing
    }

    private static let cases: [[Ladder.Action]] = [
        [.warn], [.weight(50), .weight(10)],
        [
            .cpuCap(cores: Rational(4), isPaced: false, floor: .zero),
            .cpuCap(cores: Rational(2), isPaced: false, floor: .zero),
        ],
        [.ioMax("wbps=10M"), .ioMax("wbps=1M,riops=5")], [.memoryHigh, .noForks], [.freeze],
    ]

    @Test(arguments: cases)
    func whatStandsIsNotLaidAgain(steps: [Ladder.Action]) throws {
        let rig = try LimitRig(
            cgroups: ["/acme", "/acme/web"], tenants: [tenant("acme", root: "/acme")])
        try rig.write("8:900 rbytes=1 wbytes=2\n", "/acme", "io.stat")
        let cap = Rational(2)
        let first = try limits(rig, steps, cap: cap)
        let places = first.laying.map { "\($0.subject) \($0.key)" }
        #expect(Set(places).count == places.count, "each limit once")
        #expect(first.laying.isEmpty == (steps == [.warn]))
        var standing = carriedOut(first)
        // More is in use by now.
        try rig.write("999\n", "/acme", "pids.current")
        try rig.write("99999999\n", "/acme", "memory.current")
        let again = try limits(rig, steps, cap: cap, standing: standing)
        #expect(again.laying.isEmpty && again.replacing.isEmpty && again.ending.isEmpty)
        standing = carriedOut(again, standing)
        let left = try limits(rig, [.warn], standing: standing)
        #expect(left.ending.count == standing.count && left.laying.isEmpty)
    }

    @Test func theTighterStepHolds() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let one = try limits(rig, [.weight(50)])
        let two = try limits(rig, [.weight(50), .weight(10)], standing: carriedOut(one))
        #expect(two.laying.allSatisfy { $0.value == .weight(10) } && two.laying.count == 2)
        #expect(two.replacing.map(\.value) == [.weight(50), .weight(50)] && two.ending.isEmpty)
        let looser = try limits(rig, [.weight(10), .weight(50)])
        #expect(looser.laying.map(\.value) == [.weight(10), .weight(10)])
        try rig.write("8:900 rbytes=1 wbytes=2\n", "/acme", "io.stat")
        let both = try limits(rig, [.ioMax("wbps=10M"), .ioMax("riops=200,wbps=20M")])
        #expect(
            both.laying.map { "\($0.value)" } == ["rbps=max wbps=10485760 riops=200 wiops=max"])
    }

    /// A step that is not taken for what cannot be read is said; without the controller there is none.
    @Test(arguments: [
        ("memory.current", "memory.current holds \"x\": memory_high is skipped"),
        ("memory.stat", "memory.stat does not say what can be reclaimed: memory_high is skipped"),
        ("pids.current", "pids.current holds \"x\": no_forks is skipped"),
    ])
    func aStepOfWhatCannotBeReadIsSkippedAndSaid(file: String, said: String) throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        try rig.write("x\n", "/acme", file)
        let action: Ladder.Action = file == "pids.current" ? .noForks : .memoryHigh
        let plan = try limits(rig, [action])
        #expect(plan.laying.isEmpty && plan.skipped.count == 1, "\(plan.skipped)")
        #expect(plan.skipped.first?.contains("/acme: \(said)") == true, "\(plan.skipped)")
        for file in ["pids.max", "memory.high", "memory.max"] {
            try rig.folder.remove("tree/acme/\(file)")
        }
        #expect(try limits(rig, [action]).skipped.isEmpty)
    }

    @Test func memoryThatCannotShrinkIsLeftAlone() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        try rig.write("0\n", "/acme", "memory.swap.max")
        try rig.write("anon 4096\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        let plan = try limits(rig, [.memoryHigh])
        #expect(plan.laying.isEmpty && plan.skipped.count == 1)
    }
}
