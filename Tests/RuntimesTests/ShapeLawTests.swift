import CgroupFS
import Metering
import TestSupport
import Testing
import Units

@testable import Runtimes

/// What holds for every path, whoever chose its names.
@Suite struct ShapeLawTests {
    private static let ids = ["a", "b"].map { String(repeating: $0, count: 64) }
    /// Names that mean something somewhere, and some that mean nothing.
    private static let names =
        [
            "system.slice", "user.slice", "user-1000.slice", "user@1000.service", "machine.slice",
            "kubepods.slice", "kubepods", "burstable", "pod1-2", "docker", "buildkit", "lxc",
            "lxc.payload.web", "lxc.monitor.web", "lxc.monitor", "machine", "web.libvirt-qemu",
            "libpod_parent", "conmon", "slurmstepd.scope", "job_7", "nomad.slice", "qemu.slice",
            "101.scope", "docker.service", "containerd.service", "web.service", "init.scope",
            #"machine-qemu\x2d1\x2dweb.scope"#, "systemd-nspawn@web.service", "tenants", "acme",
        ]
        + ids
        + ids.flatMap {
            [
                "docker-\($0).scope", "libpod-\($0).scope", "libpod-\($0)", "crio-\($0).scope",
                "libpod-conmon-\($0).scope", "crio-conmon-\($0)", "system.slice:docker:\($0)",
            ]
        }

    private func path(_ random: inout SeededRandom) -> String {
        (0..<Int.random(in: 1...5, using: &random))
            .map { _ in "/" + (Self.names.randomElement(using: &random) ?? "x") }.joined()
    }

    /// Whatever a workload creates below its container is a part of it.
    @Test func insideAContainerNamesMeanNothing() {
        var random = SeededRandom(seed: 5)
        var seen = 0
        for _ in 0..<4000 {
            let path = path(&random)
            let shape = PathShape(path)
            guard shape.role == .container || shape.role == .monitor else { continue }
            seen += 1
            #expect(shape.container == path)
            let below = path + self.path(&random)
            let inside = PathShape(below)
            #expect(inside.role == .inside && inside.container == path, "\(below)")
            #expect(inside.runtime == "cgroup" && inside.id == nil, "\(below)")
            #expect(PathShape.containerID(of: below) == nil && !PathShape.isContainer(below))
            #expect(!Self.ids.contains { PathShape.mayBe(below, container: $0) })
        }
        #expect(seen > 300, "there were containers to look at")
    }

    /// A path says the same of itself, however it is asked.
    @Test func thePartsOfAShapeAgree() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<4000 {
            let path = path(&random)
            let shape = PathShape(path)
            let id = PathShape.containerID(of: path)
            if let id { #expect(shape.isOfHost && shape.id == id && id.utf8.count == 64) }
            if let id { #expect(PathShape.mayBe(path, container: id)) }
            #expect(PathShape.isMonitor(path) == (shape.role == .monitor))
            #expect(
                PathShape.runtime(of: path)
                    == (shape.role == .monitor ? "monitor" : shape.runtime))
            let nesting = "\(PathShape.nesting(path))"
            switch shape.role {
            case .container, .monitor: #expect(nesting == "one")
            case .holder: #expect(nesting == "many")
            case .engine: #expect(nesting == "oneUnlessKnown")
            case .unknown: #expect(nesting == "byProcesses")
            case .inside: #expect(nesting != "oneUnlessKnown")
            }
            // Doubled slashes are no names.
            #expect(PathShape(path.replacing("/", with: "//")).role == shape.role)
        }
    }

    /// A name that a login or an unknown program gave proves no engine's container.
    @Test func anImitationIsNeverAskedFor() {
        var random = SeededRandom(seed: 7)
        let bases = ["/user.slice/user-1000.slice/user@1000.service", "/tenants/acme"]
        for _ in 0..<2000 {
            let path = (bases.randomElement(using: &random) ?? "") + path(&random)
            #expect(PathShape.containerID(of: path) == nil, "\(path)")
        }
    }

    @Test(
        arguments: [
            ("slice", "tenant-a.slice", .slice("tenant-a.slice")), ("root", "/a", .root("/a")),
            ("cgroup", "/a/*", .cgroup("/a/*")), ("pool", "acme", .label("proxmox.pool=acme")),
            ("tag", "web", .label("proxmox.tag.web")), ("Pool", "acme", nil), ("", "x", nil),
            ("proxmox.pool", "acme", nil),
        ] as [(String, String, Rule?)])
    func keysOfRules(kind: String, pattern: String, rule: Rule?) {
        #expect(tenantRule(kind: kind, pattern: pattern) == rule)
    }

    /// Warnings are about what was changed: a rule, or the one that hides it.
    @Test func onlyRulesThatAChangeTouchesAreTold() {
        func tenant(_ id: String, _ rules: Rule...) -> Tenant {
            Tenant(id: id, name: id, priceBook: nil, invoiceTo: InvoiceAddress(), match: rules)
        }
        let tenants = [
            tenant("first", .cgroup("/acme/**")), tenant("hidden", .cgroup("/acme/web")),
            tenant("never", .root("/a//b")), tenant("good", .cgroup("/shop/**")),
        ]
        func told(_ ids: [String]?) -> [Substring] {
            let changed = ids.map { ids in tenants.filter { ids.contains($0.id) } }
            return unreachableRules(of: tenants, changed: changed).map { $0.prefix { $0 != "," } }
        }
        #expect(told(nil) == ["tenant hidden", "tenant never"])
        #expect(told(["hidden"]) == ["tenant hidden"] && told(["first"]) == ["tenant hidden"])
        #expect(told(["never"]) == ["tenant never"])
        #expect(told(["good"]).isEmpty && told([]).isEmpty)
    }
}
