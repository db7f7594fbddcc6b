import App
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// What the collector has read: containers, samples, and what a host lets it read.
@Suite struct MeteringVerbsTests {
    private let firm: Firm
    private let start: Instant

    /// `/acme/app` was read three times, 30 s apart; then `/lab/job` alone.
    init() throws {
        firm = try Firm()
        start = try hours(12, 1).start
        let ticks = try Ticks(firm, root: firm.tree, at: start)
        let row = try ticks.add("/acme/app", cpu: 100, used: 0, at: start)
        for step in 1...2 as ClosedRange<Int64> {
            _ = try ticks.add(
                "/acme/app", row: row, cpu: 100 + step, used: 1,
                at: start.advanced(bySeconds: 30 * step))
        }
        _ = try ticks.add("/lab/job", id: 8, cpu: 7, used: 0, at: start.advanced(bySeconds: 90))
        _ = firm.notices.take()
    }

    /// Tenant and path of each row; `-` for the total of a tenant.
    private func listed(_ query: LiveQuery, hasEnded: Bool = false) throws -> [String] {
        try firm.app.containers(query, hasEnded: hasEnded).sheet.rows.map { row in
            guard case .text(let tenant) = row[0] else { return "?" }
            if case .text(let path) = row[1] { return "\(tenant) \(path)" }
            return "\(tenant) -"
        }
    }

