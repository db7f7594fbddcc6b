import Metering
import TestSupport
import Testing
import Units

private func claim(_ need: Int64, ran: Int64? = nil, ended: Bool = false) -> Claim {
    Claim(need: need, ran: ran ?? need, hasEnded: ended)
}

@Suite struct ApportionmentTests {
    @Test func everyoneGetsWhatItsOwnCounterSays() {
        let result = Apportionment(of: 30, among: [claim(10), claim(20)], bracket: 0)
        #expect(result.shares == [10, 20] && result.overhead == 0 && !result.isSplit)
    }

    @Test func whatRanInTheBracketGoesToThoseThatRan() {
        let result = Apportionment(of: 36, among: [claim(10), claim(20), claim(0)], bracket: 9)
        #expect(result.shares == [12, 24, 0] && result.overhead == 0)
    }

    @Test func theTailIsTheOnlyDeadOnes() {
        let result = Apportionment(of: 50, among: [claim(10), claim(0, ended: true)], bracket: 4)
        #expect(result.shares == [14, 36] && result.overhead == 0 && !result.isSplit)
    }

    @Test func severalTailsAreAnEstimateInAnExactTotal() {
        let dead = claim(0, ended: true)
        let result = Apportionment(of: 11, among: [dead, dead, dead], bracket: 0)
        #expect(result.shares == [4, 4, 3] && result.isSplit)
    }

    @Test func withoutAContainerItIsOverhead() {
        #expect(Apportionment(of: 7, among: [], bracket: 100).overhead == 7)
        #expect(Apportionment(of: 7, among: [claim(0)], bracket: 100).overhead == 7)
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
                    need: .random(in: -5...50, using: &random),
                    ran: .random(in: 0...50, using: &random),
                    hasEnded: Bool.random(using: &random))
            }
            let used = Int128(Int64.random(in: 0...200, using: &random))
            let result = Apportionment(
                of: used, among: claims, bracket: Int128(Int64.random(in: 0...20, using: &random)))
            #expect(result.shares.reduce(result.overhead, +) == used)
            #expect(result.shares.allSatisfy { $0 >= 0 } && result.overhead >= 0)
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
            let hours = splitByHour(shares, over: period, at: period.end)
            #expect(hours.allSatisfy { $0.parts.reduce(0, +) == $0.total })
            #expect(hours.allSatisfy { $0.parts.allSatisfy { $0 >= 0 } })
            for (index, share) in shares.enumerated() {
                #expect(hours.reduce(0) { $0 + $1.parts[index] } == share)
            }
            #expect(
                hours.map(\.total) == period.splitByHour(shares.reduce(0, +)).map(\.quantity))
        }
    }

    /// Containers run, are read one after the other, are born and die, while a root counts all of
    /// it: at every tick what was billed is the root's counter, and at rest every container that
    /// lives has been billed what its own counter says.
    @Test func billedIsTheRootsCounterAtEveryTick() {
        var random = SeededRandom(seed: 10)
        for _ in 0..<200 {
            var life = RootLife()
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                life.tick(&random)
                #expect(life.billed == life.mark)
            }
        }
    }

    /// Where all lives are seen, no advance to a wrong one passes what a bracket holds, however
    /// many ticks there are: the jitter never adds up.
    @Test func advancesNeverAddUp() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<200 {
            var life = RootLife()
            life.areAllSeen = true
            for _ in 0..<60 { life.tick(&random) }
            life.isAtRest = true
            life.tick(&random)
            #expect(life.billed == life.root)
            let over = life.children.values.reduce(0) { $0 + max(0, $1.billed - $1.used) }
            #expect(over <= life.widestBracket)
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
    /// Whether no container ends and no life is too short to be seen.
    var areAllSeen = false
    var widestBracket: Int64 = 0
    var root: Int64 = 0
    var mark: Int64 = 0
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
        if !areAllSeen, Int.random(in: 0..<5, using: &random) == 0 {
            root += .random(in: 0...9, using: &random)
        }
    }

    mutating func tick(_ random: inout SeededRandom) {
        var dead: [Child] = []
        if !isAtRest {
            run(&random)
            if Bool.random(using: &random) {
                children[next] = Child()
                next += 1
            }
            if !areAllSeen, Int.random(in: 0..<3, using: &random) == 0,
                let id = children.keys.randomElement(using: &random)
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
            claims.append(
                Claim(
                    need: child.used - child.billed, ran: child.used - child.last, hasEnded: false))
            children[id]?.last = child.used
        }
        run(&random)
        widestBracket = max(widestBracket, root - before)
        claims += dead.map { Claim(need: $0.last - $0.billed, ran: 0, hasEnded: true) }
        let result = Apportionment(
            of: Int128(root - mark), among: claims, bracket: Int128(root - before))
        for (id, share) in zip(ids, result.shares) { children[id]?.billed += Int64(share) }
        billed += Int64(result.shares.reduce(result.overhead, +))
        mark = root
    }
}
