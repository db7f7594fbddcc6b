import CgroupFormat
@testable import Enforcing
import Limits
import Metering
@testable import Store
import Testing
import Units

/// What the steps of a ladder come to in limits.
@Suite struct StepLimitsTests {
    private func limits(
        _ rig: LimitRig, _ steps: [Ladder.Action], cap: Rational? = nil,
        standing: [LimitOverlay] = []
    ) throws -> StepLimits {
        let ladder = Ladder(
            id: "hard", steps: steps.enumerated().map { .init(at: Int64($0 + 1) * 10, $1) })
        let now = Instant(milliseconds: rig.time.milliseconds)
        let look = BudgetLook(
            Budget(
                tenant: "acme", amount: try #require(Budget.Amount("100")), per: .month,
                ladder: "hard"),
            ladder, nil,
            TenantSpending(
                tenant: "acme", currency: try #require(Currency("EUR")),
                period: try #require(
                    Period(start: now, end: Instant(milliseconds: now.milliseconds + 1_000_000))),
                until: now, spent: .zero, burn: .zero, otherBurn: .zero, forecast: .zero,
                cpuPrice: nil), at: now, isFresh: true)
        var state = look.next(mayTighten: true).state
        state.rung = steps.count
        return StepLimits(look, state, cap, standing, try LimitTargets(rig.tree, rig.store))
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

    @Test func theLaterStepsWordHolds() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let one = try limits(rig, [.weight(50)])
        let two = try limits(rig, [.weight(50), .weight(10)], standing: carriedOut(one))
        #expect(two.laying.allSatisfy { $0.value == .weight(10) } && two.laying.count == 2)
        #expect(two.replacing.map(\.value) == [.weight(50), .weight(50)] && two.ending.isEmpty)
    }

    @Test func memoryThatCannotShrinkIsLeftAlone() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        try rig.write("0\n", "/acme", "memory.swap.max")
        try rig.write("anon 4096\nfile 0\nkernel 0\nsock 0\nshmem 0\n", "/acme", "memory.stat")
        let plan = try limits(rig, [.memoryHigh])
        #expect(plan.laying.isEmpty && plan.skipped.count == 1)
    }
}
