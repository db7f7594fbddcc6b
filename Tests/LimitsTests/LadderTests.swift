import Foundation
import Limits
import Testing
import Units

/// A ladder whose thresholds are 80, 100, 105 and 120 percent.
private let gentle = Ladder(
    id: "gentle",
    steps: [
        Ladder.Step(at: 80, .warn), Ladder.Step(at: 100, .weight(25)),
        Ladder.Step(
            at: 105, .cpuCap(cores: nil, isPaced: true, floor: Rational(1) / Rational(20))),
        Ladder.Step(at: 120, .freeze, afterMilliseconds: 3_600_000),
    ])

/// The same without grace and dwell.
private let hasty = Ladder(
    id: "hasty", dwellMilliseconds: 0, graceMilliseconds: 0, steps: gentle.steps)

/// A look at a budget of 100, so many minutes after the period began.
private struct Look {
    var minute: Int64
    var spent: Int64
    var forecast: Int64 = 0
    var amount: Int64 = 100
    var period: Int64 = 0
    var isFresh = true
    var isExempt = false

    init(_ minute: Int64, _ spent: Int64) { (self.minute, self.spent) = (minute, spent) }

    var spending: Spending {
        Spending(
            amount: Rational(amount), spent: Rational(spent), forecast: Rational(forecast),
            periodStart: Instant(seconds: period * 60), at: Instant(seconds: minute * 60),
            isFresh: isFresh, isExempt: isExempt)
    }

    /// The same with another value of one property.
    func with<Value>(_ property: WritableKeyPath<Look, Value>, _ value: Value) -> Look {
        var look = self
        look[keyPath: property] = value
        return look
    }

    var stale: Look { with(\.isFresh, false) }
    var exempt: Look { with(\.isExempt, true) }
    var turned: Look { with(\.period, 100) }
}

/// The moves of a ladder and how many steps are in force after each.
private func run(_ ladder: Ladder, _ looks: [Look]) -> [LadderStep] {
    var steps: [LadderStep] = []
    for look in looks { steps.append(ladder.next(after: steps.last?.state, look.spending)) }
    return steps
}

private func rungs(_ ladder: Ladder, _ looks: [Look]) -> [Int] {
    run(ladder, looks).map(\.state.rung)
}

