import Foundation
import Limits
import TestSupport
import Testing
import Units

private let minute: Int64 = 60_000

/// A ladder of one to six steps, its thresholds from 50 to 150 percent.
private func anyLadder(_ random: inout SeededRandom) -> Ladder {
    let actions: [Ladder.Action] = [
        .warn, .weight(25), .cpuCap(cores: nil, isPaced: true, floor: Rational(1)), .memoryHigh,
        .ioMax("wbps=10M"), .noForks, .freeze,
    ]
    let thresholds = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        Int64.random(in: 10...30, using: &random) * 5
    }.sorted()
    return Ladder(
        id: "any", dwellMilliseconds: .random(in: 1...20, using: &random) * minute,
        graceMilliseconds: .random(in: 0...20, using: &random) * minute,
        steps: thresholds.map { at in
            Ladder.Step(
                at: at, actions.randomElement(using: &random) ?? .warn,
                afterMilliseconds: Bool.random(using: &random)
                    ? nil : .random(in: 0...60, using: &random) * minute)
        })
}

/// Looks at spending that goes up and down and about everything else that can happen.
private func anyLooks(_ random: inout SeededRandom, count: Int = 100) -> [Spending] {
    var look = Spending(
        amount: Rational(Int.random(in: 0...10_000, using: &random)), spent: .zero,
        forecast: .zero, periodStart: Instant(seconds: 0), at: Instant(seconds: 0))
    return (0..<count).map { _ in
        let number = Rational(Int.random(in: 0...20_000, using: &random))
        switch Int.random(in: 0..<20, using: &random) {
        case 0: look.periodStart = look.at
        case 1: look.amount = number
        case 2...4: look.spent = number
        case 5: look.forecast = number
        default: look.spent = look.spent + Rational(Int.random(in: 0...200, using: &random))
        }
        look.at.milliseconds += .random(in: 0...6, using: &random) * minute
        look.isFresh = Int.random(in: 0..<8, using: &random) > 0
        look.isExempt = Int.random(in: 0..<30, using: &random) == 0
        return look
    }
}

private func run(_ ladder: Ladder, _ looks: [Spending]) -> [LadderStep] {
    var steps: [LadderStep] = []
    for look in looks { steps.append(ladder.next(after: steps.last?.state, look)) }
    return steps
}

/// A ladder, what it looked at and what it did.
private struct Run {
    let ladder: Ladder
    let looks: [Spending]
    let steps: [LadderStep]

    init(_ random: inout SeededRandom, count: Int = 100) {
        ladder = anyLadder(&random)
        looks = anyLooks(&random, count: count)
        steps = run(ladder, looks)
    }

    var time: Int64 {
        (looks.last?.at.milliseconds ?? 0) - (looks.first?.at.milliseconds ?? 0)
    }
}

private let runs: [Run] = {
    var random = SeededRandom(seed: 21)
    return (0..<300).map { _ in Run(&random) }
}()

@Suite struct LadderLawTests {
    /// A step up is one step, on fresh metering, its threshold passed in every fresh look of its
    /// wait, and never sooner than a dwell after any change.
    @Test func stepsUpAreEarned() {
        var seen = 0
        for run in runs {
            let (ladder, looks) = (run.ladder, run.looks)
            var (rung, changed) = (0, Int64.min / 2)
            for (index, step) in run.steps.enumerated() {
                let look = looks[index]
                defer {
                    if step.state.rung != rung { changed = look.at.milliseconds }
                    rung = step.state.rung
                }
                guard step.state.rung > rung else { continue }
                seen += 1
                let taken = ladder.steps[rung]
                #expect(step.state.rung == rung + 1 && step.move == .up(taken))
                #expect(look.isFresh && !look.isExempt)
                #expect(look.at.milliseconds - changed >= ladder.dwellMilliseconds)
                let wait = max(
                    taken.action == .warn ? 0 : ladder.graceMilliseconds,
                    taken.afterMilliseconds ?? 0)
                let waited = looks[...index].filter {
                    look.at.milliseconds - $0.at.milliseconds < wait && $0.isFresh
                }
                #expect(waited.allSatisfy { $0.passes(taken) && !$0.isExempt })
            }
        }
        #expect(seen > 500)
    }

    /// Of T milliseconds, with a dwell of d, at most ⌊T ÷ d⌋ + 1 changes are upward (each comes at
    /// least d after any other), and so the direction changes at most 2⌊T ÷ d⌋ + 1 times.
    @Test func itNeverFlaps() {
        for run in runs {
            let rungs = [0] + run.steps.map(\.state.rung)
            let directions = zip(rungs, rungs.dropFirst()).map { $1 - $0 }.filter { $0 != 0 }
            let turns = zip(directions, directions.dropFirst()).count { ($0 > 0) != ($1 > 0) }
            #expect(turns <= 2 * Int(run.time / run.ladder.dwellMilliseconds) + 1)
        }
    }

    /// Around a threshold, within the margin, there is one change: the step that is taken.
    @Test func withinTheMarginNothingFlaps() {
        var random = SeededRandom(seed: 23)
        for _ in 0..<300 {
            var ladder = anyLadder(&random)
            ladder.steps = [ladder.steps[0]]
            let at = Rational(ladder.steps[0].at)
            let looks = (0..<100).map { index in
                Spending(
                    amount: Rational(100),
                    spent: at * Rational(Int.random(in: 95...105, using: &random)) / Rational(100),
                    forecast: .zero, periodStart: Instant(seconds: 0),
                    at: Instant(seconds: Int64(index) * 60))
            }
            let rungs = [0] + run(ladder, looks).map(\.state.rung)
            #expect(zip(rungs, rungs.dropFirst()).count { $0 != $1 } <= 1)
        }
    }

