import Store
import Invoicing
import Metering
import Pricing
import Units

/// Computes what the running hour costs each tenant, at the prices of its place in the month.
///
/// The month before the hour is read once and kept. While nothing in it changes, each further call
/// reads only the rows of the hour, so that a live view can call it every few seconds.
///
/// ```
/// var pricing = HourPricing(store, in: zone)
/// let acme = try pricing.costs(at: now)["acme"]?.total
/// ```
public struct HourPricing: Sendable {
    private let store: Store
    private let zone: BillingZone
    /// The months as they were read last, and the stamp that tells whether they still hold.
    private var known: (stamp: MonthStamp, months: [String: TenantMonth])?

    public init(_ store: Store, in zone: BillingZone = .utc) {
        (self.store, self.zone) = (store, zone)
    }

    /// The cost of the hour that holds `now`, by tenant.
    ///
    /// A tenant is left out if no price book covers the hour. Usage without a price counts as 0,
    /// also where the book blocks invoices because of it.
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
    /// The start of the hour.
    var hour: Instant
    /// The newest entry of the ledger.
    var ledgerEntry: Int64
    /// The row number of the newest container.
    var container: Int64
    /// The newest assignment of hours to tenants.
    var assignment: Int64
    /// The rows of earlier hours that are not closed yet, by container.
    var open: [Int64: [UsageSweep.OpenRow]]

    /// Whether the month that was read at another stamp is still right.
    ///
    /// A new container does not matter: it has no rows in earlier hours, or they are new and so in
    /// `open`.
    func isOfSameMonth(as old: MonthStamp, _ db: ReadTransaction) throws -> Bool {
        guard hour == old.hour, ledgerEntry == old.ledgerEntry, open == old.open else {
            return false
        }
        return try !db.wasAssigned(since: old.assignment, upTo: old.container)
    }
}

/// A tenant's month up to the hour, with the hour left out.
private struct TenantMonth: Sendable {
    /// The segments in order of time; the hour is the last one, or the end of the last one.
    var segments: [Segment]
    /// The usage of each segment without the hour.
    var sums: UsageSums
    /// The containers that had used something in the hour when the month was read.
    ///
    /// Their rows may be closed already, so they would not be found among the open rows.
    var closedInHour: [Int64] = []

    /// Whether any price has a minimum duration.
    ///
    /// Then nothing can be kept: as long as a container lives, the amount that its earlier hours
    /// are raised to changes.
    var hasMinimumDuration: Bool {
        segments.contains { $0.book.meters.values.contains { $0.minimumSeconds != nil } }
    }

    /// The cost of the hour, given its usage; `nil` without segments.
    func cost(of hour: [AccountUsage], _ tenant: String) throws(Fault) -> HourCost? {
        guard let last = segments.last else { return nil }
        var whole = sums
        for row in hour { whole.add(row, to: segments.count - 1) }
        func parts(_ sums: UsageSums) -> [SegmentUsage] {
            segments.enumerated().map { place, segment in
                // Time in another currency is billed on another invoice, but it counts in the
                // tiers.
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

/// Reads the months of tenants up to the end of an hour.
private struct MonthReader {
    private let db: ReadTransaction
    private let zone: BillingZone
    private let books: PriceBooks
    private let sweep: UsageSweep
    private let hour: Period
    private let month: Period
    /// The state of the store that the month is read in.
    let stamp: MonthStamp
    /// Whether the month before the hour is the same as at the stamp of the last call.
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

    /// The segments from the month's start to the end of the hour; `nil` if the hour has no price.
    func segments(_ tenant: Tenant) throws -> [Segment]? {
        guard let id = tenant.priceBook,
            let soFar = Period(start: month.start, end: hour.end)
        else { return nil }
        let segments = try? books.knownSegments(of: id, over: soFar, in: zone, for: tenant.id)
        return segments?.isEmpty == false ? segments : nil
    }

    /// Reads the tenant's month in one pass, and keeps the hour apart.
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

    /// Reads the hour's rows of some spans; no price may have a minimum duration.
    func read(_ spans: [OwnedSpan], in segments: [Segment]) throws -> [AccountUsage] {
        var last = segments[segments.count - 1]
        last.period = last.period.cut(at: [hour.start]).last ?? last.period
        var assured = AssuredUsage()
        return try sweep.read(spans, [last], assured: &assured)
    }

    /// The spans of the hour that may hold usage, by tenant.
    ///
    /// Empty if the month must be read anyway.
    ///
    /// - Parameter months: the known months; containers with closed rows in the hour come from
    ///   them.
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
    /// The book without amounts that are due whether or not something is used.
    fileprivate var running: PriceBook {
        var book = counted
        book.fixed = []
        return book
    }
}
