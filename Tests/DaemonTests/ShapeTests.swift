import CgroupFS
import Daemon
import Foundation
import Metering
import Runtimes
import Store
import TestSupport
import Testing
import Units

/// docs/shapes.md: which cgroup is the container, in every order of births and readings.
@Suite struct ShapeTests {
    /// A row of a table: one cgroup.
    private struct Row {
        var path: String
        var holds: String
        var account: String
        var runtime: String
        var id: String

        var hasAccount: Bool { ["container", "monitor", "tenant root"].contains(account) }
    }

    private struct Tree {
        var title: String
        var rows: [Row] = []

        var roots: Set<String> {
            Set(rows.filter { $0.account == "tenant root" }.map(\.path))
        }
        var accounts: Set<String> { Set(rows.filter(\.hasAccount).map(\.path)) }
    }

    private static func trees() throws -> [Tree] {
        let text = try String(contentsOfFile: "\(repository)/docs/shapes.md", encoding: .utf8)
        var trees: [Tree] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") { trees.append(Tree(title: String(line.dropFirst(3)))) }
            guard line.hasPrefix("| `/"), !trees.isEmpty else { continue }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                filled($0.trimmingCharacters(in: .whitespaces))
            }
            try #require(cells.count == 7, "\(line)")
            trees[trees.count - 1].rows.append(
                Row(
                    path: cells[1].replacingOccurrences(of: "`", with: ""), holds: cells[2],
                    account: cells[3], runtime: cells[4], id: cells[5]))
        }
        return trees.filter { !$0.rows.isEmpty }
    }

    /// With the ids that `{a}` and its like stand for.
    private static func filled(_ text: String) -> String {
        "abcdef".reduce(text) {
            $0.replacingOccurrences(
                of: "{\($1)}", with: String(repeating: String($1), count: 64))
        }
    }

    @Test func pathsTellRuntimeAndID() throws {
        let trees = try Self.trees()
        #expect(trees.count > 15)
        for row in trees.flatMap(\.rows) where row.hasAccount {
            #expect(PathShape.runtime(of: row.path) == row.runtime, "\(row.path)")
            #expect(PathShape(row.path).id ?? "" == row.id, "\(row.path)")
            #expect(PathShape.isMonitor(row.path) == (row.account == "monitor"), "\(row.path)")
        }
    }

    @Test func everyOrderOfBirthsComesToTheSameAccounts() throws {
        for tree in try Self.trees() {
            for seed in 0..<12 as Range<UInt64> {
                var random = SeededRandom(seed: seed)
                let rows = tree.rows.shuffled(using: &random)
                let found = try accounts(of: rows, tree.roots, &random)
                #expect(found == tree.accounts, "\(tree.title), seed \(seed)")
            }
        }
    }

    /// Whatever a workload calls its cgroups, it stays one container.
    @Test func namesInsideAContainerMeanNothing() throws {
        let id = String(repeating: "9", count: 64)
        let names = [
            "docker-\(id).scope", "lxc.payload.x", "kubepods/burstable/pod1/\(id)", id,
            "tenant.slice/tenant-acme.slice/web.service", "user@0.service/init.scope",
            "x.slice:cri-containerd:\(id)", "containerd.service/kubepods/pod1/\(id)", "init.scope",
            "machine/qemu-1-x.libvirt-qemu", "lxc/101/ns", "slurmstepd.scope/job_1",
        ]
        for tree in try Self.trees() where tree.roots.isEmpty {
            var random = SeededRandom(seed: 7)
            var rows = tree.rows
            for row in tree.rows where PathShape(row.path).role == .container {
                let name = names.randomElement(using: &random) ?? id
                rows.append(
                    Row(
                        path: "\(row.path)/\(name)", holds: "processes", account: "inside",
                        runtime: "", id: ""))
            }
            rows.shuffle(using: &random)
            let found = try accounts(of: rows, [], &random)
            #expect(found == tree.accounts, "\(tree.title)")
        }
    }

    /// Makes cgroups one after the other, takes readings now and then, and says who has an account.
    private func accounts(
        of rows: [Row], _ roots: Set<String>, _ random: inout SeededRandom
    ) throws -> Set<String> {
        let folder = try TemporaryFolder()
        try folder.write("", to: "tree/cgroup.procs")
        let kernel = try LiveKernel(root: CgroupRoot(opening: "\(folder.path)/tree"))
        let plan = SurveyPlan(nesting: PathShape.nesting, tenantRoots: roots)
        for row in rows {
            if Int.random(in: 0..<4, using: &random) == 0 { _ = look(kernel, plan) }
            try make(row, in: folder)
        }
        return look(kernel, plan)
    }

    private func look(_ kernel: LiveKernel, _ plan: SurveyPlan) -> Set<String> {
        let survey = kernel.survey(plan)
        kernel.seal()
        kernel.acknowledge()
        var paths: Set<String> = []
        for case .account(let index) in survey.steps where !survey.cgroups[index].hasEnded {
            paths.insert(survey.cgroups[index].path)
        }
        return paths
    }

    private func make(_ row: Row, in folder: TemporaryFolder) throws {
        let place = "tree\(row.path)"
        let types = ["threads": "threaded", "threaded domain": "domain threaded"]
        try folder.write("\(types[row.holds] ?? "domain")\n", to: "\(place)/cgroup.type")
        try folder.write("populated 1\nfrozen 0\n", to: "\(place)/cgroup.events")
        try folder.write("usage_usec 1\n", to: "\(place)/cpu.stat")
        // The kernel refuses to read it where threads live.
        if row.holds != "threads" {
            try folder.write(row.holds.isEmpty ? "" : "1\n", to: "\(place)/cgroup.procs")
        }
    }

    /// M5: the bill of what nests cgroups does not depend on who was seen first.
    @Test(arguments: [["box"], ["box", "box/worker"], ["box/worker"]])
    func whoWasSeenFirstIsBilledTheSame(first: [String]) throws {
        let rig = try Rig()
        try tenant(.cgroup("/box/**"), rig)
        var collector = try rig.collector()
        _ = try collector.tick()
        for path in first { try rig.set(path, cpu: path == "box" ? 100 : 40) }
        if first == ["box/worker"] {
            try rig.folder.write("usage_usec 100\n", to: "tree/box/cpu.stat")
            try rig.folder.write("1\n", to: "tree/box/cgroup.procs")
        }
        _ = try collector.tick()
        try rig.set("box", cpu: 300)
        try rig.set("box/worker", cpu: 200)
        _ = try collector.tick()
        #expect(try rig.metered() == ["/box": 300])
        let usage = try rig.store.usage(over: rig.month, by: .tenant)
        #expect(usage.map(\.tenant) == ["acme"])
    }

    /// M6: as a tenant root as well, a virtual machine is read where its memory is.
    @Test func aThreadedTenantRootIsOneContainer() throws {
        let rig = try Rig()
        try tenant(.root("/vm"), rig)
        try rig.set("vm", cpu: 0)
        try rig.folder.write("domain threaded\n", to: "tree/vm/cgroup.type")
        try rig.folder.write("usage_usec 0\n", to: "tree/vm/vcpu0/cpu.stat")
        try rig.folder.write("threaded\n", to: "tree/vm/vcpu0/cgroup.type")
        var collector = try rig.collector()
        _ = try collector.tick()
        try rig.set("vm", cpu: 90)
        try rig.folder.write("usage_usec 50\n", to: "tree/vm/vcpu0/cpu.stat")
        _ = try collector.tick()
        _ = try collector.tick()
        #expect(try rig.metered() == ["/vm": 90])
        #expect(try rig.store.containers(all: true).map(\.path) == ["/vm"])
    }

    /// M7: a root that is named later inside a container begins where it is read first.
    @Test func aTenantRootInsideAServiceIsReached() throws {
        let rig = try Rig()
        try rig.folder.write("usage_usec 1000\n", to: "tree/system.slice/pods.service/cpu.stat")
        try rig.set("system.slice/pods.service/acme", cpu: 500)
        try rig.set("system.slice/pods.service/acme/web", cpu: 400)
        try rig.folder.write("", to: "tree/system.slice/pods.service/acme/cgroup.procs")
        var collector = try rig.collector()
        _ = try collector.tick()
        #expect(try rig.store.containers(all: true).map(\.path) == ["/system.slice/pods.service"])
        try tenant(.root("/system.slice/pods.service/acme"), rig)
        _ = try collector.tick()
        try rig.set("system.slice/pods.service/acme/web", cpu: 700)
        try rig.folder.write(
            "usage_usec 800\n", to: "tree/system.slice/pods.service/acme/cpu.stat")
        _ = try collector.tick()
        _ = try collector.tick()
        #expect(try rig.metered() == ["/system.slice/pods.service/acme/web": 300])
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
    }

    private func tenant(_ rule: Rule, _ rig: Rig) throws {
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: nil, invoiceTo: InvoiceAddress(), match: [rule])
        _ = try Store(at: rig.store.path, for: .write).apply(
            Contract(tenants: [acme], books: nil), isPlan: false, at: rig.now)
    }
}