    /// Without relief a step is left only after two fresh looks below its margin, one at a time.
    @Test func stepsAreLeftWithCare() {
        var seen = 0
        for run in runs {
            let (ladder, looks) = (run.ladder, run.looks)
            var rung = 0
            for (index, step) in run.steps.enumerated() {
                defer { rung = step.state.rung }
                guard step.move == .down(to: step.state.rung, because: .spentLess) else { continue }
                seen += 1
                #expect(step.state.rung == rung - 1)
                let left = ladder.steps[rung - 1]
                let line = Rational(left.at) * Rational(ladder.leaveBelow) / Rational(100)
                let last = looks[...index].filter(\.isFresh).suffix(2)
                #expect(last.count == 2)
                #expect(
                    last.allSatisfy { $0.spent <= .zero || $0.percent.map { $0 < line } == true })
            }
        }
        #expect(seen > 100)
    }

    /// Stale metering changes nothing; but a new period, a raised budget and an exemption loosen.
    @Test func staleLooksNeverTighten() {
        for run in runs {
            var before: LadderState?
            for (look, step) in zip(run.looks, run.steps) {
                defer { before = step.state }
                guard let before, !look.isFresh else { continue }
                #expect(step.state.rung <= before.rung)
                let isRelieved =
                    look.isExempt || look.periodStart != before.periodStart
                    || look.amount > before.amount
                if !isRelieved {
                    #expect(step.state.rung == before.rung && step.move == .held(.stale))
                    #expect(step.state.pastSince == before.pastSince)
                }
            }
        }
    }

    /// Who never spends less at any time never stands lower.
    @Test func whoSpendsMoreStandsNoLower() {
        var random = SeededRandom(seed: 26)
        var apart = 0
        for _ in 0..<300 {
            let ladder = anyLadder(&random)
            var less = Spending(
                amount: Rational(Int.random(in: 0...100, using: &random)), spent: .zero,
                forecast: .zero, periodStart: Instant(seconds: 0), at: Instant(seconds: 0))
            var (pairs, more): ([(Spending, Spending)], Spending) = ([], less)
            var extra = (Rational.zero, Rational.zero)
            for _ in 0..<60 {
                less.at.milliseconds += .random(in: 0...6, using: &random) * minute
                less.isFresh = Int.random(in: 0..<8, using: &random) > 0
                less.spent = less.spent + Rational(Int.random(in: 0...2, using: &random))
                less.forecast = less.forecast + Rational(Int.random(in: 0...3, using: &random))
                extra.0 = extra.0 + Rational(Int.random(in: 0...1, using: &random))
                extra.1 = extra.1 + Rational(Int.random(in: 0...1, using: &random))
                more = less
                (more.spent, more.forecast) = (less.spent + extra.0, less.forecast + extra.1)
                pairs.append((less, more))
            }
            let (low, high) = (run(ladder, pairs.map(\.0)), run(ladder, pairs.map(\.1)))
            for (a, b) in zip(low, high) {
                #expect(a.state.rung <= b.state.rung)
                apart += a.state.rung < b.state.rung ? 1 : 0
            }
        }
        #expect(apart > 500)
    }

    /// Enough money frees at once; spending that sinks frees within one look more than steps.
    @Test func withMoneyEnoughNothingIsThrottled() throws {
        var random = SeededRandom(seed: 27)
        for run in runs {
            let ladder = run.ladder
            let state = try #require(run.steps.last).state
            var look = try #require(run.looks.last)
            (look.spent, look.forecast) = (Rational(1), Rational(1))
            (look.isFresh, look.isExempt) = (Bool.random(using: &random), false)
            var richer = look
            richer.amount = look.amount + Rational(1000)
            #expect(ladder.next(after: state, richer).state.rung == 0)
            var turned = look
            turned.amount = max(look.amount, Rational(10))
            turned.periodStart = Instant(seconds: 999_999)
            #expect(ladder.next(after: state, turned).state.rung == 0)
            look.isFresh = true
            (look.spent, look.forecast) = (.zero, .zero)
            let sunk = (0...ladder.steps.count).reduce(state) { state, _ in
                ladder.next(after: state, look).state
            }
            #expect(sunk.rung == 0)
        }
    }

    /// A state that was stored and read back goes on as if it had not been.
    @Test func aStoredStateGoesOn() throws {
        var random = SeededRandom(seed: 28)
        for _ in 0..<300 {
            let run = Run(&random, count: 20)
            var state: LadderState?
            for (look, step) in zip(run.looks, run.steps) {
                #expect(run.ladder.next(after: state, look) == step)
                var kept = step.state
                kept.cap = Rational(Int.random(in: 1...9, using: &random)) / Rational(7)
                kept.capSince = look.at
                let data = try JSONEncoder().encode(kept)
                #expect(try JSONDecoder().decode(LadderState.self, from: data) == kept)
                state = try JSONDecoder().decode(
                    LadderState.self, from: JSONEncoder().encode(step.state))
            }
        }
    }
}
