import CgroupFormat
import Testing
import Units

@testable import Metering

/// The CPU time of one tenant root in one tick, and who is billed for which part of it.
///
/// The root (cgroup 1) stood at 1000 µs when it was last read, and stands at 2000 now.
@Suite struct ConservationTests {
    private let now = Moment(
        wall: Instant(seconds: 1_795_446_600), bootMicroseconds: 600_000_000)

    private func cpu(_ usage: Int64?) -> Sample {
        var sample = Sample()
        sample.cpu = usage.map(CPUStat.init(usageMicroseconds:))
        return sample
    }

    /// An entry whose counter stood at `last` ten seconds ago and stands at `usage`.
    private func entry(
        _ id: Int64, last: Int64?, ahead: Int64 = 0, usage: Int64?, hasEnded: Bool = false
    ) -> TickEntry {
        var position = Position()
        position.cpu = last.map {
            Position.Mark($0, ahead: ahead, at: now.bootMicroseconds - 10_000_000)
        }
        var entry = TickEntry(
            row: id, path: "/c\(id)", cgroupID: id, isTenantRoot: id == 1, root: id == 1 ? nil : 1,
            runtime: "", sample: usage.map { cpu($0) }, position: position, isWhole: false, at: now)
        entry.hasEnded = hasEnded
        return entry
    }

    /// The entries after conservation.
    ///
    /// - Parameter before: the root's counter before its containers were read.
    private func conserve(
        _ entries: [TickEntry], before: Int64? = 2000, unseen: Int = 0
    ) -> [TickEntry] {
        var (entries, conservation) = (entries, Conservation(isIOConserved: true, in: .utc))
        if let root = entries.first(where: \.isTenantRoot) {
            conservation.enter(1, cpu(before), root.position)
        }
        conservation.apply(to: &entries, unseen: [1: unseen], at: now)
        return entries
    }

    private func billed(_ entry: TickEntry) -> [String] {
        entry.parts.map { "\($0.quantity) \($0.assurance.rawValue)" }
    }

    @Test func everyoneGetsWhatItUsedAndTheRestIsTheRoots() throws {
        let done = conserve([
            entry(2, last: 100, usage: 400), entry(3, last: 0, usage: 50),
            entry(1, last: 1000, usage: 2000),
        ])
        #expect(billed(done[0]) == ["300 conserved"] && billed(done[1]) == ["50 conserved"])
        // One microsecond for each container may be rounding, and waits.
        #expect(billed(done[2]) == ["648 conserved"])
        #expect(done[2].position?.cpu == Position.Mark(2000, ahead: -2, at: now.bootMicroseconds))
        #expect(done[0].position?.cpu == Position.Mark(400, at: now.bootMicroseconds))
        let control = try #require(done[2].controls.first)
        #expect(done[2].controls.count == 1 && control.counter == .cpu && !control.restarts)
        #expect(control.baseline == 1000 && control.last == 2000 && control.pending == 2)
        #expect(control.parts.reduce(0) { $0 + $1.quantity } == 998)
    }

    /// What ran while the tree was read, and what was pending before, is nobody's yet.
    @Test func whatRanWhileTheTreeWasReadWaits() {
        let done = conserve(
            [entry(2, last: 100, usage: 400), entry(1, last: 1000, ahead: -70, usage: 2000)],
            before: 1960)
        #expect(billed(done[0]) == ["300 conserved"])
        // Due are 1000 and the 70 of before; 40 + 1 wait.
        #expect(billed(done[1]) == ["729 conserved"])
        #expect(done[1].position?.cpu?.ahead == -41)
    }

    @Test func oneTailIsCertainAndSeveralAreAnEstimate() {
        let one = conserve([
            entry(2, last: 100, usage: 400), entry(3, last: 7, usage: nil, hasEnded: true),
            entry(1, last: 1000, usage: 2000),
        ])
        #expect(billed(one[0]) == ["300 conserved"] && billed(one[1]) == ["699 conserved"])
        #expect(billed(one[2]).isEmpty)
        let two = conserve(
            [
                entry(2, last: 0, usage: nil, hasEnded: true),
                entry(3, last: 0, usage: nil, hasEnded: true), entry(1, last: 1000, usage: 2001),
            ], before: 2001)
        #expect(billed(two[0]) == ["501 estimated_split"])
        #expect(billed(two[1]) == ["500 estimated_split"])
    }

    /// A container that was never read has no account: its part stays with the root.
    @Test func whatWasNeverSeenStaysWithTheRoot() {
        let done = conserve(
            [entry(2, last: 0, usage: nil, hasEnded: true), entry(1, last: 1000, usage: 2000)],
            unseen: 1)
        #expect(billed(done[0]) == ["500 estimated_split"])
        #expect(billed(done[1]) == ["500 conserved"])
    }

    /// A last reading after the last process had ended shows all, so there is no tail.
    @Test func whatWasReadToItsEndHasNoTail() {
        var ended = entry(2, last: 100, usage: 400, hasEnded: true)
        ended.lastReading = .whole
        let done = conserve([ended, entry(1, last: 1000, usage: 2000)])
        #expect(billed(done[0]) == ["300 conserved"] && billed(done[1]) == ["699 conserved"])
    }

