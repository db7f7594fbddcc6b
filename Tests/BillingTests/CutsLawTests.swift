import BigInt
import Foundation
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestHistories
import TestSupport
import Testing
import Units

/// A new store's file, made once: its schema takes longer than the rest of a history.
private let emptyStore = Result {
    let folder = try TemporaryFolder(inMemory: true)
    let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
    try store.backup(to: "\(folder.path)/copy.db")
    return try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/copy.db"))
}

/// What the tenants were billed in all.
private struct Billed: Equatable, CustomStringConvertible {
    var nets: [String: BigInt] = [:]
    var differences: [String] = []

    var description: String {
        (nets.sorted { $0.key < $1.key }.map { "\($0) \($1)" } + differences)
            .joined(separator: ", ")
    }
}

extension CutHistory {
    private var zone: BillingZone {
        isHalfHours
            ? BillingZone(
                name: "Test/Half", offsets: [.init(since: Instant(seconds: 0), seconds: 19_800)])
            : .utc
    }

    /// An hour from the beginning of the zone's first month on; in the middle of a day a UTC hour.
    private func instant(_ hour: Int) -> Instant {
        let isCut = isHalfHours && hour % 24 != 0
        return (zone.month(Self.months[0])?.start ?? Instant(seconds: 0))
            .advanced(bySeconds: Int64(hour) * 3600 - (isCut ? 1800 : 0))
    }

