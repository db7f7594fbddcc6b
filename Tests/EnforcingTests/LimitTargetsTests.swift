import Limits
import Metering
import Store
import TestSupport
import Testing
import Units

@testable import Enforcing

/// Which cgroups a word of the command line, or a subject in the store, stands for.
@Suite struct LimitTargetsTests {
    private let rig: LimitRig

    /// The tree: acme has a root, lab a rule for paths, and gone a root that does not exist.
    init() throws {
        rig = try LimitRig(
            cgroups: [
                "/acme", "/acme/web", "/acme/c1", "/acme/c2", "/lab", "/lab/x", "/lab/web",
                "/acme2", "/plain",
            ],
            tenants: [
                tenant("acme", root: "/acme"), tenant("gone", root: "/gone"),
                Tenant(
                    id: "lab", name: "lab", priceBook: nil, invoiceTo: InvoiceAddress(),
                    match: [.cgroup("/lab/*")]),
            ])
    }

    /// Lets the collector see containers, with the names that their runtimes give them.
    private func see(
        _ containers: [(path: String, runtime: String, name: String?)], ids: [String: Int64] = [:]
    ) throws {
        let now = Instant(milliseconds: rig.time.milliseconds)
        let moment = Moment(wall: now, bootMicroseconds: 1)
        let run = try rig.store.beginRun(
            bootID: "boot", root: rig.tree.path, intervalMilliseconds: 1000, at: now)
        let entries = containers.enumerated().map { number, container in
            TickEntry(
                row: nil, path: container.path,
                cgroupID: ids[container.path] ?? rig.tree.cgroup(container.path)?.id
                    ?? Int64(number + 1),
                isTenantRoot: false, root: nil, runtime: container.runtime, sample: Sample(),
                position: Position(), isWhole: true, at: moment)
        }
        let rows = try rig.store.commit(
            TickRecord(moment: moment, longestHold: .max, entries: entries), of: run)
        for (row, container) in zip(rows, containers) {
            guard let name = container.name else { continue }
            let details = ContainerDetails(name: name, image: nil, labels: [:], namespace: nil)
            try rig.store.saveDetails([(row, details)], at: now)
        }
    }

    private func targets() throws -> LimitTargets { try LimitTargets(rig.tree, rig.store) }

    private func find(_ word: String) throws -> LimitTarget { try targets().find(word) }

    @Test func aTenantIsItsRoots() throws {
        let target = try find("acme")
        #expect(target.subject == LimitSubject(.tenant, "acme") && target.tenant == "acme")
        #expect(target.cgroups.map(\.path) == ["/acme"] && !target.isRoot)
        let (targets, lab) = (try targets(), LimitSubject(.tenant, "lab"))
        #expect(targets.hasRoot("acme") && !targets.hasRoot("gone") && !targets.hasRoot("lab"))
        #expect(targets.cgroups(of: lab).isEmpty && targets.containers(of: "none").isEmpty)
    }

    @Test(arguments: [
        ("gone", Fault.Kind.unavailable, "/gone"), ("lab", .badData, "no tenant root"),
        ("nobody", .unavailable, "no tenant and no cgroup"), ("/nobody", .unavailable, "no cgroup"),
        ("", .unavailable, "no cgroup"), ("web", .wrongUse, "2 cgroups"),
        // A name is a whole name: neither its beginning nor its end is enough.
        ("we", .unavailable, "no cgroup"), ("cme/web", .unavailable, "no cgroup"),
    ])
    func whatIsNoTargetIsSaid(word: String, kind: Fault.Kind, said: String) throws {
        let fault = try #require(throws: Fault.self) { try find(word) }
        #expect(fault.kind == kind && fault.problem.contains(said), "\(fault)")
        #expect(!fault.suggestion.isEmpty)
        if kind == .wrongUse {
            #expect(fault.suggestion.contains("/acme/web") && fault.suggestion.contains("/lab/web"))
        }
    }

    @Test(arguments: [
        ("/acme/web", "/acme/web", "acme"), ("acme/web", "/acme/web", "acme"),
        ("//acme//web/", "/acme/web", "acme"), ("plain", "/plain", nil), ("x", "/lab/x", nil),
        ("acme2", "/acme2", nil), ("/lab", "/lab", nil),
    ])
    func aCgroupIsFoundByItsPath(word: String, path: String, owner: String?) throws {
        let target = try find(word)
        #expect(target.cgroups.map(\.path) == [path])
        // Without a name that outlives it, a cgroup is known by its path.
        #expect(target.subject == LimitSubject(.container, path))
        #expect(target.tenant == owner && !target.isRoot)
    }

