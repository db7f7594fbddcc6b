import Metering
import TestSupport
import Testing
import Units

private func claim(_ need: Int64, ended: Bool = false) -> Claim {
    Claim(need: need, hasEnded: ended)
}

@Suite struct ApportionmentTests {
    @Test func everyoneGetsWhatItsOwnCounterSays() {
        let result = Apportionment(of: 30, among: [claim(10), claim(20)], bracket: 0)
        #expect(result.shares == [10, 20] && result.overhead == 0 && !result.isSplit)
    }

    @Test func whatRanWhileTheTreeWasReadWaits() {
        let result = Apportionment(of: 36, among: [claim(10), claim(20)], bracket: 9)
        #expect(result.shares == [10, 20] && result.pending == 6 && result.overhead == 0)
    }

    @Test func theTailIsTheOnlyDeadOnes() {
        let result = Apportionment(of: 50, among: [claim(10), claim(0, ended: true)], bracket: 4)
        #expect(result.shares == [10, 36] && result.pending == 4 && !result.isSplit)
    }

    @Test func severalTailsAreAnEstimateInAnExactTotal() {
        let dead = claim(0, ended: true)
        let result = Apportionment(of: 11, among: [dead, dead, dead], bracket: 0)
        #expect(result.shares == [4, 4, 3] && result.isSplit)
    }

    @Test func withoutAContainerItIsOverhead() {
        #expect(Apportionment(of: 7, among: [], bracket: 0).overhead == 7)
        #expect(Apportionment(of: 7, among: [claim(0)], bracket: 3).overhead == 4)
    }

    @Test func whereThereIsLessThanTheClaimsAllGetAPart() {
        let result = Apportionment(of: 10, among: [claim(15), claim(5)], bracket: 3)
        #expect(result.shares == [8, 2] && result.overhead == 0)
    }

    /// Parts add up to the whole, none below zero, whatever the claims.
    @Test func partsAddUp() {
        var random = SeededRandom(seed: 8)
        for _ in 0..<5000 {
            let claims = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Claim(
                    need: Int64.random(in: -5...50, using: &random),
                    hasEnded: Bool.random(using: &random))
            }
            let used = Int128(Int64.random(in: 0...200, using: &random))
            let result = Apportionment(
                of: used, among: claims, bracket: Int128(Int64.random(in: 0...20, using: &random)))
            #expect(result.shares.reduce(result.overhead + result.pending, +) == used)
            #expect(result.shares.allSatisfy { $0 >= 0 })
            #expect(result.overhead >= 0 && result.pending >= 0)
        }
    }

    @Test func hoursAndSharesAddUpBothWays() throws {
        var random = SeededRandom(seed: 9)
        for _ in 0..<1000 {
            let shares = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                Int128(Int64.random(in: 0...1000, using: &random))
            }
            let start = Int64.random(in: 0...10_000_000, using: &random)
            let length = Int64.random(in: 1...20_000_000, using: &random)
            let period = try #require(
                Period(
                    start: Instant(milliseconds: start), end: Instant(milliseconds: start + length))
            )
            let hours = splitByHour(
                shares, over: period, at: period.end, in: .utc)
            #expect(hours.allSatisfy { $0.parts.reduce(0, +) == $0.total })
            #expect(hours.allSatisfy { $0.parts.allSatisfy { $0 >= 0 } })
            for (index, share) in shares.enumerated() {
                #expect(hours.reduce(0) { $0 + $1.parts[index] } == share)
            }
            #expect(
                hours.map(\.total)
                    == period.splitByHour(shares.reduce(0, +), in: .utc).map(\.quantity))
        }
    }

    /// Containers run, are read one after the other, are born and die, and some are never seen,
    /// while a root counts all of it: at every tick what was billed and what waits is the root's
    /// counter, every container that lives was billed what its own counter says, and no more than
    /// the bracket waits.
    @Test func billedIsTheRootsCounterAtEveryTick() {
        var random = SeededRandom(seed: 10)
        for _ in 0..<300 {
            var life = RootLife()
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                life.tick(&random)
                #expect(life.billed == life.mark)
                #expect(0...life.bracket ~= life.root - life.mark)
                #expect(life.children.values.allSatisfy { $0.billed == $0.last })
            }
            life.isAtRest = true
            life.tick(&random)
            #expect(life.billed == life.root)
        }
    }
}

/// A tenant root with containers that use time between any two readings.
private struct RootLife {
    struct Child {
        var used: Int64 = 0
        var billed: Int64 = 0
        var last: Int64 = 0
    }

    var isAtRest = false
    var root: Int64 = 0
    var mark: Int64 = 0
    var bracket: Int64 = 0
    var billed: Int64 = 0
    var children: [Int: Child] = [:]
    private var next = 0

    /// Anyone alive, or a life too short to be seen, uses some time.
    private mutating func run(_ random: inout SeededRandom) {
        guard !isAtRest else { return }
        for id in children.keys.sorted() {
            let time = Int64.random(in: 0...9, using: &random)
            children[id]?.used += time
            root += time
        }
        if Int.random(in: 0..<5, using: &random) == 0 { root += .random(in: 0...9, using: &random) }
    }

    mutating func tick(_ random: inout SeededRandom) {
        var dead: [Child] = []
        if !isAtRest {
            run(&random)
            if Bool.random(using: &random) {
                children[next] = Child()
                next += 1
            }
            if Int.random(in: 0..<3, using: &random) == 0,
                let id = children.keys.sorted().randomElement(using: &random)
            {
                dead.append(children.removeValue(forKey: id) ?? Child())
            }
        }
        run(&random)
        let before = root
        let ids = children.keys.sorted()
        var claims: [Claim] = []
        for id in ids {
            run(&random)
            let child = children[id] ?? Child()
            claims.append(Claim(need: child.used - child.billed, hasEnded: false))
            children[id]?.last = child.used
        }
        run(&random)
        bracket = root - before
        claims += dead.map { _ in Claim(need: 0, hasEnded: true) }
        let result = Apportionment(of: Int128(root - mark), among: claims, bracket: Int128(bracket))
        for (id, share) in zip(ids, result.shares) { children[id]?.billed += Int64(share) }
        billed += Int64(result.shares.reduce(result.overhead, +))
        mark = root - Int64(result.pending)
    }
}
