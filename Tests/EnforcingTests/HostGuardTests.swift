import Enforcing
import Limits
import Store
import TestSupport
import Testing
import Units

private let id = String(repeating: "0a", count: 32)

/// What is not limited by mistake.
@Suite struct HostGuardTests {
    private func host() throws -> LimitRig {
        try LimitRig(
            cgroups: [
                "/system.slice", "/system.slice/docker.service", "/system.slice/octroi.service",
                "/system.slice/web.service", "/system.slice/docker-\(id).scope", "/other",
                "/acme", "/acme/guest.service/system.slice/dbus.service",
                "/managers.slice", "/managers.slice/ssh.service",
            ],
            tenants: [tenant("acme", root: "/acme"), tenant("ops", root: "/managers.slice")])
    }

    @Test(arguments: [
        ("/system.slice", ["is no tenant's", "docker.service, octroi.service"]),
        ("/system.slice/web.service", ["is no tenant's"]),
        ("/system.slice/docker.service", ["is no tenant's and holds what this host lives on"]),
        ("/other", ["is no tenant's"]),
        ("ops", ["it holds what this host lives on"]),
    ])
    func whatIsNoTenantsTakesForce(target: String, said: [String]) throws {
        let rig = try host()
        let fault = #expect(throws: Fault.self) { try rig.set(target, "cpu=50%") }
        for words in said {
            #expect(fault?.problem.contains(words) == true, "\(fault?.description ?? "")")
        }
        #expect(fault?.suggestion.contains("--force") == true)
        #expect(throws: Fault.self) {
            try rig.boost(target, "pids.max=5", forMilliseconds: 60_000)
        }
        #expect(try rig.store.limitHistory().isEmpty && rig.state.overlays.isEmpty)
        let set = try rig.set(target, "cpu=50%", isForced: true)
        #expect(set.changes.allSatisfy { $0.after == "50000 100000" })
        // What loosens a limit harms nobody.
        #expect(throws: Never.self) { try rig.set(target, "cpu=max") }
    }

    /// A guest's own dbus is not the host's, and an engine's container is a workload.
    @Test(arguments: ["acme", "/acme", "/system.slice/docker-\(id).scope"])
    func aTenantAndAContainerAreLimitedAsTheyAre(target: String) throws {
        #expect(throws: Never.self) { try host().set(target, "cpu=50%") }
    }

    @Test func aPlanNamesWhatIsInside() throws {
        let rig = try host()
        let targets = try LimitTargets(rig.tree, rig.store)
        let plan = try rig.changer.plan(
            [LimitSpec(parsing: "cpu=50%"), LimitSpec(parsing: "pids.max=9")],
            for: targets.find("/system.slice"), targets)
        let all: [String] = plan.items.reduce(into: []) { $0 += $1.notes }
        let notes = all.filter { $0.contains("takes --force") }
        #expect(notes.count == 1 && notes[0].contains("web.service"))
    }
}