@Suite struct LadderTests {
    private static let cases: [(String, Ladder, [Look], [Int])] = [
        ("nothing is spent", gentle, [Look(0, 0), Look(20, 79)], [0, 0]),
        ("a warning comes at once", gentle, [Look(0, 80)], [1]),
        (
            "a warning comes by forecast", gentle,
            [Look(0, 1).with(\.forecast, 99), Look(1, 1).with(\.forecast, 100)], [0, 1]
        ),
        (
            "a forecast alone throttles nothing", gentle,
            [Look(0, 1), Look(30, 99), Look(60, 99)].map { $0.with(\.forecast, 900) },
            [1, 1, 1]
        ),
        (
            "grace, from when the threshold was passed", gentle,
            [Look(0, 90), Look(1, 100), Look(10, 104), Look(11, 104)], [1, 1, 1, 2]
        ),
        (
            "a gap begins the grace anew", gentle,
            [Look(0, 100), Look(9, 99), Look(10, 100), Look(19, 100), Look(20, 100)],
            [1, 1, 1, 1, 2]
        ),
        (
            "dwell between steps, one step a look", gentle,
            [Look(0, 110), Look(60, 110), Look(64, 110), Look(65, 110)], [1, 2, 2, 3]
        ),
        (
            "one step a look, however much is spent", hasty,
            [Look(0, 999), Look(1, 999), Look(2, 999), Look(3, 999), Look(63, 999)],
            [1, 2, 3, 3, 4]
        ),
        (
            "a step may ask for longer than the grace", hasty,
            [Look(0, 120), Look(1, 120), Look(2, 120), Look(59, 120), Look(60, 120)],
            [1, 2, 3, 3, 4]
        ),
        (
            "95 percent of a threshold keeps a step, less in two looks leaves it", hasty,
            [Look(0, 100), Look(1, 100), Look(2, 95), Look(3, 94), Look(4, 95), Look(5, 94)]
                + [Look(6, 94), Look(7, 94)], [1, 2, 2, 2, 2, 2, 1, 1]
        ),
        (
            "steps are left one a look", hasty,
            [Look(0, 110), Look(1, 110), Look(2, 110), Look(3, 0), Look(4, 0), Look(5, 0)]
                + [Look(6, 0)], [1, 2, 3, 3, 2, 1, 0]
        ),
        (
            "a forecast that hovers keeps its warning", hasty,
            [100, 96, 95, 94, 95, 94, 94].enumerated().map { minute, forecast in
                Look(Int64(minute), 1).with(\.forecast, forecast)
            }, [1, 1, 1, 1, 1, 1, 0]
        ),
        (
            "stale metering holds, up and down", hasty,
            [
                Look(0, 100), Look(1, 110).stale, Look(2, 0).stale,
                Look(3, 0).stale,
            ]
                + [Look(4, 100)], [1, 1, 1, 1, 2]
        ),
        (
            "stale metering starts no clock", gentle,
            [Look(0, 0), Look(1, 100).stale, Look(30, 100), Look(39, 100), Look(40, 100)],
            [0, 0, 1, 1, 2]
        ),
        (
            "a new period frees at once, even on stale metering", hasty,
            [Look(0, 110), Look(1, 110), Look(2, 110), Look(100, 0).turned.stale],
            [1, 2, 3, 0]
        ),
        (
            "a new period keeps what is justified and grants its grace anew", gentle,
            [Look(0, 100), Look(10, 100), Look(100, 100).turned, Look(101, 200).turned]
                + [Look(110, 200).turned, Look(111, 200).turned],
            [1, 2, 2, 2, 2, 3]
        ),
        (
            "time in the old period does not count in the new one", gentle,
            [Look(0, 110), Look(9, 110).turned, Look(18, 110).turned, Look(19, 110).turned],
            [1, 1, 1, 2]
        ),
        (
            "a raised budget frees at once, without the margin", hasty,
            [Look(0, 110), Look(1, 110), Look(2, 110), Look(3, 110).with(\.amount, 111)]
                + [Look(4, 110).with(\.amount, 200)], [1, 2, 3, 1, 0]
        ),
        (
            "a raised budget takes no step up", hasty,
            [Look(0, 100), Look(1, 105).with(\.amount, 101)], [1, 1]
        ),
        (
            "a lowered budget climbs step by step", hasty,
            [
                Look(0, 50), Look(1, 50).with(\.amount, 40),
                Look(2, 50).with(\.amount, 40),
            ],
            [0, 1, 2]
        ),
        (
            "an exemption frees at once, and its end grants the grace anew", gentle,
            [Look(0, 100), Look(10, 100), Look(11, 200).exempt, Look(12, 200).exempt]
                + [Look(20, 200), Look(29, 200), Look(30, 200)], [1, 2, 0, 0, 1, 1, 2]
        ),
        (
            "with no money, anything spent is too much", hasty,
            [Look(0, 0), Look(1, 1), Look(2, 1), Look(3, 0), Look(4, 0), Look(5, 0)].map {
                $0.with(\.amount, 0)
            }, [0, 1, 2, 2, 1, 0]
        ),
        (
            "below no money is no money", hasty,
            [Look(0, 0), Look(1, 1)].map { $0.with(\.amount, -5) }, [0, 1]
        ),
        (
            "a clock that was set back holds nothing up for ever", gentle,
            [Look(1000, 100), Look(0, 100), Look(10, 100)], [1, 1, 2]
        ),
        ("a ladder without steps", Ladder(id: "none", steps: []), [Look(0, 500)], [0]),
    ]

    @Test(arguments: cases.indices)
    func table(index: Int) {
        let (name, ladder, looks, expected) = Self.cases[index]
        #expect(rungs(ladder, looks) == expected, "\(name)")
    }

