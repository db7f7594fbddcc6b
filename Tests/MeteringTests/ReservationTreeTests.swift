import TestSupport
import Testing
import Units

@testable import Metering

/// Limits of a tree of cgroups, each granted once.
@Suite struct ReservationTreeTests {
    private static let core: Int64 = 1_000_000_000

    private func cpu(_ cores: Int64?) -> Reservation {
        Reservation(cpu: cores.map { $0 * Self.core })
    }

    /// What each entry reserves, in billionths of a core.
    private func finish(_ tree: inout Reservations) -> [Int: Int64?] {
        tree.finish().reduce(into: [:]) { $0[$1.entry] = .some($1.reserved.cpu) }
    }

    @Test func aLimitAboveSeveralIsShared() {
        var tree = Reservations()
        tree.enter(depth: 1, cpu(2))
        for (entry, cores) in [1, 1, 2].enumerated() {
            let own = tree.take(entry: entry, depth: 2, cpu(Int64(cores)), isRoot: false)
            #expect(own == cpu(Int64(cores)), "in force is the limit, whatever is reserved")
        }
        #expect(finish(&tree) == [0: Self.core / 2, 1: Self.core / 2, 2: Self.core])
    }

    @Test func aTighterLimitAboveIsInForce() {
        var tree = Reservations()
        tree.enter(depth: 1, Reservation(cpu: 2 * Self.core, memory: 100))
        #expect(
            tree.take(entry: 0, depth: 2, Reservation(cpu: 8 * Self.core), isRoot: false)
                == Reservation(cpu: 2 * Self.core, memory: 100))
        // Beside it, at the top, nothing above grants anything.
        #expect(tree.take(entry: 1, depth: 1, cpu(nil), isRoot: false) == Reservation())
        #expect(finish(&tree) == [0: 2 * Self.core, 1: nil])
    }

    /// A limit two levels up is shared by what the level between leaves of it.
    @Test func levelsAreSharedFromTheBottomUp() {
        var tree = Reservations()
        tree.enter(depth: 1, cpu(4))
        tree.enter(depth: 2, cpu(2))
        _ = tree.take(entry: 0, depth: 3, cpu(nil), isRoot: false)
        _ = tree.take(entry: 1, depth: 3, cpu(nil), isRoot: false)
        _ = tree.take(entry: 2, depth: 2, cpu(nil), isRoot: false)
        // 2 cores for the first two, 4 for the third: 6 in 4, so two thirds of each. The odd
        // billionths go to the largest rests, the earlier first.
        #expect(finish(&tree) == [0: 666_666_667, 1: 666_666_667, 2: 2_666_666_666])
    }

    @Test func aTenantRootReservesWhatIsLeft() {
        var tree = Reservations()
        tree.enter(depth: 1, Reservation(cpu: 3 * Self.core, memory: 1000))
        _ = tree.take(entry: 0, depth: 2, Reservation(cpu: Self.core, memory: 400), isRoot: false)
        _ = tree.take(entry: 1, depth: 2, Reservation(memory: 500), isRoot: false)
        let inForce = tree.take(
            entry: 2, depth: 1, Reservation(cpu: 3 * Self.core, memory: 1000), isRoot: true)
        #expect(inForce == Reservation(cpu: 3 * Self.core, memory: 1000))
        let reserved = tree.finish().reduce(into: [Int: Reservation]()) {
            $0[$1.entry] = $1.reserved
        }
        // The second container may use all three cores, so four are asked for and three are there.
        #expect(reserved[0] == Reservation(cpu: 750_000_000, memory: 400))
        #expect(reserved[1] == Reservation(cpu: 2_250_000_000, memory: 500))
        #expect(reserved[2] == Reservation(cpu: 0, memory: 100))
    }

    /// A cgroup without an entry in this tick takes nothing from the others.
    @Test func whatIsIdleTakesNothing() {
        var tree = Reservations()
        tree.enter(depth: 1, cpu(2))
        #expect(tree.take(entry: nil, depth: 2, cpu(1), isRoot: false) == cpu(1))
        _ = tree.take(entry: 0, depth: 2, cpu(2), isRoot: false)
        #expect(finish(&tree) == [0: 2 * Self.core])
    }

    @Test func whatCannotBeReadAboveIsSaidBelow() {
        var unknown = Reservation(memory: 100)
        unknown.isCPUUnknown = true
        var tree = Reservations()
        tree.enter(depth: 1, unknown)
        #expect(tree.refusals(depth: 2, isRoot: false).map(\.file) == ["cpu.max"])
        let own = tree.take(entry: 0, depth: 2, cpu(1), isRoot: false)
        #expect(own.isCPUUnknown && own.cpu == nil && own.memory == 100)
        // A tenant root comes after what is below it, and is held by the same limit.
        #expect(tree.refusals(depth: 1, isRoot: true).map(\.file) == ["cpu.max"])
        // Beside it all is known.
        #expect(tree.refusals(depth: 1, isRoot: false).isEmpty)
        #expect(finish(&tree) == [0: nil])
        var both = Reservation()
        (both.isCPUUnknown, both.isMemoryUnknown) = (true, true)
        tree.enter(depth: 1, both)
        tree.enter(depth: 2, Reservation(cpu: 1, memory: 1))
        #expect(tree.refusals(depth: 3, isRoot: false).map(\.file) == ["cpu.max", "memory.max"])
    }

    /// Below a tenant root with a limit, all shares and what is left are the limit, exactly.
    @Test func aRootsLimitIsGrantedExactlyOnce() {
        var random = SeededRandom(seed: 101)
        func limit() -> Int64? {
            Bool.random(using: &random) ? .random(in: 0...(1 << 40), using: &random) : nil
        }
        for _ in 0..<500 {
            var tree = Reservations()
            let own = Reservation(cpu: .random(in: 0...(1 << 40), using: &random), memory: 7)
            tree.enter(depth: 1, own)
            var entry = 0
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let isGroup = Bool.random(using: &random)
                if isGroup { tree.enter(depth: 2, Reservation(cpu: limit())) }
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let inForce = tree.take(
                        entry: entry, depth: isGroup ? 3 : 2, Reservation(cpu: limit()),
                        isRoot: false)
                    #expect((inForce.cpu ?? 0) <= (own.cpu ?? 0) && inForce.memory == 7)
                    entry += 1
                }
            }
            _ = tree.take(entry: entry, depth: 1, own, isRoot: true)
            let items = tree.finish()
            #expect(items.map(\.entry).sorted() == Array(0...entry))
            #expect(items.reduce(0) { $0 + ($1.reserved.cpu ?? 0) } == own.cpu)
            #expect(items.reduce(0) { $0 + ($1.reserved.memory ?? 0) } == 7)
            #expect(items.allSatisfy { ($0.reserved.cpu ?? 0) >= 0 })
        }
    }
}
