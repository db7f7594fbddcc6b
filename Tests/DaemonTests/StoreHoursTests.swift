import CgroupFormat
import CgroupFS
import Daemon
import Foundation
import GRDB
import Metering
import Pricing
import Billing
import Store
import SystemPackage
import TestKernel
import TestSupport
import Testing
import Units

/// What happens to samples and ledger at the end of an hour and later.
@Suite struct StoreHoursTests {
    private let rig: HoursRig

    init() throws { rig = try HoursRig() }

    /// What is wrong with the ledger, and with the sums of its days.
    private func damage() throws -> [String] {
        let found = try rig.store.verify()
        return found.damage + [found.daySums].compactMap(\.self)
    }

    @Test func sealedSamplesAreWhatTheHotOnesWere() throws {
        var hot: [String: [SampleRow]] = [:]
        let paths = ["/t", "/t/a", "/web", "/idle"]
        try rig.run(ticks: 6)
        for path in paths {
            hot[path] = try rig.samples(path)
            hot[path + " io"] = try rig.samples(path, byDevice: true)
        }
        #expect(hot["/t/a"]?.count == 6 && hot["/t/a io"]?.count == 6)
        try rig.run(ticks: 1)
        #expect(try rig.rows("SELECT count(DISTINCT tick) FROM sample") == ["1"])
        #expect(try rig.rows("SELECT samples, count(*) FROM sample_block") == ["6|5"])
        for path in paths {
            #expect(try rig.samples(path).dropLast() == hot[path]?[...])
            let end = rig.start.advanced(bySeconds: 3600)
            let before = try rig.samples(path, byDevice: true).filter { $0.at < end }
            #expect(before == hot[path + " io"])
        }
        #expect(try damage() == [])
    }