    @Test func containersAreListedWithTheirTenant() throws {
        #expect(try listed(LiveQuery()) == ["lab -", "lab /lab/job"])
        #expect(
            try listed(LiveQuery(), hasEnded: true)
                == ["acme /acme/app", "lab -", "lab /lab/job"])
        #expect(try listed(LiveQuery(tenant: "acme")) == [])
        #expect(try listed(LiveQuery(tenant: "acme"), hasEnded: true) == ["acme /acme/app"])
        // A filter leaves out totals, which cover more than it selects.
        #expect(try listed(LiveQuery(filter: "/lab/*")) == ["lab /lab/job"])
        #expect(try listed(LiveQuery(filter: "/lab")) == [])
        // In any other order, what has ended comes last.
        #expect(try listed(LiveQuery(by: .cpu), hasEnded: true).last == "acme /acme/app")
    }

    @Test func aContainersCellsSayWhatItIs() throws {
        let answer = try firm.app.containers(LiveQuery(), hasEnded: true)
        let row = answer.sheet.rows[0]
        #expect(
            row.prefix(7) == [
                .text("acme"), .text("/acme/app"), .text("container"), .text("cgroup"),
                .integer(7), .text("2025-01-01T12:00:00Z"), .text("2025-01-01T12:01:30Z"),
            ])
        #expect(row[7...].allSatisfy { $0 == .none })
        #expect(answer.sheet.notInTable.isSuperset(of: ["name", "cgroup_id"]))
        #expect(!answer.sheet.notInTable.contains("last_seen"))
        #expect(try firm.app.containers(LiveQuery()).sheet.notInTable.contains("last_seen"))
        // The last reading is of another boot, and of years ago.
        #expect(
            answer.silence?.hasPrefix("Nothing has been read since 2025-01-01T12:01:30Z") == true)
        #expect(answer.sheet.title == answer.silence)
    }

    @Test func aViewIsReadAgainAndAgain() throws {
        var view = try firm.app.liveView(LiveQuery(by: .memory))
        for _ in 0..<2 {
            let (sheet, silence) = try view.look()
            #expect(silence != nil && sheet.title?.contains(": 1 cgroups") == true)
            #expect(sheet.rows.count == 2, "the container and its tenant's total")
        }
        var none = try firm.app.liveView(LiveQuery(tenant: "acme"))
        #expect(try none.look().sheet.rows.isEmpty)
    }

    private func samples(_ words: SampleWords, as format: Format = .csv) throws -> [String] {
        var text = ""
        try firm.app.streamSamples(words, as: format) { text += $0 }
        return text.split(separator: "\n").map(String.init)
    }

    @Test func samplesAreWrittenAsTheKernelGaveThem() throws {
        let rows = try samples(SampleWords(container: "/acme/app"))
        #expect(rows[0].hasPrefix("at,container,cgroup_id,cpu_usage_us,cpu_user_us,"))
        #expect(
            rows.dropFirst().map { $0.split(separator: ",").prefix(4).joined(separator: " ") } == [
                "2025-01-01T12:00:00Z /acme/app 7 100", "2025-01-01T12:00:30Z /acme/app 7 101",
                "2025-01-01T12:01:00Z /acme/app 7 102",
            ])
        let fields = rows[0].count { $0 == "," }
        #expect(rows.allSatisfy { $0.count { $0 == "," } == fields })
        // The end of the path is enough.
        #expect(try samples(SampleWords(container: "app")) == rows)
    }

    @Test(
        arguments: [
            ("2025-01-01T12:00:30Z", nil, nil, ["101", "102"]),
            (nil, "2025-01-01T12:01:00Z", nil, ["100", "101"]), ("2025-01-02", nil, nil, []),
            ("2025-01-01", "2025-01-02", nil, ["100", "101", "102"]),
            // The last one of each minute.
            (nil, nil, "1m", ["101", "102"]), (nil, nil, "1h", ["102"]),
        ] as [(String?, String?, String?, [String])])
    func samplesAreChosenByTime(
        from: String?, to: String?, every: String?, counters: [String]
    ) throws {
        let rows = try samples(
            SampleWords(container: "app", from: from, to: to, every: every))
        #expect(rows.dropFirst().map { String($0.split(separator: ",")[3]) } == counters)
    }

    @Test func samplesOfDevicesHaveAColumnForThem() throws {
        let rows = try samples(SampleWords(container: "app", byDevice: true))
        #expect(
            rows == ["at,container,cgroup_id,device,read_bytes,write_bytes,read_ops,write_ops"])
        #expect(try samples(SampleWords(container: "job"), as: .json).first == "[")
    }

    @Test(arguments: [
        (SampleWords(container: "app", from: "soon"), "--from"),
        (SampleWords(container: "app", to: "soon"), "--to"),
        (SampleWords(container: "app", from: "2025-01-02", to: "2025-01-02"), "--to"),
        (SampleWords(container: "app", every: "often"), "--every"),
    ])
    func wordsThatAreNoTimeAreRefused(words: SampleWords, option: String) throws {
        try refusal(.wrongUse, at: option) { try samples(words) }
    }

    @Test func unknownContainersAreRefused() throws {
        try refusal(.badData, at: "--container \"none\"") {
            try samples(SampleWords(container: "none"))
        }
        // Imported usage has no samples.
        try firm.use("acme", "imported", 5, over: month(1))
        try refusal(.badData) { try samples(SampleWords(container: "imported")) }
    }

    @Test func whatAHostOffersIsChecked() throws {
        try firm.folder.write("cpu memory\n", to: "tree/cgroup.controllers")
        try firm.folder.write("memory\n", to: "tree/cgroup.subtree_control")
        _ = try firm.app.addRules(to: "lab", [.cgroup("/acme/job")], keeping: [])
        let answer = try firm.app.doctor(root: firm.tree)
        #expect(!answer.isKernel && answer.path == firm.tree)
        func check(_ what: String) throws -> DoctorAnswer.Check {
            try #require(answer.checks.first { $0.what == what })
        }
        #expect(try check("meter cpu").works && check("meter cpu").fix == nil)
        #expect(try check("meter memory").works && check("limit memory").works)
        // It is offered and not handed down, or not there at all.
        #expect(try !check("limit cpu").works)
        #expect(try check("limit cpu").fix == "echo +cpu > cgroup.subtree_control")
        #expect(try !check("meter io").works && check("meter io").fix?.hasPrefix("boot") == true)
        let idle = try check("tenant lab, cgroup: /acme/job")
        #expect(!idle.works && idle.why.contains("never match") && idle.fix != nil)
        let sheet = answer.sheet
        #expect(sheet.columns == ["what", "works", "why", "fix"])
        #expect(sheet.rows.count == answer.checks.count)
        #expect(sheet.rows[0][0] == .text("meter cpu") && sheet.rows[0][1] == .flag(true))
        #expect(sheet.title?.hasPrefix("\(firm.tree): a plain folder") == true)
    }

    /// The store only adds rules to look at, so the check works without one.
    @Test func theCheckNeedsNoStore() throws {
        try firm.folder.write("memory\n", to: "tree/cgroup.controllers")
        let app = firm.other(store: "\(firm.folder.path)/none.db")
        #expect(try app.doctor(root: firm.tree).checks.count == 7)
        let nowhere = "\(firm.folder.path)/nowhere"
        try refusal(.unavailable, at: nowhere) { try app.doctor(root: nowhere) }
    }

    /// Containers without a process are left out: nothing can be said of them.
    @Test func isolationIsOfContainersWithAProcess() throws {
        try firm.folder.write("", to: "tree/lab/job/cgroup.procs")
        let sheet = try firm.app.isolation(LiveQuery())
        #expect(sheet.columns.prefix(3) == ["tenant", "container", "name"])
        #expect(sheet.columns.count > 3 && sheet.rows.isEmpty)
    }
}
