import Glibc
import Metering
import TestSupport
import Testing

@testable import CgroupFS

/// The CPU time of containers that ended unread, by what their tenant root counted.
@Suite struct DeductionTests {
    /// A tenant root at 1000 µs above `/t/a` at 100 µs and `/t/b` at 40 µs, read together.
    private func rig(procs: String = "") throws -> EventRig {
        let rig = try EventRig(roots: ["/t"]) {
            try $0.set("t", cpu: 1000, procs: procs)
            try $0.set("t/a", cpu: 100)
            try $0.set("t/a", isPopulated: true)
            try $0.set("t/b", cpu: 40)
        }
        try stand(rig)
        return rig
    }

    /// Lets a container begin, which is when the root and all below it are read together first.
    private func stand(_ rig: EventRig) throws {
        try rig.set("t/new", cpu: 0)
        rig.settle()
    }

    /// Removes containers at once, and gives what is deduced for each.
    private func end(_ names: [String], _ rig: EventRig) throws -> [Int64?] {
        for name in names { try rig.folder.remove("t/\(name)") }
        rig.settle()
        let survey = rig.survey()
        return try names.map {
            let index = try #require(survey.index("/t/\($0)"))
            #expect(rig.tree.end(of: index) != nil)
            return rig.tree.deducedCPU(of: index)
        }
    }

    /// The example of the documentation: the root rose by 900, two others by 500 and 100.
    @Test func whatOthersDoNotExplainIsItsOwn() throws {
        let rig = try rig()
        try rig.set("t/a", cpu: 600)
        try rig.set("t/new", cpu: 100)
        try rig.set("t", cpu: 1900, procs: "")
        #expect(try end(["b"], rig) == [340])
    }

    @Test func whatStoodStillUsedNothing() throws {
        #expect(try end(["b"], rig()) == [40])
    }

    /// Nobody can tell the shares of two.
    @Test func ofTwoNothingIsDeduced() throws {
        let rig = try rig()
        try rig.set("t", cpu: 1900, procs: "")
        #expect(try end(["a", "b"], rig) == [nil, nil])
    }

    @Test(arguments: [(1069, nil), (1070, 40), (1071, 41)] as [(Int64, Int64?)])
    func moreIsNeverExplainedThanWasCounted(root: Int64, deduced: Int64?) throws {
        let rig = try rig()
        try rig.set("t/a", cpu: 170)
        try rig.set("t", cpu: root, procs: "")
        #expect(try end(["b"], rig) == [deduced])
    }

    /// One that got a last reading explains its part, and only the other is deduced.
    @Test func aLastReadingExplainsItsPart() throws {
        let rig = try rig()
        try rig.set("t/a", cpu: 170, procs: "")
        try rig.set("t/a", isPopulated: false)
        let node = try #require(rig.tree.byID.values.first { $0.path == "/t/a" })
        rig.tree.take(.noticed(UInt64(bitPattern: node.id)))
        try rig.set("t", cpu: 1095, procs: "")
        #expect(try end(["a", "b"], rig) == [nil, 65])
    }

    /// Once a tick has metered the last reading, the common reading before it adds up no more.
    @Test func aLastReadingThatWasMeteredEndsTheCommonOne() throws {
        let rig = try rig()
        try rig.set("t/a", isPopulated: false)
        let node = try #require(rig.tree.byID.values.first { $0.path == "/t/a" })
        rig.tree.take(.noticed(UInt64(bitPattern: node.id)))
        _ = rig.survey()
        rig.commit()
        try rig.set("t", cpu: 1200, procs: "")
        #expect(try end(["a", "b"], rig) == [nil, nil])
    }

    /// What used CPU time and was never opened could have used all of it.
    @Test func whatWasNeverOpenedLeavesNothingCertain() throws {
        let rig = try rig()
        try #require(mkdir("\(rig.folder.path)/t/x", 0o755) == 0)
        try #require(rmdir("\(rig.folder.path)/t/x") == 0)
        try rig.set("t", cpu: 1900, procs: "")
        #expect(try end(["b"], rig) == [nil])
        // From the common reading on that is taken then, it is certain again.
        rig.commit()
        try rig.set("t", cpu: 1925, procs: "")
        #expect(try end(["new"], rig) == [25])
    }

    /// Processes of the root itself use time that no account below it shows.
    @Test func processesOfTheRootItselfPreventIt() throws {
        let rig = try rig(procs: "5\n")
        #expect(rig.tree.standings.isEmpty && rig.tree.rootsToRead.isEmpty)
        try rig.set("t", cpu: 1900, procs: "5\n")
        #expect(try end(["b"], rig) == [nil])
    }

    @Test(arguments: [(64, 7), (65, nil)] as [(Int, Int64?)])
    func itIsNotDoneForMoreThanItIsWorth(count: Int, deduced: Int64?) throws {
        let rig = try EventRig(roots: ["/t"]) { rig in
            try rig.set("t", cpu: 0, procs: "")
            for number in 1..<count { try rig.set("t/c\(number)", cpu: 0) }
        }
        try stand(rig)
        try rig.set("t", cpu: 7, procs: "")
        #expect(try end(["c1"], rig) == [deduced])
    }

    /// Tenants do not explain each other's time.
    @Test func eachRootIsReadByItself() throws {
        let rig = try EventRig(roots: ["/t", "/u"]) { rig in
            for root in ["t", "u"] {
                try rig.set(root, cpu: 0, procs: "")
                try rig.set("\(root)/a", cpu: 0)
            }
        }
        try rig.set("u/new", cpu: 0)
        try stand(rig)
        try rig.set("t", cpu: 30, procs: "")
        try rig.set("u", cpu: 500, procs: "")
        try rig.set("u/a", cpu: 100)
        try rig.folder.remove("u/new")
        #expect(try end(["a"], rig) == [30])
        let survey = rig.survey()
        #expect(rig.tree.deducedCPU(of: try #require(survey.index("/u/new"))) == 400)
    }

    /// Whatever the others do, the one that ended unread gets what it used, to the microsecond.
    @Test func whatIsDeducedIsWhatItUsed() throws {
        var random = SeededRandom(seed: 31)
        let rig = try EventRig(roots: ["/t"]) { try $0.set("t", cpu: 5000, procs: "") }
        var counters: [String: Int64] = [:]
        var root: Int64 = 5000
        for round in 0..<25 {
            for born in 0..<Int.random(in: 1...2, using: &random) {
                let name = "c\(round)-\(born)"
                counters[name] = Int64.random(in: 0...1_000_000, using: &random)
                root += counters[name] ?? 0
                try rig.set("t/\(name)", cpu: counters[name] ?? 0)
                rig.settle()
            }
            for name in counters.keys.sorted() {
                let used = Int64.random(in: 0...3_000_000_000, using: &random)
                counters[name, default: 0] += used
                root += used
                try rig.set("t/\(name)", cpu: counters[name] ?? 0)
            }
            try rig.set("t", cpu: root, procs: "")
            let victim = try #require(counters.keys.sorted().randomElement(using: &random))
            let deduced = try end([victim], rig)
            // In the first round the root is read together with what begins below it, whose time
            // it does not show yet.
            if round > 0 { #expect(deduced == [counters[victim]], "round \(round)") }
            counters[victim] = nil
            rig.commit()
        }
    }
}
