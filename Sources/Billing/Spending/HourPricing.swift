import Store
import Invoicing
import Metering
import Pricing
import Units

/// Says what the running UTC hour costs each tenant, at the prices of its place in the billing month.
///
/// The month before the hour is read once and kept: while nothing of it changes, looking again takes
/// the rows of the hour alone.
public struct HourPricing: Sendable {
    private let store: Store
    private let zone: BillingZone
    private var known: (stamp: MonthStamp, months: [String: TenantMonth])?

    public init(_ store: Store, in zone: BillingZone = .utc) {
        (self.store, self.zone) = (store, zone)
    }

    /// The costs by tenant; without those whose cost is not known, as no price book covers the hour.
    ///
    /// Usage without a price counts as 0, also where the book blocks invoices over it.
    public mutating func costs(at now: Instant) throws(Fault) -> [String: HourCost] {
        let (zone, before) = (zone, known)
        let (costs, after) = try store.reading { db in
            let reader = try MonthReader(db, zone, at: now, knows: before?.stamp)
            let fresh = try reader.hourUsage(besides: before?.months ?? [:])
            var (months, costs): ([String: TenantMonth], [String: HourCost]) = ([:], [:])
            for tenant in try db.tenants() {
                guard let segments = try reader.segments(tenant) else { continue }
                let old = reader.isUnchanged ? before?.months[tenant.id] : nil
                let usage: [AccountUsage]
                var month: TenantMonth
                if let old, old.segments == segments, !old.hasMinimumDuration {
                    month = old
                    usage = try reader.read(fresh[tenant.id] ?? [], in: segments)
                } else {
                    (month, usage) = try reader.read(tenant, segments)
                }
                months[tenant.id] = month
                costs[tenant.id] = try? month.cost(of: usage, tenant.id)
            }
            return (costs, (reader.stamp, months))
        }
        known = after
        return costs
    }
}

/// What the month before the hour rested on when it was read.
private struct MonthStamp: Sendable {
    var hour: Instant
    var ledgerEntry: Int64
    /// The newest container.
    var container: Int64
    /// The newest note of whose hours are whose.
    var assignment: Int64
    /// Rows of earlier hours that are not closed yet.
    var open: [Int64: [UsageSweep.OpenRow]]

    /// Whether what was read at another stamp still holds.
    ///
    /// A container that is new since has nothing in earlier hours, or its rows there are new and open.
    func isOfSameMonth(as old: MonthStamp, _ db: ReadTransaction) throws -> Bool {
        guard hour == old.hour, ledgerEntry == old.ledgerEntry, open == old.open else {
            return false
        }
        return try !db.wasAssigned(since: old.assignment, upTo: old.container)
    }
}

/// A tenant's month without the hour.
private struct TenantMonth: Sendable {
    /// In order of time; the hour is the last of them, or the end of the last.
    var segments: [Segment]
    var sums: UsageSums
    /// Containers with closed rows of the hour: they need not have open ones.
    var closedInHour: [Int64] = []

    /// Lives go on, and with them what their earlier hours are made up to: nothing can be kept.
    var hasMinimumDuration: Bool {
        segments.contains { $0.book.meters.values.contains { $0.minimumSeconds != nil } }
    }

    func cost(of hour: [AccountUsage], _ tenant: String) throws(Fault) -> HourCost? {
        guard let last = segments.last else { return nil }
        var whole = sums
        for row in hour { whole.add(row, to: segments.count - 1) }
        func parts(_ sums: UsageSums) -> [SegmentUsage] {
            segments.enumerated().map { place, segment in
                // What is billed apart takes its place in the tiers.
                SegmentUsage(
                    segment: segment, usage: sums[place],
                    isCharged: segment.book.currency == last.book.currency)
            }
        }
        let uses = hour.filter { !$0.isUnreserved }.map {
            HourCost.Use(
                container: $0.span.container, meter: $0.meter, quantity: $0.billable)
        }
        return try HourCost(
            of: tenant, before: parts(sums), now: parts(whole), uses, in: last.book.currency)
    }
}