    private func period(_ hours: Range<Int>) throws -> Period {
        try #require(
            Period(start: instant(hours.lowerBound), end: instant(hours.upperBound)))
    }

    /// - Parameter withLate: whether the meter that is priced later has its price.
    private func newStore(withLate: Bool) throws -> (TemporaryFolder, Store) {
        let folder = try TemporaryFolder(inMemory: true)
        try emptyStore.get().write(to: URL(fileURLWithPath: "\(folder.path)/octroi.db"))
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let tenants = Self.tenants.map {
            Tenant(id: $0, name: $0, priceBook: "b", invoiceTo: InvoiceAddress(), match: [])
        }
        _ = try store.apply(
            Contract(tenants: tenants, books: books(withLate: withLate)), isPlan: false, at: now)
        return (folder, store)
    }

    private func add(_ uses: [Use], to store: Store) throws {
        let rows = try uses.enumerated().map { index, use in
            ImportedUsage(
                period: try period(use.hour..<use.hour + use.hours),
                tenant: Self.tenants[use.tenant],
                container: "\(Self.tenants[use.tenant])-c\(use.container)",
                meter: try #require(Meter("m\(use.meter)")), quantity: Int128(use.quantity),
                row: index)
        }
        // Two uses of one place and time are one.
        _ = try? store.importUsage(rows, in: zone, at: now)
    }

    /// Moves that find nothing to move are refused, both ways alike.
    private func move(_ moves: [Move], in store: Store) {
        for move in moves {
            let name = "\(Self.tenants[move.tenant])-c\(move.container)"
            guard let hours = try? period(move.hours) else { continue }
            let request = HandOverRequest(
                name, to: Self.tenants[move.to], over: hours)
            _ = try? store.assign(request, in: zone, at: now)
        }
    }

    /// - Parameter tenant: whose invoice is issued anew, as others may have one that reaches over its period.
    private func issue(_ period: Period, in store: Store, againFor tenant: String? = nil) throws {
        _ = try store.issue(
            over: period, tenant: tenant, at: now,
            IssueOptions(series: "OCT", zone: zone, isAgain: tenant != nil))
    }

    /// What is wrong with a draft of some hours: it is not what issuing them would bill.
    private func differs(_ probe: Probe, in store: Store) throws -> String? {
        let period = try period(probe.hours)
        func documents(_ make: () throws -> [Draft]) -> [String] {
            do { return try make().map { "\($0.tenant) \($0.period) \($0.net) + \($0.tax)" } } catch
            {
                return ["\(error)"]
            }
        }
        let drafted = documents {
            try store.drafts(over: period, tenant: nil, in: zone, isAgain: probe.isAgain)
        }
        let folder = try TemporaryFolder(inMemory: true)
        try store.backup(to: "\(folder.path)/copy.db")
        let copy = try Store(at: "\(folder.path)/copy.db", for: .write)
        let before = Set(try copy.invoices().map(\.number))
        let issued = documents {
            try copy.issue(
                over: period, tenant: nil, at: now,
                IssueOptions(series: "OCT", zone: zone, isAgain: probe.isAgain)
            ).invoices.filter { !before.contains($0.number) }.map(\.draft)
        }
        return drafted == issued ? nil : "drafted \(drafted), issued \(issued) of \(period)"
    }

    private func billed(_ store: Store) throws -> Billed {
        var billed = Billed()
        for invoice in try store.invoices() {
            billed.nets[invoice.draft.tenant, default: 0] += invoice.draft.net
        }
        billed.nets = billed.nets.filter { $0.value != 0 }
        billed.differences = try store.verifyInvoices(nil).differences.map {
            "\($0.invoice ?? ""): \($0.found)"
        }
        return billed
    }

    /// What happened after the last issue of a smaller history happened before it.
    private func isAt(_ step: Int, _ event: Int) -> Bool { min(event, cuts.count) == step }

    private func known(before step: Int) -> [Use] {
        (uses + (late?.uses ?? [])).filter { isAt(step, $0.step) }
    }

    private func asItHappened() throws -> Billed {
        let (folder, store) = try newStore(withLate: false)
        defer { withExtendedLifetime(folder) {} }
        var (start, differences) = (0, [String]())
        let flush = try #require(zone.month("2026-10"))
        for step in 0...cuts.count {
            if let late, isAt(step, late.step) {
                let books = Contract(tenants: nil, books: books(withLate: true))
                _ = try store.apply(books, isPlan: false, at: now)
            }
            try add(known(before: step), to: store)
            move(moves.filter { isAt(step, $0.step) }, in: store)
            for credit in credits where isAt(step, credit.step) {
                let all = try store.invoices().filter { $0.status == .issued }
                guard !all.isEmpty else { continue }
                let invoice = all[credit.place % all.count]
                _ = try store.credit(
                    invoice.number, lines: nil, reason: "law", series: "OCT", at: now)
                if credit.isLater { continue }
                try issue(invoice.draft.period, in: store, againFor: invoice.draft.tenant)
            }
            for probe in probes where isAt(step, probe.step) {
                if let found = try differs(probe, in: store) { differences.append(found) }
            }
            try issue(step < cuts.count ? period(start..<cuts[step]) : flush, in: store)
            if step < cuts.count { start = cuts[step] }
        }
        // What was credited is billed on demand only, also where its month has something to pay by now.
        if !credits.isEmpty {
            for tenant in Self.tenants {
                try issue(try period(0..<Self.hours), in: store, againFor: tenant)
            }
        }
        // Nothing is left.
        let before = try store.invoices().count
        try issue(try #require(zone.month("2026-11")), in: store)
        var billed = try billed(store)
        let after = try store.invoices().count
        billed.differences += differences
        if after != before { billed.differences.append("\(after - before) more documents") }
        return billed
    }

    private func asOneInvoice() throws -> Billed {
        let (folder, store) = try newStore(withLate: true)
        defer { withExtendedLifetime(folder) {} }
        for step in 0...cuts.count {
            try add(known(before: step), to: store)
            move(moves.filter { isAt(step, $0.step) }, in: store)
        }
        let month = 31 * 24
        for hours in crossesMonths ? [0..<Self.hours] : [0..<month, month..<Self.hours] {
            try issue(try period(hours), in: store)
        }
        return try billed(store)
    }

    /// What is wrong with it; `nil` if both ways come to the same.
    func broken() -> String? {
        do {
            let (cut, whole) = (try asItHappened(), try asOneInvoice())
            return cut == whole ? nil : "billed \(cut), owed \(whole)"
        } catch {
            return "\(error)"
        }
    }
}

/// Whatever late usage, moves, credits and cuts a month has seen, its documents add up to what one
/// invoice over the truth would say.
@Suite struct CutsLawTests {
    /// OCTROI_CUTS=100000 tries more seeds, OCTROI_CUTS_FROM=7 begins with another.
    @Test(arguments: 0..<8) func documentsAddUpToOneInvoice(lane: Int) {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["OCTROI_CUTS"].flatMap { Int($0) } ?? 120
        let from = environment["OCTROI_CUTS_FROM"].flatMap { Int($0) } ?? 0
        for seed in stride(from: from + lane, to: from + count, by: 8) {
            var history = CutHistory(seed: UInt64(seed))
            guard var found = history.broken() else { continue }
            while let smaller = history.smaller.lazy
                .compactMap({ smaller in smaller.broken().map { (smaller, $0) } }).first
            {
                (history, found) = smaller
            }
            Issue.record("seed \(seed): \(found)\n\(history)")
            return
        }
    }
}