    @Test func seriesAreCutAndThinned() throws {
        try rig.run(ticks: 20)
        let web = try #require(try rig.store.containers(all: true).first { $0.path == "/web" })
        let all = try rig.samples("/web")
        #expect(all.count == 20 && all.map(\.at) == all.map(\.at).sorted())
        func query(_ change: (inout SampleQuery) -> Void) throws -> [SampleRow] {
            var query = SampleQuery(container: web.row)
            change(&query)
            var rows: [SampleRow] = []
            try rig.store.samples(query) { rows.append($0) }
            return rows
        }
        for (from, to) in [(0, 20), (3, 9), (5, 7), (6, 6), (11, 20), (19, 20)] {
            let end = to < all.count ? all[to].at : all[19].at.advanced(bySeconds: 1)
            let part = try query {
                $0.from = all[from].at
                $0.to = end
            }
            #expect(part == Array(all[from..<to]), "\(from) to \(to)")
        }
        // Of each half hour the third tick.
        #expect(
            try query { $0.every = 1_800_000 }
                == [2, 5, 8, 11, 14, 17, 19].map { all[$0] })
    }

    /// Of a container on two disks, each disk's series stands by itself, whole or thinned.
    @Test func devicesAreReadOneAfterAnother() throws {
        try rig.run(ticks: 9)
        let web = try #require(try rig.store.containers(all: true).first { $0.path == "/web" })
        func rows(every: Int64?) throws -> [SampleRow] {
            var rows: [SampleRow] = []
            let query = SampleQuery(container: web.row, every: every, byDevice: true)
            try rig.store.samples(query) { rows.append($0) }
            return rows
        }
        let all = try rows(every: nil)
        #expect(all.map(\.minor) == Array(repeating: 0, count: 9) + Array(repeating: 16, count: 9))
        #expect(all[..<9].map(\.at) == all[9...].map(\.at))
        #expect(try rows(every: 3_600_000) == [5, 8, 14, 17].map { all[$0] })
    }

    /// What is asked of one tenant is its part of what is asked of all, also of a container that changed
    /// hands: earlier hours stay with whom they were of, in the ledger and in what is still open.
    @Test func oneTenantsUsageIsItsPartOfAll() throws {
        try rig.run(ticks: 14)
        // /web, until now lab's, is acme's from the next hour on.
        var tenants = Rehearsal.tenants
        tenants[0].match.append(.cgroup("/web*"))
        tenants[1].match = []
        try rig.store.adoptTenants(tenants, at: rig.kernel.now().wall)
        try rig.run(ticks: 14)
        let half = try #require(
            Period(
                start: rig.start.advanced(bySeconds: 3600),
                end: rig.start.advanced(bySeconds: 3 * 3600)))
        for period in [try rig.day, half] {
            for grouping in [UsageGrouping.tenant, .container, .hour, .day] {
                let all = try rig.store.usage(over: period, by: grouping)
                for tenant in ["acme", "lab"] {
                    let own = try rig.store.usage(over: period, by: grouping, tenant: tenant)
                    #expect(own == all.filter { $0.tenant == tenant }, "\(tenant) by \(grouping)")
                    #expect(!own.isEmpty)
                }
            }
        }
        let web = try rig.store.usage(over: rig.day, by: .container)
            .filter { $0.container == "/web" && $0.meter == .cpu }
        #expect(Set(web.map(\.tenant)) == ["acme", "lab"])
    }

    /// Conservation holds for each hour by itself, closed or open, and the hours are the whole.
    @Test func everyHourIsAuditedByItself() throws {
        try rig.run(ticks: 20)
        var kernel: Int128 = 0
        for hour in 0..<4 as Range<Int64> {
            let start = rig.start.advanced(bySeconds: hour * 3600)
            let period = try #require(Period(start: start, end: start.advanced(bySeconds: 3600)))
            let rows = try rig.store.audit(over: period)
            #expect(rows.count > 3 && rows.allSatisfy { $0.difference == 0 }, "\(rows)")
            let cpu = try #require(rows.first { $0.meter == .cpu })
            #expect(cpu.usage > 0 && cpu.usage == cpu.kernel)
            kernel += cpu.kernel
        }
        let whole = try #require(try rig.store.audit(over: nil).first { $0.meter == .cpu })
        #expect(kernel + whole.pending == whole.kernel)
    }

    @Test func aClosedHourNeverChanges() throws {
        try rig.run(ticks: 14)
        #expect(try rig.rows("SELECT count(*) FROM ledger_entry WHERE kind = 'hour'") == ["2"])
        #expect(try rig.rows("SELECT count(*) FROM usage")[0] != "0")
        let row = try rig.rows("SELECT * FROM usage ORDER BY 1, 2, 3, 4, 5")
        for table in [
            "usage", "control_total", "capacity", "completeness", "ledger_entry", "unmetered",
        ] {
            for sql in [
                "DELETE FROM \(table)",
                table == "unmetered"
                    ? "UPDATE unmetered SET reason = 'root_vanished'"
                    : table == "completeness"
                        ? "UPDATE completeness SET ticks = ticks + 1"
                        : table == "ledger_entry"
                            ? "UPDATE ledger_entry SET closed_ms = 0"
                            : "UPDATE \(table) SET quantity = quantity + 1 WHERE entry > 0",
                "INSERT OR REPLACE INTO \(table) SELECT * FROM \(table)",
                // A row for an entry that is not there, which would stand in the way of the next.
                "INSERT INTO usage SELECT container, hour_s, meter, assurance, 4, 7 FROM usage_open",
                "INSERT INTO ledger_entry SELECT 4, kind, hour_s, 0, 0, 0, content, hash, x'' FROM ledger_entry WHERE id = 3",
            ] {
                #expect(throws: DatabaseError.self, "\(sql)") {
                    try DatabaseQueue(path: rig.store.path).write { try $0.execute(sql: sql) }
                }
            }
        }
        #expect(try damage() == [])
        #expect(try rig.rows("SELECT * FROM usage ORDER BY 1, 2, 3, 4, 5") == row)
    }

    /// What is done to a store, and what of it a check must name.
    @Test(arguments: [
        (
            "UPDATE usage SET quantity = quantity + 1 WHERE rowid_of(3)",
            ["usage", "container=/t/a", "meter=io_read_bytes", "was changed"]
        ),
        (
            "DELETE FROM usage WHERE rowid_of(3)",
            ["a row is missing behind usage", "meter=memory_unreclaimable"]
        ),
        (
            "INSERT INTO usage SELECT container, hour_s, meter, 2, entry, 5 FROM usage WHERE rowid_of(3)",
            ["usage", "assurance=estimated_split", "was added"]
        ),
        (
            "UPDATE usage SET quantity = (SELECT sum(quantity) FROM usage v WHERE v.container = usage.container AND v.hour_s = usage.hour_s AND v.meter IN (1, 7)) - quantity WHERE meter IN (1, 7)",
            ["usage", "was changed"]
        ),
        ("UPDATE container SET path = '/u' WHERE path = '/web'", ["container=/u", "was changed"]),
        (
            "UPDATE control_total SET quantity = quantity - 1 WHERE meter = 1",
            ["control_total", "container=/t", "was changed"]
        ),
        ("UPDATE capacity SET quantity = 0", ["capacity", "meter=cpu", "was changed"]),
        ("UPDATE completeness SET failed = 0, skipped = 9", ["completeness", "was changed"]),
        ("DELETE FROM unmetered", ["a row is missing"]),
        ("UPDATE ledger_entry SET closed_ms = closed_ms + 1 WHERE id = 3", ["entry 3", "changed"]),
        (
            "DELETE FROM ledger_entry WHERE id = 2",
            ["entry 2 is missing", "rows of ledger entry 2"]
        ),
        (
            "UPDATE ledger_entry SET id = CASE id WHEN 2 THEN -3 ELSE -2 END WHERE id IN (2, 3); UPDATE ledger_entry SET id = -id WHERE id < 0",
            ["ledger entry 2 of", "was changed"]
        ),
        (
            "UPDATE sample_block SET data = CAST(substr(data, 1, 20) || char(7) || substr(data, 22) AS BLOB) WHERE id = 2",
            ["sample_block of /t/", "from 2026"]
        ),
        ("UPDATE sample_io_block SET samples = 9 WHERE id = 1", ["sample_io_block", "checksum"]),
        (
            "UPDATE sample_block SET data = (SELECT data FROM sample_block b WHERE b.id <> sample_block.id AND b.hour_s = sample_block.hour_s LIMIT 1)",
            ["sample_block of /web", "checksum"]
        ),
        ("UPDATE sample_block SET hour_s = 0 WHERE id = 1", ["sample_block", "checksum"]),
        ("DELETE FROM tick WHERE id = 3", ["sample_block of /t/a", "table tick"]),
        (
            "INSERT INTO usage SELECT container, hour_s, meter, assurance, 0, 5 FROM usage WHERE rowid_of(3)",
            ["1 rows of ledger entry 0", "usage"]
        ),
        (
            "INSERT INTO gap (since_ms, until_ms, reason, entry) VALUES (1, 2, 'rebooted', -4)",
            ["1 rows of ledger entry -4"]
        ),
        ("UPDATE meter SET shown_as = 'cpu' WHERE id = 6", ["shown_as=cpu", "was changed"]),
        ("UPDATE ledger_entry SET hour_s = 9223372036854774000 WHERE id = 3", ["s was changed"]),
        ("UPDATE usage SET hour_s = 9223372036854774000 WHERE rowid_of(3)", ["was changed"]),
        (
            "UPDATE ledger_entry SET id = 4611686018427387904 WHERE id = 3",
            ["between 2 and 4611686018427387904"]
        ),
        (
            "UPDATE ledger_entry SET row_sums = x'0102030405' WHERE id = 2; DELETE FROM usage WHERE rowid_of(3)",
            ["entry 2"]
        ),
        ("UPDATE ledger_entry SET last_tick = 99 WHERE id = 0", ["entry 0"]),
        (
            "UPDATE attribution SET tenant = 'acme' WHERE tenant = 'lab'",
            ["attribution of /web was changed: acme from", "where lab from"]
        ),
        (
            "UPDATE attribution SET until_s = 1795449600 WHERE tenant = 'lab'",
            ["attribution of /web was changed: lab from", "where lab from"]
        ),
        (
            "DELETE FROM attribution WHERE tenant = 'lab'",
            ["attribution of /web was changed: nobody, where lab from"]
        ),
        (
            "INSERT INTO attribution SELECT id, 0, NULL, 'lab' FROM container WHERE path = '/idle'",
            ["attribution of /idle was changed: lab from", "where nobody was said"]
        ),
        (
            "UPDATE attribution SET tenant = 'acme'; UPDATE assignment SET tenant = 'acme'",
            ["assignment", "container=/web", "given_to=acme", "was changed"]
        ),
        ("DELETE FROM assignment", ["where nobody was said", "a row is missing"]),
        ("UPDATE assignment SET since_s = 0", ["assignment", "was changed"]),
        (
            "DELETE FROM ledger_entry WHERE id = 3; DELETE FROM usage WHERE entry = 3; DELETE FROM control_total WHERE entry = 3; DELETE FROM capacity WHERE entry = 3; DELETE FROM completeness WHERE entry = 3",
            ["later entries are missing"]
        ),
    ])
    func aForgedRowIsNamed(_ deed: String, _ words: [String]) throws {
        try rig.run(ticks: 14)
        let before = try rig.store.verify()
        #expect(before.damage == [] && before.entries == 3)
        let third = """
            (container, hour_s, meter) = (SELECT container, hour_s, meter FROM usage
                WHERE container = (SELECT id FROM container WHERE path = '/t/a')
                    AND meter = 6 AND hour_s = (SELECT min(hour_s) FROM usage))
            """
        let sql = deed.replacing("rowid_of(3)", with: third)
        // The check of ids stands in a forger's way, not in SQLite's.
        try rig.forge("PRAGMA ignore_check_constraints = ON; " + sql)
        let damage = try damage()
        #expect(!damage.isEmpty)
        for word in words {
            #expect(damage.contains { $0.contains(word) }, "\(word) in \(damage)")
        }
        #expect(damage.count < 30)
    }

    /// Control totals that are gone prove nothing: that is a difference.
    @Test(arguments: ["DELETE FROM control", "DELETE FROM control WHERE meter = 1"])
    func aMissingControlTotalIsADifference(_ deed: String) throws {
        try rig.run(ticks: 14)
        let before = try rig.store.audit(over: nil)
        #expect(before.allSatisfy { $0.difference == 0 })
        try rig.forge(deed)
        let rows = try rig.store.audit(over: nil)
        let used = before.filter { $0.usage > 0 }.map(\.meter)
        #expect(Set(used).isSubset(of: rows.map(\.meter)) && used.count > 2)
        let cpu = try #require(rows.first { $0.meter == .cpu })
        #expect(cpu.root == "/t" && cpu.kernel == 0 && cpu.usage > 0 && cpu.difference == cpu.usage)
    }

    /// What is said by rules, by hand and by imports comes to what the table says.
    @Test func attributionIsWhatWasSaid() throws {
        try rig.run(ticks: 14)
        var tenants = Rehearsal.tenants
        tenants[0].match.append(.cgroup("/web*"))
        tenants[1].match = []
        try rig.store.adoptTenants(tenants, at: rig.kernel.now().wall)
        let cuts: [(Int64, Int64)] = [(0, 2), (1, 3), (-5, 2), (2, 9), (1, 2)]
        var moves = 0
        for (index, (from, to)) in cuts.enumerated() {
            let period = try #require(
                Period(
                    start: rig.start.advanced(bySeconds: from * 3600),
                    end: rig.start.advanced(bySeconds: to * 3600)))
            let request = HandOverRequest(
                "/web", to: index % 2 == 0 ? "acme" : "lab", over: period)
            // Hours without usage have nothing to give, and that is said.
            if (try? rig.store.assign(request, at: rig.kernel.now().wall)) != nil { moves += 1 }
            #expect(try damage() == [])
        }
        #expect(moves > 2)
        _ = try rig.store.removeTenant("acme", at: rig.kernel.now().wall)
        try rig.run(ticks: 14)
        #expect(try damage() == [])
        #expect(try rig.rows("SELECT count(*) FROM assignment WHERE entry = 0") == ["0"])
    }

    /// A chain that was written anew is sound in itself; the hash that was noted elsewhere is not in it.
    @Test func anOldHeadIsFoundUntilTheChainIsWrittenAnew() throws {
        try rig.run(ticks: 7)
        let head = try rig.store.verify().head
        try rig.run(ticks: 7)
        #expect(try rig.store.verify(head: head).damage == [])
        #expect(try rig.store.verify().head != head)
        let other = String(repeating: "0", count: 63) + "1"
        let unknown = try rig.store.verify(head: other)
        #expect(!unknown.hasHead && unknown.damage.isEmpty)
    }

    @Test func pruningChangesNoUsage() throws {
        try rig.run(ticks: 26)
        let day = try rig.day
        let usage = try rig.store.usage(over: day, by: .hour)
        let completeness = try rig.rows("SELECT * FROM completeness_hour ORDER BY 1")
        let head = try rig.store.verify().head
        let third = rig.start.advanced(bySeconds: 2 * 3600 + 100)
        let plan = try rig.store.prunable(before: third)
        #expect(plan.samples == 5 * 12 && plan.blocks == 5 * 2 * 2 + 2 && plan.ticks == 12)
        #expect(try rig.samples("/web").count == 26)
        let done = try rig.store.prune(before: third)
        #expect(done == plan)
        #expect(try rig.samples("/web").map(\.at).first == rig.start.advanced(bySeconds: 7200))
        #expect(try rig.store.prune(before: third).blocks == 0)
        #expect(try rig.store.usage(over: day, by: .hour) == usage)
        #expect(try rig.rows("SELECT * FROM completeness_hour ORDER BY 1") == completeness)
        let after = try rig.store.verify()
        #expect(after.damage == [] && after.head == head)
        // All of it goes, and the collector goes on.
        _ = try rig.store.prune(before: rig.start.advanced(bySeconds: 86_400))
        try rig.run(ticks: 8)
        #expect(try damage() == [])
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
    }

    /// Whatever the hour, what the host could give is whose it was, and idle.
    @Test func capacityAddsUp() throws {
        try rig.run(ticks: 14)
        let report = try String(
            contentsOfFile: "\(repository)/reports/capacity.sql", encoding: .utf8)
        let table = try rig.store.report(report, over: rig.day, place: "capacity")
        var sums: [String: Int64] = [:]
        var totals: [String: Int64] = [:]
        var ofTenants: Int64 = 0
        for row in table.rows {
            guard case .text(let hour) = row[0], case .text(let meter) = row[1],
                case .text(let kind) = row[2], case .integer(let quantity) = row[4]
            else {
                Issue.record("a row of another shape")
                continue
            }
            if kind == "capacity" {
                totals[hour + meter] = quantity
            } else {
                sums[hour + meter, default: 0] += quantity
            }
            if kind == "tenant", meter == "cpu" { ofTenants += quantity }
        }
        let used = try rig.store.usage(over: rig.day, by: .tenant)
            .filter { $0.meter == .cpu && $0.tenant != Tenant.unattributed }
        #expect(used.reduce(0) { $0 + $1.quantity } == Int128(ofTenants) && ofTenants > 0)
        #expect(totals.count == 6 && sums == totals)
        // Two cores for an hour; the first tick begins it.
        let first = rig.start.description
        #expect(totals[first + "cpu"] == Int64(2 * 3_600_000_000))
        #expect(totals[first + "memory"] == Int64(3600) << 30)
        #expect(
            table.rows.contains { if case .text("unattributed") = $0[2] { true } else { false } })
    }

    /// A wall clock that goes back writes into an hour that is closed: as rows of the next entry.
    @Test func aSteppedClockAddsToAClosedHour() throws {
        try rig.run(ticks: 8)
        let closed = try rig.rows("SELECT * FROM usage ORDER BY 1, 2, 3, 4")
        rig.kernel.wallOffset = -3600
        try rig.run(ticks: 8)
        rig.kernel.wallOffset = 0
        try rig.run(ticks: 8)
        let rows = try rig.rows("SELECT * FROM usage ORDER BY 1, 2, 3, 4")
        #expect(Set(closed).isSubset(of: rows))
        #expect(try damage() == [])
        #expect(try rig.store.audit(over: nil).allSatisfy { $0.difference == 0 })
        let web = try rig.samples("/web")
        #expect(web.count == 24 && Set(web.map(\.values)).count == 24)
    }

    /// Other programs read the store with plain sqlite3: no function of Octroi is in its views.
    @Test func viewsNeedNoFunctions() throws {
        let book = PriceBook(
            id: "standard", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .current, unpriced: .show, taxes: [],
            meters: [
                "memory": Price(
                    amount: try #require(DecimalPrice("1")),
                    per: try #require(UnitQuantity("1 GiB-hour")))
            ])
        var web = Rehearsal.tenants[1]
        web.priceBook = "standard"
        _ = try rig.store.apply(
            Contract(tenants: [Rehearsal.tenants[0], web], books: [book]), isPlan: false,
            at: rig.start)
        for index in rig.kernel.cgroups.indices {
            rig.kernel.cgroups[index].errors[.memoryCurrent] = .permissionDenied
        }
        try rig.run(ticks: 8)
        for view in try rig.rows("SELECT name FROM sqlite_schema WHERE type = 'view'") {
            #expect(try rig.rows("SELECT count(*) FROM \(view)")[0] != "0", "\(view)")
        }
        let row = try rig.rows(
            "SELECT at, tenant, path, cpu_usage_us > 0 FROM sample_hot WHERE path = '/web' LIMIT 1")
        let hour = rig.start.advanced(bySeconds: 3600)
        #expect(row == ["\(hour)|lab|/web|1"])
    }
}
