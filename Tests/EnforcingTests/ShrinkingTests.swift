import CgroupFormat
import Foundation
import Limits
import Store
import TestSupport
import Testing
import Units

@testable import Enforcing

/// memory.max below what is in use: memory.high comes first, and goes again.
@Suite struct ShrinkingTests {
    private let rig: LimitRig

    init() throws {
        rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        try rig.write("65536\n", "/acme", "memory.current")
    }

    private func bytes(_ number: Int64) -> LimitValue { .number(.at(number)) }

    /// What is asked for, memory.max and memory.high before, and the memory.high to shrink by.
    @Test(
        arguments: [
            ("memory.max=32K", "max", "max", 32_768), ("memory.max=32K", "max", "16384", 16_384),
            ("memory.max=32K", "max", "49152", 32_768), ("memory.max=4K", "32768", "max", 4096),
            // What is in use fits, or is allowed more than before.
            ("memory.max=64K", "max", "max", nil), ("memory.max=1M", "max", "max", nil),
            ("memory.max=48K", "32768", "max", nil), ("memory.max=max", "32768", "max", nil),
            ("memory.high=32K", "max", "max", nil), ("pids.max=5", "max", "max", nil),
        ] as [(String, String, String, Int64?)])
    func whatIsInUseShrinksFirst(word: String, max: String, high: String, by: Int64?) throws {
        try rig.write(max + "\n", "/acme", "memory.max")
        try rig.write(high + "\n", "/acme", "memory.high")
        let shrinks = try rig.changer.shrinks(rig.plan("acme", word))
        #expect(shrinks.map(\.high.wanted) == [by.map(bytes)].compactMap(\.self))
        // Afterwards memory.high is what it was.
        let before = try #require(LimitValue(high, for: .memoryHigh))
        #expect(shrinks.allSatisfy { $0.end.wanted == before && $0.high.before == before })
        #expect(shrinks.allSatisfy { $0.high.owner == .file && $0.high.key == .memoryHigh })
    }

    /// A memory.high that is asked for with it is what stands in the end.
    @Test func aMemoryHighOfTheSameChangeStays() throws {
        let shrinks = try rig.changer.shrinks(
            rig.plan("acme", "memory.max=32K", "memory.high=16K"))
        #expect(shrinks.map(\.high.wanted) == [bytes(32_768)])
        #expect(shrinks.map(\.end.wanted) == [bytes(16_384)])
    }

    @Test(arguments: [("memory.high=16K", "16384"), ("pids.max=7", "max")])
    func memoryMaxFollowsOnceMemoryHasShrunk(other: String, high: String) throws {
        var seen: [String] = []
        let folder = rig.folder
        rig.changer.onShrink = { current, target in
            let files = ["memory.max", "memory.high"].map { file in
                (try? String(contentsOfFile: "\(folder.path)/tree/acme/\(file)", encoding: .utf8))
                    .map { $0.trimmingCharacters(in: .newlines) } ?? "?"
            }
            seen.append("\(current) \(target) \(files.joined(separator: " "))")
            // It is told once before memory.high is written. By then the kernel has reclaimed.
            try? folder.write("20480\n", to: "tree/acme/memory.current")
        }
        let set = try rig.set("acme", "memory.max=32K", other)
        #expect(seen == ["65536 32768 max max", "20480 32768 max 32768"])
        #expect(try rig.read("/acme", "memory.max") == "32768")
        #expect(try rig.read("/acme", "memory.high") == high)
        #expect(set.outcome == .done && set.changes.allSatisfy(\.isVerified))
        #expect(set.changes.map(\.key).contains("memory.max"))
    }

    @Test func anInterruptedChangeIsTakenBack() throws {
        rig.changer.isInterrupted = { true }
        let fault = try #require(throws: Fault.self) {
            try rig.set("acme", "memory.max=32K", "pids.max=7")
        }
        #expect(fault.kind == .failed && fault.location.hasSuffix("/acme/memory.max"))
        #expect(fault.problem.contains("interrupted") && !fault.suggestion.isEmpty)
        for file in ["memory.max", "memory.high", "pids.max"] {
            #expect(try rig.read("/acme", file) == "max", "\(file)")
        }
        #expect(try rig.state.wanted.isEmpty)
        #expect(try rig.store.limitHistory().map(\.outcome) == [.failed])
        #expect(try rig.store.pendingLimitChanges(in: rig.tree.path).isEmpty)
    }

    /// Without patience it is given up at the first look, and says what is missing.
    @Test func memoryThatDoesNotShrinkIsGivenUp() throws {
        rig.changer.deadline = 0
        let fault = try #require(throws: Fault.self) { try rig.set("acme", "memory.max=32K") }
        #expect(fault.problem.contains("32768 bytes above the wanted 32768"))
        #expect(fault.suggestion.contains("--deadline") && fault.suggestion.contains("--force"))
        #expect(try rig.read("/acme", "memory.high") == "max")
        #expect(try rig.read("/acme", "memory.max") == "max")
    }

    @Test func whoForcesDoesNotWait() throws {
        var looks = 0
        rig.changer.onShrink = { _, _ in looks += 1 }
        try rig.set("acme", "memory.max=32K", isForced: true)
        #expect(try rig.read("/acme", "memory.max") == "32768" && looks == 0)
        #expect(try rig.read("/acme", "memory.high") == "max")
    }
}
