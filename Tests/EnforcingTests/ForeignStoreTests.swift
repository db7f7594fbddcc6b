import Enforcing
import Foundation
import Limits
import Store
import TestSupport
import Testing
import Units

/// Only the store that belongs to this host and file decides what is written to a kernel.
@Suite struct ForeignStoreTests {
    private func rig() throws -> LimitRig {
        let rig = try LimitRig(cgroups: ["/acme"], tenants: [tenant("acme", root: "/acme")])
        try rig.boost("acme", "pids.max=500", forMilliseconds: 60_000)
        return rig
    }

    private func changer(_ rig: LimitRig, _ store: Store) -> LimitChanger {
        LimitChanger(tree: rig.tree, store: store, boot: "boot") { [time = rig.time] in
            Instant(milliseconds: time.milliseconds)
        }
    }

    @Test func aCopyEndsNoBoostAndHoldsNoLimitUntilItIsAdopted() throws {
        let rig = try rig()
        let path = "\(rig.folder.path)/copy.db"
        try rig.store.backup(to: path)
        rig.time.pass(120_000)
        let copy = try Store(at: path, for: .write)
        let changer = changer(rig, copy)
        let enforcer = Enforcer(changer: changer, store: copy, budgets: nil) { 0 }
        for _ in 0..<2 {
            #expect {
                _ = try enforcer.look()
            } throws: {
                ($0 as? Fault)?.suggestion.contains("octroi store adopt") == true
            }
            #expect(try rig.read("/acme", "pids.max") == "500")
        }
        _ = try copy.adopt(at: Instant(milliseconds: rig.time.milliseconds))
        #expect(try enforcer.look()?.written == 1)
        #expect(try rig.read("/acme", "pids.max") == "max")
    }

    @Test(arguments: ["removed", "replaced", "emptied"])
    func aStoreThatIsGoneWritesNothing(_ how: String) throws {
        let rig = try rig()
        let enforcer = rig.enforcer()
        _ = try enforcer.look()
        switch how {
        case "removed": unlink(rig.store.path)
        case "replaced":
            let other = "\(rig.folder.path)/other.db"
            _ = try Store(at: other, for: .write)
            try #require(rename(other, rig.store.path) == 0)
        default: try #require(truncate(rig.store.path, 0) == 0)
        }
        rig.time.pass(120_000)
        #expect(throws: Fault.self) { _ = try enforcer.look() }
        #expect(try rig.read("/acme", "pids.max") == "500")
    }

    /// A lock is of the store, whatever name it is called by.
    @Test func twoNamesAreOneLock() throws {
        let rig = try rig()
        let (soft, hard) = ("\(rig.folder.path)/soft.db", "\(rig.folder.path)/sub/hard.db")
        try rig.folder.write("", to: "sub/x")
        try FileManager.default.createSymbolicLink(
            atPath: soft, withDestinationPath: rig.store.path)
        try #require(link(rig.store.path, hard) == 0)
        for name in [soft, hard] {
            let other = changer(rig, try Store(at: name, for: .write))
            let inner = try rig.changer.withExclusiveLockIfFree { () throws(Fault) -> Bool in
                try other.withExclusiveLockIfFree(waitMilliseconds: 0) { true } == nil
            }
            #expect(inner == true, "\(name)")
        }
    }
}
