import Enforcing
import Limits
import TestSupport
import Testing
import Units

/// What a plan says of wishes that cannot take hold.
@Suite struct SpecPlanTests {
    private func notes(_ rig: LimitRig, _ target: String, _ words: [String]) throws -> [String] {
        let targets = try LimitTargets(rig.tree, rig.store)
        let specs = try words.map { try LimitSpec(parsing: $0) }
        return try rig.changer.plan(specs, for: targets.find(target), targets).items.flatMap {
            item in item.notes.map { "\(item.write.key): \($0)" }
        }
    }

    private func acme() throws -> LimitRig {
        try LimitRig(cgroups: ["/acme", "/acme/web"], tenants: [tenant("acme", root: "/acme")])
    }

    @Test(arguments: [
        (["memory.max=1G", "memory.high=2G"], "memory.high: memory.high at 2048.0 MiB is above"),
        (["memory.high=2G", "memory.max=1G"], "memory.high: memory.high at 2048.0 MiB is above"),
        (["cpu=900000"], "cpu.max: 900000 cores are more than the "),
        (["io.max=1048575:7:wbps=1M"], "this host has no device 1048575:7"),
    ])
    func whatNeverTakesHoldIsSaid(words: [String], said: String) throws {
        let notes = try notes(acme(), "acme", words)
        #expect(notes.filter { $0.contains(said) }.count == 1, "\(notes)")
    }

    /// What is there already counts, in the cgroup and above it.
    @Test func whatStandsAlreadyIsLookedAt() throws {
        let rig = try acme()
        try rig.write("1073741824\n", "/acme", "memory.max")
        #expect(try notes(rig, "acme", ["memory.high=2G"]).contains { $0.contains("never takes") })
        #expect(
            try notes(rig, "/acme/web", ["memory.high=2G"]).contains { $0.contains("never takes") })
        #expect(
            try !notes(rig, "/acme/web", ["memory.high=512M"])
                .contains { $0.contains("never takes") })
        try rig.write("536870912\n", "/acme", "memory.high")
        let lowered = try notes(rig, "acme", ["memory.max=256M"])
        #expect(lowered.contains { $0.hasPrefix("memory.max: memory.high at 512.0 MiB is above") })
    }
}