    /// Whoever names a tenant's only root by its path means the tenant.
    @Test func aRootByItsPathIsItsTenant() throws {
        let target = try find("/acme")
        #expect(target.subject == LimitSubject(.tenant, "acme") && target.isRoot)
        #expect(target.tenant == "acme" && target.cgroups.map(\.path) == ["/acme"])
    }

    /// An engine's name stays when the container is made anew, and so do its limits.
    @Test(arguments: ["docker", "podman"])
    func aContainerIsFoundByItsName(runtime: String) throws {
        try see([("/acme/c1", runtime, "web"), ("/plain", runtime, "alone")])
        let name = "\(runtime)/web@acme"
        // A name comes before the ends of paths, of which there are two.
        for word in ["web", name, "/acme/c1", "c1"] {
            let target = try find(word)
            #expect(target.subject == LimitSubject(.container, name), "\(word)")
            #expect(target.cgroups.map(\.path) == ["/acme/c1"] && target.tenant == "acme")
        }
        // Without a tenant its name has none either.
        #expect(try find("alone").subject == LimitSubject(.container, "\(runtime)/alone"))
        let targets = try targets()
        #expect(
            targets.cgroups(of: LimitSubject(.container, name)).map(\.path) == ["/acme/c1"])
        #expect(targets.cgroups(of: LimitSubject(.container, "\(runtime)/web@lab")).isEmpty)
    }

    /// A workload may choose any name: of two containers of one, neither is meant.
    @Test func aNameOfSeveralIsRefused() throws {
        try see([("/acme/c1", "docker", "db"), ("/acme/c2", "docker", "db")])
        let fault = try #require(throws: Fault.self) { try find("db") }
        #expect(fault.kind == .wrongUse && fault.suggestion.contains("/acme/c2"))
        #expect(try find("/acme/c2").cgroups.map(\.path) == ["/acme/c2"])
        let both = LimitSubject(.container, "docker/db@acme")
        #expect(try targets().cgroups(of: both).map(\.path).sorted() == ["/acme/c1", "/acme/c2"])
    }

    /// Names of other runtimes find a container, but do not outlive it.
    @Test func aNameThatDoesNotLastIsNoSubject() throws {
        try see([("/acme/c1", "containerd", "job")])
        #expect(try find("job").subject == LimitSubject(.container, "/acme/c1"))
    }

    /// The account of an older cgroup of this path says nothing about the one that is there now.
    @Test func anotherCgroupOfThePathHasNoName() throws {
        let now = try #require(rig.tree.cgroup("/acme/c1")?.id)
        try see([("/acme/c1", "docker", "web")], ids: ["/acme/c1": now + 1])
        #expect(try find("/acme/c1").subject == LimitSubject(.container, "/acme/c1"))
    }

    @Test func aTenantsContainersAreThoseBelowItsRootAndItsOthers() throws {
        #expect(
            try targets().containers(of: "acme").map(\.path).sorted()
                == ["/acme/c1", "/acme/c2", "/acme/web"])
        #expect(try targets().containers(of: "lab").isEmpty, "nobody has seen them yet")
        try see([
            ("/lab/x", "cgroup", nil), ("/lab/ended", "cgroup", nil), ("/acme/c1", "cgroup", nil),
        ])
        let targets = try targets()
        // What has ended is left out, and nothing is there twice.
        #expect(targets.containers(of: "lab").map(\.path) == ["/lab/x"])
        #expect(targets.containers(of: "acme").count == 3)
        let (acme, lab) = (LimitSubject(.tenant, "acme"), LimitSubject(.tenant, "lab"))
        #expect(targets.cgroups(of: lab).map(\.path) == ["/lab/x"])
        // The freezer stops containers one by one; any other limit is the root's.
        #expect(targets.cgroups(of: acme, .pidsMax).map(\.path) == ["/acme"])
        #expect(targets.cgroups(of: acme, .freeze).count == 3)
        let web = LimitSubject(.container, "/acme/web")
        #expect(targets.cgroups(of: web, .freeze).map(\.path) == ["/acme/web"])
        #expect(targets.cgroups(of: LimitSubject(.container, "/acme/none")).isEmpty)
    }

    @Test func thePathDecidesTheTenantBeforeWhatIsStored() throws {
        try see([("/lab/x", "cgroup", nil), ("/plain", "cgroup", nil)])
        let targets = try targets()
        #expect(targets.tenant(of: "/acme") == "acme" && targets.tenant(of: "/acme/a/b") == "acme")
        #expect(targets.tenant(of: "/acme2") == nil && targets.tenant(of: "/acm") == nil)
        #expect(targets.tenant(of: "/lab/x") == "lab" && targets.tenant(of: "/lab/web") == nil)
        #expect(targets.tenant(of: "/plain") == nil && targets.tenant(of: "/gone/a") == "gone")
    }
}