    @Test func movesSayWhy() {
        let looks = [
            Look(0, 79), Look(1, 100), Look(2, 100), Look(11, 100), Look(12, 105), Look(22, 110),
            Look(24, 105).stale, Look(25, 105).exempt,
            Look(26, 105).exempt,
        ]
        #expect(
            run(gentle, looks).map(\.move) == [
                .stay, .up(gentle.steps[0]), .held(.grace), .up(gentle.steps[1]), .held(.grace),
                .up(gentle.steps[2]), .held(.stale), .down(to: 0, because: .exempt),
                .held(.exempt),
            ])
        let hurried = Ladder(id: "x", graceMilliseconds: 0, steps: gentle.steps)
        #expect(run(hurried, [Look(0, 100), Look(1, 100)]).map(\.move).last == .held(.dwell))
    }

    @Test func otherTenantsMayGoFirst() {
        let first = hasty.next(after: nil, Look(0, 100).spending, mayTighten: false)
        #expect(first.move == .held(.turn) && first.state.rung == 0)
        let second = hasty.next(after: first.state, Look(1, 100).spending)
        #expect(second.move == .up(hasty.steps[0]))
    }

    @Test func theCapIsForgottenWithItsStep() throws {
        var state = try #require(run(hasty, [Look(0, 110), Look(1, 110), Look(2, 110)]).last).state
        (state.cap, state.capSince) = (Rational(2), Instant(seconds: 120))
        let kept = hasty.next(after: state, Look(3, 110).spending).state
        #expect(kept.cap == Rational(2) && kept.capSince == Instant(seconds: 120))
        let freed = hasty.next(after: kept, Look(4, 110).with(\.amount, 109).spending).state
        #expect(freed.rung == 2 && freed.cap == nil && freed.capSince == nil)
    }

    @Test func aStateFitsALadderThatWasChanged() throws {
        let state = try #require(run(hasty, [Look(0, 110), Look(1, 110), Look(2, 110)]).last).state
        var shorter = hasty
        shorter.steps.removeLast(2)
        #expect(shorter.next(after: state, Look(3, 110).spending).state.rung == 2)
        var longer = hasty
        longer.steps.insert(Ladder.Step(at: 105, .noForks), at: 3)
        #expect(longer.next(after: state, Look(3, 110).spending).state.rung == 4)
    }

    @Test func documentsAreReadBackAsTheyWere() throws {
        var ladder = gentle
        ladder.steps += [
            Ladder.Step(at: 130, .ioMax("wbps=10M,riops=200")), Ladder.Step(at: 140, .memoryHigh),
            Ladder.Step(
                at: 150, .cpuCap(cores: Rational(1) / Rational(3), isPaced: false, floor: .zero)),
            Ladder.Step(at: 1000, .noForks),
        ]
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        encoder.outputFormatting = [.sortedKeys]
        #expect(try decoder.decode(Ladder.self, from: encoder.encode(ladder)) == ladder)
        let step = try encoder.encode(gentle.steps[2])
        #expect(
            String(decoding: step, as: UTF8.self)
                == #"{"at":105,"do":"cpu_cap","floor":"0.05","paced":true}"#)
        for text in [
            #"{"at":1,"do":"stop"}"#, #"{"at":1,"do":"cpu_cap","floor":"1/0","paced":true}"#,
            #"{"at":1,"do":"weight"}"#,
        ] {
            #expect(throws: DecodingError.self) {
                try decoder.decode(Ladder.Step.self, from: Data(text.utf8))
            }
        }
        let budget = Budget(
            tenant: "acme", amount: try #require(Budget.Amount("500.00")), per: .month,
            ladder: "gentle", exemptUntil: Instant(seconds: 60), exemptReason: "trial")
        #expect(try decoder.decode(Budget.self, from: encoder.encode(budget)) == budget)
        #expect(
            budget.isExempt(at: Instant(seconds: 59)) && !budget.isExempt(at: Instant(seconds: 60)))
        #expect(Budget.Amount("-1") == nil && Budget.Amount("1e3") == nil)
    }

    @Test func aSimulationTellsMovesAndTimes() throws {
        let budget = Budget(
            tenant: "acme", amount: try #require(Budget.Amount("100")), per: .day,
            exemptUntil: Instant(seconds: 0))
        // The amounts that were recorded do not count: the question is what this budget would do.
        let looks =
            [Look(0, 10), Look(5, 10), Look(15, 101), Look(25, 101), Look(40, 108)]
            + [Look(60, 108), Look(100, 3).turned, Look(110, 3).turned]
        let result = simulate(
            gentle, budget,
            looks.map { $0.with(\.amount, 7).with(\.forecast, $0.minute == 5 ? 101 : 0).spending })
        #expect(result.milliseconds.map { $0 / 60_000 } == [15, 20, 35, 40, 0].map { Int64($0) })
        #expect(
            result.moves.map { "\($0.at) \($0.from)>\($0.to) \($0.reason)" } == [
                "1970-01-01T00:05:00Z 0>1 101 % of the budget is forecast",
                "1970-01-01T00:25:00Z 1>2 101 % of the budget is spent, 100 % is the threshold",
                "1970-01-01T01:00:00Z 2>3 108 % of the budget is spent, 105 % is the threshold",
                "1970-01-01T01:40:00Z 3>0 a new period began",
            ])
        #expect(result.moves.last?.steps == Array(gentle.steps.prefix(3)))
        #expect(simulate(gentle, budget, []).milliseconds == [0, 0, 0, 0, 0])
    }

    @Test func recordedLooksGrowEvenlyAndLookAtTheLastDay() throws {
        let start = Instant(seconds: 1_790_812_800)
        let span = try #require(
            Period(start: start, end: start.advanced(bySeconds: 30 * 86_400)))
        // 10 in each of the first 24 hours, then nothing.
        let points = (1...48).map { hour in
            (
                at: start.advanced(bySeconds: Int64(hour) * 3600),
                spent: Rational(10 * min(Int64(hour), 24))
            )
        }
        let looks = recordedLooks(points, over: span, everyMilliseconds: 900_000)
        #expect(looks.count == 48 * 4)
        #expect(looks[1].spent == Rational(5), "half an hour")
        #expect(zip(looks, looks.dropFirst()).allSatisfy { $0.spent <= $1.spent })
        // After 12 hours: 120, and 10 an hour for the rest of 30 days.
        #expect(looks[47].spent == Rational(120) && looks[47].forecast == Rational(7200))
        // After 36 hours: 240, of which half in the last 24, that is 5 an hour.
        #expect(looks[143].spent == Rational(240) && looks[143].forecast == Rational(240 + 684 * 5))
        #expect(looks.last?.forecast == looks.last?.spent)
        #expect(recordedLooks([], over: span, everyMilliseconds: 900_000).isEmpty)
    }
}