/// Reads tenants' months up to the end of an hour.
private struct MonthReader {
    private let db: ReadTransaction
    private let zone: BillingZone
    private let books: PriceBooks
    private let sweep: UsageSweep
    private let hour: Period
    private let month: Period
    let stamp: MonthStamp
    /// Whether the month before the hour is what it was at the stamp that is known.
    let isUnchanged: Bool

    init(_ db: ReadTransaction, _ zone: BillingZone, at moment: Instant, knows old: MonthStamp?)
        throws
    {
        (self.db, self.zone) = (db, zone)
        hour = zone.ledgerHour(of: moment)
        month = zone.month(of: moment)
        books = try PriceBooks(db.priceBooks().map(\.book).map(\.running))
        sweep = try UsageSweep(db, withOpen: .allTime)
        let newest = try db.newestRows()
        let now = MonthStamp(
            hour: hour.start, ledgerEntry: newest.entry, container: newest.container,
            assignment: newest.assignment, open: sweep.openRows(before: hour.start))
        let old = try old.flatMap { try now.isOfSameMonth(as: $0, db) ? $0 : nil }
        (stamp, isUnchanged) = (old ?? now, old != nil)
    }

    /// The month's segments until the end of the hour; `nil` if the hour has no price.
    func segments(_ tenant: Tenant) throws -> [Segment]? {
        guard let id = tenant.priceBook,
            let soFar = Period(start: month.start, end: hour.end)
        else { return nil }
        let segments = try? books.knownSegments(of: id, over: soFar, in: zone, for: tenant.id)
        return segments?.isEmpty == false ? segments : nil
    }

    /// One pass over the tenant's rows of the month; the hour's are apart.
    func read(
        _ tenant: Tenant, _ segments: [Segment]
    ) throws -> (TenantMonth, hour: [AccountUsage]) {
        var (pieces, owners): ([Segment], [Int]) = ([], [])
        for (place, segment) in segments.enumerated() {
            for part in segment.period.cut(at: [hour.start]) {
                pieces.append(Segment(period: part, month: segment.month, book: segment.book))
                owners.append(place)
            }
        }
        let spans = try db.ownedSpans(tenant.id, from: segments[0].period.start, to: hour.end)
        var assured = AssuredUsage()
        var month = TenantMonth(segments: segments, sums: UsageSums(segments: segments.count))
        var usage: [AccountUsage] = []
        for row in try sweep.read(spans, pieces, assured: &assured) {
            if row.segment == pieces.count - 1 {
                usage.append(row)
            } else {
                month.sums.add(row, to: owners[row.segment])
            }
        }
        month.closedInHour = Set(usage.map(\.span.container)).sorted()
        return (month, usage)
    }

    /// The hour's rows of spans, where no price has a minimum duration.
    func read(_ spans: [OwnedSpan], in segments: [Segment]) throws -> [AccountUsage] {
        var last = segments[segments.count - 1]
        last.period = last.period.cut(at: [hour.start]).last ?? last.period
        var assured = AssuredUsage()
        return try sweep.read(spans, [last], assured: &assured)
    }

    /// Which containers may have used something in the hour, by tenant.
    func hourUsage(besides months: [String: TenantMonth]) throws -> [String: [OwnedSpan]] {
        guard isUnchanged else { return [:] }
        let closed = months.values.flatMap(\.closedInHour)
        var spans: [String: [OwnedSpan]] = [:]
        for (tenant, container) in try db.accounts(inHour: hour.start, or: closed) {
            spans[tenant, default: []].append(
                OwnedSpan(
                    container: container, path: ExactText(""), since: hour.start.seconds,
                    until: hour.end.seconds))
        }
        return spans
    }
}

extension PriceBook {
    /// The book without what is due whether or not something is used.
    fileprivate var running: PriceBook {
        var book = counted
        book.fixed = []
        return book
    }
}