    /// Counters are rounded down each by itself: claims may exceed the root's rise for a tick.
    @Test func moreThanTheRootRoseIsBilledLater() {
        let done = conserve([
            entry(2, last: 0, usage: 900), entry(3, last: 0, usage: 300),
            entry(1, last: 1000, usage: 2000),
        ])
        #expect(billed(done[0]) == ["750 conserved"] && billed(done[1]) == ["250 conserved"])
        #expect(done[0].position?.cpu?.ahead == -150 && done[1].position?.cpu?.ahead == -50)
        #expect(billed(done[2]).isEmpty && done[2].position?.cpu?.ahead == 0)
    }

    /// What was used before the root's first reading is billed to nobody.
    @Test func aFirstReadingIsABaseline() throws {
        let done = conserve([entry(2, last: 100, usage: 400), entry(1, last: nil, usage: 2000)])
        #expect(done.allSatisfy { $0.parts.isEmpty })
        #expect(done[1].position?.cpu == Position.Mark(2000, at: now.bootMicroseconds))
        let control = try #require(done[1].controls.first)
        #expect(control.restarts && control.baseline == 2000 && control.last == 2000)
        #expect(control.parts.isEmpty && control.pending == 0)
    }

    @Test func aRootThatDidNotRunBillsNothing() {
        let done = conserve(
            [entry(2, last: 100, usage: 100), entry(1, last: 1000, usage: 1000)], before: 1000)
        #expect(done.allSatisfy { $0.parts.isEmpty })
        #expect(done[1].position?.cpu?.ahead == 0 && done[1].controls.count == 1)
    }

    /// No next tick can show whose the pending part of a root is that has ended.
    @Test func aRootThatEndsLeavesNothingPending() {
        let done = conserve(
            [
                entry(2, last: 100, usage: 400),
                entry(1, last: 1000, usage: 2000, hasEnded: true),
            ], before: 1500)
        #expect(billed(done[0]) == ["300 conserved"] && billed(done[1]) == ["700 conserved"])
        #expect(done[1].controls.first?.pending == 0)
    }

    /// A root that is gone unread: what was pending is its containers' first, and the loss is said.
    @Test func aRootThatVanishedIsClosed() throws {
        let done = conserve([
            entry(2, last: 100, usage: 130), entry(3, last: 0, usage: 60),
            entry(1, last: 1000, ahead: -50, usage: nil, hasEnded: true),
        ])
        #expect(billed(done[0]) == ["30 conserved"])
        #expect(billed(done[1]) == ["20 conserved", "40 sampled"], "more than was pending")
        #expect(billed(done[2]).isEmpty && done[2].anomalies.count == 1)
        #expect(
            done[2].unmetered
                == .rootVanished(
                    sinceBootMicroseconds: now.bootMicroseconds - 10_000_000))
        let control = try #require(done[2].controls.first)
        #expect(control.last == 1000 && control.parts.map(\.quantity) == [50])
        let alone = conserve([entry(1, last: 1000, ahead: -50, usage: nil, hasEnded: true)])
        #expect(billed(alone[0]) == ["50 conserved"])
    }

    /// A root that was read to its end before it went lost nothing.
    @Test func aRootThatWasReadToItsEndLostNothing() {
        var root = entry(1, last: 1000, ahead: -50, usage: nil, hasEnded: true)
        root.lastReading = .whole
        let done = conserve([root])
        #expect(billed(done[0]) == ["50 conserved"])
        #expect(done[0].anomalies.isEmpty && done[0].unmetered == nil)
    }

    /// Usage over the end of an hour is split, and the parts add up both ways.
    @Test func hoursAreSplitByTime() {
        let late = Moment(
            wall: Instant(seconds: 1_795_449_604), bootMicroseconds: now.bootMicroseconds)
        var entries = [entry(2, last: 100, usage: 600), entry(1, last: 1000, usage: 2000)]
        var conservation = Conservation(isIOConserved: true, in: .utc)
        conservation.enter(1, cpu(2000), entries[1].position)
        conservation.apply(to: &entries, unseen: [:], at: late)
        // Six of the ten seconds were in the hour before: 999 in all, of which 599 and 400.
        let hours = entries.flatMap(\.parts).reduce(into: [Instant: Int128]()) {
            $0[$1.hour, default: 0] += $1.quantity
        }
        let first = Instant(seconds: 1_795_446_000)
        #expect(hours == [first: 599, first.advanced(bySeconds: 3600): 400])
        #expect(entries[0].parts.reduce(0) { $0 + $1.quantity } == 500)
        #expect(entries[1].parts.reduce(0) { $0 + $1.quantity } == 499)
        #expect(entries[1].controls[0].parts.map(\.quantity) == [599, 400])
    }

    /// Where the kernel loses io on the way up, only CPU time is taken from the root.
    @Test func onlyWhatIsConservedIsTakenFromTheRoot() {
        let settled = { (isIOConserved: Bool) in
            var conservation = Conservation(isIOConserved: isIOConserved, in: .utc)
            var position = Position()
            position.cpu = Position.Mark(0, at: 0)
            position.ioSince = 0
            conservation.enter(1, Sample(), position)
            conservation.enter(2, Sample(), nil)
            return [conservation.conservesCPU(1), conservation.conservesIO(1)]
                + [conservation.conservesCPU(2), conservation.conservesIO(2)]
                + [conservation.conservesCPU(nil), conservation.conservesIO(nil)]
        }
        #expect(settled(true) == [true, true, false, false, false, false])
        #expect(settled(false) == [true, false, false, false, false, false])
    }
}
