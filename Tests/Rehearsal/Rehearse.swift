import Daemon
import FaultVFS
import Glibc
import GRDB
import Metering
import Pricing
import Billing
import Store
import Synchronization
import TestKernel
import Units

/// Meters a made-up host for some ticks, with imports, invoices and pruning between them, and goes on
/// where an earlier life ended: `octroi-rehearse DB TICKS [kill|io|full AT EVERY]`.
@main
enum Rehearse {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count > 2, let ticks = Int64(words[2]) else { exit(64) }
        if words.count > 5 {
            let kinds: [String: fault_kind] = [
                "kill": FAULT_KILL, "io": FAULT_IO, "full": FAULT_FULL,
            ]
            fault_vfs_register(
                kinds[words[3]] ?? FAULT_NONE, Int(words[4]) ?? 0, Int(words[5]) ?? 0)
        } else {
            fault_vfs_register(FAULT_NONE, 0, 0)
        }
        let store = try again { try Store(at: words[1], for: .write) }
        try again { try prepare(store) }
        try run(store, until: ticks)
        print(fault_vfs_steps(), faults.load(ordering: .relaxed))
    }

    private static let faults = Atomic(0)

    /// Does it until it succeeds: what failed has changed nothing.
    private static func again<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
        for _ in 0..<1000 {
            do { return try body() } catch is Fault { faults.add(1, ordering: .relaxed) }
        }
        exit(70)
    }

    private static func prepare(_ store: Store) throws(Fault) {
        guard let cpu = DecimalPrice("0.36"), let per = UnitQuantity("1 vCPU-hour"),
            let euro = Currency("EUR")
        else { exit(70) }
        let book = PriceBook(
            id: "standard", currency: euro, effective: Instant(seconds: 0), rounding: .halfEven,
            memory: .unreclaimable, unpriced: .show, taxes: [],
            meters: ["cpu": Price(amount: cpu, per: per)])
        let tenants = Rehearsal.tenants.map { tenant in
            var tenant = tenant
            tenant.priceBook = "standard"
            return tenant
        }
        let start = Instant(seconds: 1_795_446_000)
        _ = try store.apply(Contract(tenants: tenants, books: [book]), isPlan: false, at: start)
    }

    private static func run(_ store: Store, until ticks: Int64) throws {
        let rehearsal = Rehearsal()
        var done = try again { try committed(store) }
        if done > 0 {
            rehearsal.set(tick: done - 1)
            try again { try between(store, rehearsal, done - 1) }
        }
        var collector = try again {
            try Collector(
                source: rehearsal.kernel, store: store, intervalMilliseconds: 600_000, in: .utc)
        }
        while done < ticks {
            rehearsal.set(tick: done)
            _ = try again { try collector.tick() }
            try again { try between(store, rehearsal, done) }
            done += 1
        }
    }

    private static func committed(_ store: Store) throws -> Int64 {
        let month = Period(monthOf: Instant(seconds: 1_795_446_000))
        let result = try store.report("SELECT max(id) FROM tick", over: month, place: "rehearse")
        if case .integer(let count) = result.rows[0][0] { return count }
        return 0
    }

    /// What happens between ticks; done twice, it is as if done once.
    private static func between(
        _ store: Store, _ rehearsal: Rehearsal, _ tick: Int64
    ) throws(Fault) {
        let now = rehearsal.kernel.now().wall
        let hour = now.startOfHour
        if tick % 7 == 3, let cpu = Meter("cpu"),
            let period = Period(start: hour.advanced(bySeconds: -7200), end: hour)
        {
            let usage = ImportedUsage(
                period: period, tenant: "lab", container: "job-\(tick)", meter: cpu,
                quantity: Int128(tick) * 1001, row: 2)
            _ = try store.importUsage([usage], at: now)
        }
        if tick % 12 == 8,
            let period = Period(
                start: hour.advanced(bySeconds: -7200), end: hour)
        {
            _ = try store.issue(
                over: period, tenant: nil, at: now, IssueOptions(series: "OCT"))
        }
        if tick % 9 == 5 { _ = try store.prune(before: now.advanced(bySeconds: -6 * 3600)) }
    }
}
