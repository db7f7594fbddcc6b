import CgroupFormat
import Metering
import Store
import TestSupport
import Testing
import Units

/// 2026-11-23T15:00:00Z.
private let now = Instant(seconds: 1_795_446_000)

@Suite struct AttributionTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(at: "\(folder.path)/octroi.db", for: .write)
    }

    /// Lets the rules of the named tenant fit path /c, and no others.
    private func rules(_ owner: String?, at instant: Instant) throws {
        let tenants = ["acme", "lab"].map {
            Tenant(
                id: $0, name: $0, priceBook: nil, invoiceTo: InvoiceAddress(),
                match: $0 == owner ? [.cgroup("/c")] : [])
        }
        _ = try store.apply(Contract(tenants: tenants, books: nil), isPlan: false, at: instant)
    }

    /// A tick that bills 1000 us of /c in the hour of `used`.
    private func use(_ run: Run, row: Int64?, at wall: Instant, used: Instant) throws -> Int64 {
        let part = Advance.Part(meter: .meter(.cpu), hour: used.startOfHour, quantity: 1000)
        let moment = Moment(wall: wall, bootMicroseconds: wall.milliseconds * 1000)
        var entry = TickEntry(
            row: row, path: "/c", cgroupID: 7, isTenantRoot: false, root: nil, runtime: "cgroup",
            sample: Sample(), position: Position(), isWhole: true, at: moment)
        entry.parts = [part]
        return try store.commit(
            TickRecord(moment: moment, longestHold: .max, entries: [entry]), of: run)[0]
    }

    private func owners() throws -> [String: Int128] {
        try store.usage(over: Period(monthOf: now), by: .tenant)
            .reduce(into: [:]) { $0[$1.tenant ?? "", default: 0] += $1.quantity }
    }

    private func run() throws -> Run {
        try store.beginRun(bootID: "b", root: "/", intervalMilliseconds: 1000, at: now)
    }

    @Test func usageFromBeforeFirstSightIsTheTenantsToo() throws {
        try rules("acme", at: now)
        let earlier = now.advanced(bySeconds: -10 * 3600)
        _ = try use(try run(), row: nil, at: now, used: earlier)
        #expect(try owners() == ["acme": 1000])
    }

    /// What was one tenant's is never given to another after the fact.
    @Test func aPastOwnerKeepsWhatItUsed() throws {
        try rules("acme", at: now)
        let run = try run()
        let row = try use(run, row: nil, at: now, used: now)
        let later = now.advanced(bySeconds: 7200)
        try rules(nil, at: later)
        let free = later.advanced(bySeconds: 7200)
        _ = try use(run, row: row, at: free, used: free)
        #expect(try owners() == ["acme": 1000, "unattributed": 1000])
        try rules("lab", at: later.advanced(bySeconds: 14_400))
        #expect(try owners() == ["acme": 1000, "lab": 1000])
    }

    @Test func whatChangesHandsChangesAtTheNextHour() throws {
        try rules("acme", at: now)
        let run = try run()
        let row = try use(run, row: nil, at: now, used: now)
        try rules("lab", at: now.advanced(bySeconds: 60))
        _ = try use(run, row: row, at: now.advanced(bySeconds: 120), used: now)
        let next = now.advanced(bySeconds: 3700)
        _ = try use(run, row: row, at: next, used: next)
        #expect(try owners() == ["acme": 2000, "lab": 1000])
    }
}
