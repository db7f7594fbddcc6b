import Metering
import TestSupport
import Testing
import Units

@testable import Runtimes

/// What every runtime has to keep, and the names that are read from paths and files.
@Suite struct RuntimeTests {
    @Test func namesAndPrefixesAreUnique() {
        let all = ContainerRuntimes.all
        #expect(Set(all.map(\.name)).count == all.count)
        let prefixes = all.flatMap(\.scopePrefixes)
        #expect(Set(prefixes).count == prefixes.count)
        // No prefix hides another.
        for a in prefixes { for b in prefixes where a != b { #expect(!b.hasPrefix(a)) } }
        #expect(Set(tenantRuleKinds).count == tenantRuleKinds.count)
    }

    @Test(
        arguments: [
            ("/lxc.payload.web", "lxc", "web"), ("/machine.slice/lxc.payload.db-1", "lxc", "db-1"),
            ("/machine.slice/systemd-nspawn@web.service", "nspawn", "web"),
            (#"/machine.slice/systemd-nspawn@my\x2dweb.service"#, "nspawn", "my-web"),
            (#"/machine.slice/machine-my\x2dweb.scope"#, "machined", "my-web"),
            ("/lxc/101", "lxc", "101"),
            ("/user.slice/user-1000.slice/user@1000.service/lxc.payload.web", "lxc", nil),
            ("/machine/web.libvirt-qemu", "libvirt", nil),
        ] as [(String, String, String?)])
    func namesThatThePathTells(path: String, runtime: String, name: String?) {
        #expect(PathShape.runtime(of: path) == runtime)
        let answer = NameFinder().details(of: path, runtime: runtime)
        guard case .found(let details) = answer else {
            #expect(name == nil)
            return
        }
        #expect(details.name == name && details.labels.isEmpty)
    }
}

/// Guests of Proxmox VE, by files as its tools write them.
@Suite struct ProxmoxTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(
            """
            #notes of the%20administrator
            arch: amd64
            cores: 2
            hostname: web.example.org
            memory: 1024
            tags: prod;shop
            unprivileged: 1

            [before-upgrade]
            hostname: old
            tags: stale
            """, to: "lxc/101.conf")
        try folder.write("name: db\nagent: 1\n", to: "qemu-server/200.conf")
        try folder.write("memory: 512\ntags: a b,c\n", to: "qemu-server/201.conf")
        try folder.write(
            """
            user:root@pam:1:0:::root@example.org::
            group:admins:root@pam::
            pool:acme:Acme, Inc:101,200:local-lvm:
            pool:lab::1,20:
            acl:1:/pool/lab:lab@pve:PVEAdmin:
            """, to: "user.cfg")
    }

    private func details(_ path: String) -> ContainerDetails? {
        guard case .found(let details) = Proxmox(folder: folder.path).details(of: path) else {
            return nil
        }
        return details
    }

    @Test func namesTagsAndPools() throws {
        let web = try #require(details("/lxc/101"))
        #expect(web.name == "web.example.org")
        #expect(
            web.labels == [
                "proxmox.tag.prod": "", "proxmox.tag.shop": "", "proxmox.pool": "acme",
            ])
        let db = try #require(details("/qemu.slice/200.scope"))
        #expect(db.name == "db" && db.labels == ["proxmox.pool": "acme"])
        let bare = try #require(details("/qemu.slice/201.scope"))
        #expect(
            bare.name == "201"
                && bare.labels.keys.sorted() == ["a", "b", "c"].map { "proxmox.tag.\($0)" })
    }

    /// Only guests have files, and only their numbers are looked up.
    @Test(arguments: [
        "/lxc/102", "/lxc/../qemu-server/200", "/qemu.slice/x.scope", "/system.slice/web.service",
        "/user.slice/user-1000.slice/user@1000.service/lxc.payload.101", "/lxc.payload.web",
    ])
    func whatIsNoGuestHasNoFile(path: String) { #expect(details(path) == nil) }

    @Test(arguments: [
        ("pool", "acme", "/lxc/101", true), ("pool", "acme", "/qemu.slice/201.scope", false),
        ("pool", "lab", "/lxc/101", false), ("tag", "shop", "/lxc/101", true),
        ("tag", "sho", "/lxc/101", false), ("tag", "stale", "/lxc/101", false),
    ])
    func rulesFitPoolsAndTags(kind: String, pattern: String, path: String, fits: Bool) throws {
        let rule = try #require(tenantRule(kind: kind, pattern: pattern))
        let labels = try #require(details(path)).labels
        #expect(rule.matches(ContainerFacts(path: path, labels: labels)) == fits)
    }

    /// A workload names its own labels: it must not put itself into another's pool.
    @Test func noContainerGivesItselfAPool() {
        let made = ContainerDetails(
            name: nil, image: nil,
            labels: ["proxmox.pool": "acme", "proxmox.tag.shop": "", "proxmoxer": "1"])
        #expect(made.labels == ["proxmoxer": "1"])
    }
}
