import CgroupFormat
import Foundation
import Limits
import Store
import Synchronization
import TestSupport
import Testing
import Units

@testable import Enforcing

/// What is undone, of whose cgroup, and what is wanted then.
@Suite struct UndoTests {
    private let slice = "/tenant.slice/tenant-acme.slice"

    /// A rig whose systemd writes one text after another into pids.max.
    private func managed(_ texts: String...) throws -> LimitRig {
        let bus = FakeBusBox()
        let left = Mutex(texts)
        return try LimitRig(
            cgroups: [slice], tenants: [tenant("acme", root: slice)],
            bus: { [slice] folder in
                bus.make(folder, units: [slice: "tenant-acme.slice"]) { _ in
                    let text = left.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                    guard let text else { return }
                    try? Data("\(text)\n".utf8).write(
                        to: URL(fileURLWithPath: "\(folder)/tree\(slice)/pids.max"))
                }
            })
    }

    /// Makes a cgroup anew under its path, as a restart does.
    private func renew(_ rig: LimitRig, _ path: String, pids: String) throws {
        // Kept elsewhere: a folder's number is used again, a cgroup's never.
        try FileManager.default.moveItem(
            atPath: "\(rig.folder.path)/tree\(path)",
            toPath: "\(rig.folder.path)/old\(path.count)")
        for (file, text) in LimitRig.files { try rig.write(text + "\n", path, file) }
        try rig.write("\(pids)\n", path, "pids.max")
    }

    /// systemd kept the limit over the restart, or it is gone with the cgroup.
    @Test(arguments: ["40", "max"])
    func aUnitThatWasMadeAnewIsTheSameToItsOwner(found: String) throws {
        let rig = try managed("40", "max")
        let set = try rig.set("acme", "pids.max=40")
        try renew(rig, slice, pids: found)
        let undone = try rig.undo(set.id)
        #expect(undone.changes.map(\.after) == ["max"])
        #expect(try rig.read(slice, "pids.max") == "max")
        #expect(try rig.state.wanted.isEmpty)
    }

    @Test func whatSomebodyChangedSinceTheRestartStays() throws {
        let rig = try managed("40")
        let set = try rig.set("acme", "pids.max=40")
        try renew(rig, slice, pids: "9")
        let fault = #expect(throws: Fault.self) { try rig.undo(set.id) }
        #expect(fault?.problem.contains("now it is 9") == true)
    }

    /// A plain cgroup is nobody's: another of its name is another.
    @Test func aPlainCgroupThatWasMadeAnewIsAnother() throws {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        let set = try rig.set("acme", "pids.max=40")
        try renew(rig, "/acme", pids: "40")
        let fault = #expect(throws: Fault.self) { try rig.undo(set.id) }
        #expect(fault?.problem.contains("re-created since") == true)
    }

    /// Or the daemon would go on setting it wherever the cgroup is made anew.
    @Test func whatIsWantedIsUndoneThoughTheCgroupHasEnded() throws {
        let rig = try LimitRig(
            cgroups: ["/acme", "/acme/web"], tenants: [tenant("acme", root: "/acme")])
        let first = try rig.set("/acme/web", "pids.max=40")
        let second = try rig.set("/acme/web", "pids.max=50")
        try FileManager.default.removeItem(atPath: "\(rig.folder.path)/tree/acme/web")
        #expect(try rig.undo(second.id).changes.isEmpty)
        #expect(try rig.state.wanted.map(\.value) == [.number(.at(40))])
        _ = try rig.undo(first.id)
        #expect(try rig.state.wanted.isEmpty)
        let fault = #expect(throws: Fault.self) { try rig.undo(first.id) }
        #expect(fault?.problem.contains("has undone it already") == true)
    }

    /// An undo that failed has undone nothing: it may be tried again.
    @Test func anUndoThatFailedMayBeTriedAgain() throws {
        // systemd takes two, ignores the undoing and what is to take it back, and takes the last.
        let rig = try managed("30", "40", "40", "40", "30")
        try rig.set("acme", "pids.max=30")
        let set = try rig.set("acme", "pids.max=40")
        #expect(throws: Fault.self) { try rig.undo(set.id) }
        #expect(try rig.store.limitHistory().map(\.outcome) == [.done, .done, .failed])
        #expect(try rig.store.limitChange(thatUndid: set.id) == nil)
        #expect(try rig.store.lastUndoable(of: "acme", in: rig.tree.path)?.id == set.id)
        #expect(try rig.undo(set.id).outcome == .done)
        #expect(try rig.read(slice, "pids.max") == "30")
        #expect(try rig.store.lastUndoable(of: "acme", in: rig.tree.path)?.id == set.id - 1)
    }

    /// The newest change is found as it would be by reading all of them.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func theLastChangeIsTheNewestThatStands(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let rig = try LimitRig(
            cgroups: ["/acme", "/lab"],
            tenants: [tenant("acme", root: "/acme"), tenant("lab", root: "/lab")])
        for step in 0..<12 {
            let target = Bool.random(using: &random) ? "acme" : "lab"
            let last = try rig.store.lastUndoable(of: target, in: rig.tree.path)
            let history = try rig.store.limitHistory()
            let undone = Set(history.compactMap(\.undoes))
            let standing = Set(try rig.state.overlays.map(\.change))
            let expected = history.last {
                $0.target == target && !undone.contains($0.id) && !$0.changes.isEmpty
                    && ([.set, .unset].contains($0.action)
                        || $0.action == .boost && standing.contains($0.id))
            }
            #expect(last?.id == expected?.id)
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                if let last { _ = try? rig.undo(last.id) }
            case 1: _ = try? rig.boost(target, "cpu.weight=\(step + 1)", forMilliseconds: 60_000)
            default: _ = try? rig.set(target, "pids.max=\(step + 1)")
            }
        }
    }
}
