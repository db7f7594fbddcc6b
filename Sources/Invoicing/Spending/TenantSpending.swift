import Metering
import Pricing
import Units

/// What a tenant has spent in a billing month or day so far, and how fast it is spending.
///
/// Money is exact, in major units of the currency, before taxes and without the book's minimum.
/// Usage without a price counts as 0, also where the book blocks invoices because of it.
public struct TenantSpending: Hashable, Sendable {
    /// The id of the tenant.
    public var tenant: String
    /// The currency of the tenant's price book.
    public var currency: Currency
    /// The billing month or day.
    public var period: Period
    /// The end of the counted time: the end of the UTC hour that is running.
    public var until: Instant
    /// Usage, fixed fees and discounts, as in a draft from the period's start to `until`.
    ///
    /// In a day, tiers and free quantities continue where the month before the day left them.
    public var spent: Rational
    /// The cost of usage for each second, as recently used.
    ///
    /// It is the usage of the last hours of the month, up to 24, at the prices of its place in the
    /// month, divided by the time it took, which counts as at least one hour. Discounts are taken
    /// off. Fixed fees and flat amounts are left out, as they are charged once. Where quantities
    /// are rounded up to packages, the part of a package that was used counts.
    public var burn: Rational
    /// The part of `burn` that is not for CPU.
    public var otherBurn: Rational
    /// The cost of the whole period if usage goes on at the recent rate.
    ///
    /// It is `spent` plus `burn` for each second that is left. Fixed fees of the remaining time are
    /// not included.
    public var forecast: Rational
    /// The price of the next second of one core at the tenant's place in its month.
    ///
    /// Discounts are taken off. It is the price by use or by reservation, whichever the book bills.
    /// `nil` if CPU is free there, or has no price.
    public var cpuPrice: Rational?
    /// The price of the next second of one byte of memory, likewise.
    public var memoryPrice: Rational?
    /// Whether the price book bills CPU by what limits grant, and not by use alone.
    public var isCPUReserved = false
}

extension TenantSpending {
    /// Rates usage by its prices.
    ///
    /// - Parameters:
    ///   - usage: from the start of the period's month up to `until`, cut at `dayAgo`.
    ///   - period: the billing month or day.
    ///   - until: the end of the hour that is running.
    ///   - dayAgo: the start of recent usage.
    ///   - now: the moment from which the forecast runs.
    /// - Throws: as `rate` does.
    public init(
        _ usage: PricedUsage, over period: Period, until: Instant, dayAgo: Instant, at now: Instant
    ) throws(Fault) {
        var sums = SpendingSums(usage)
        for piece in usage.pieces.indices { sums.add(piece) }
        let recent = try RecentSpending(usage, since: dayAgo)
        let elapsed = max(now.seconds(since: recent.start), Rational(3600))
        tenant = usage.tenant
        currency = recent.book.currency
        self.period = period
        self.until = until
        spent = try sums.spent(until: until)
        burn = recent.spent / elapsed
        otherBurn = recent.spentOnOthers / elapsed
        forecast = spent + burn * period.end.seconds(since: now)
        cpuPrice = recent.cpuPrice > .zero ? recent.cpuPrice : nil
        memoryPrice = recent.memoryPrice > .zero ? recent.memoryPrice : nil
        isCPUReserved = recent.book.meters[Meter.cpu.name].map { $0.basis != .used } ?? false
    }
}

/// The cost of the most recent pieces of usage, and of the next unit.
private struct RecentSpending {
    /// The start of the recent pieces.
    let start: Instant
    /// The version in force now.
    let book: PriceBook
    /// The cost of recent usage in major units, with discounts.
    let spent: Rational
    /// The part of it that is not for CPU.
    let spentOnOthers: Rational
    /// The price of the next second of one core.
    let cpuPrice: Rational
    /// The price of the next second of one byte of memory.
    let memoryPrice: Rational

    init(_ usage: PricedUsage, since: Instant) throws(Fault) {
        let pieces = usage.pieces.map(\.running)
        let last = pieces[pieces.count - 1]
        let first = pieces.firstIndex { $0.period.start >= since } ?? pieces.count - 1
        start = pieces[first].period.start
        book = last.book
        var parts = segmentUsage(usage.usage, pieces, charged: first..<pieces.count)
        let lines = try statement(of: usage.tenant, parts)
        spent = lines.net
        spentOnOthers = lines.filter { $0.meter != Meter.cpu.name }.net
        for part in parts.indices { parts[part].isCharged = false }
        /// The price of the next base unit after all that was used; it lies in a single tier.
        func next(_ meter: Meter) throws(Fault) -> Rational {
            let next = MeterUsage(container: ExactText(""), meter: meter.name, quantity: 1)
            let part = SegmentUsage(segment: last, usage: [next])
            return try statement(of: usage.tenant, parts + [part]).net
        }
        cpuPrice = try next(.cpu) * Rational(1_000_000)
        memoryPrice = try next(.memory)
    }
}

extension Segment {
    /// The segment without fixed fees, flat amounts and rounding up.
    ///
    /// What is left follows the quantity alone, so it can be extrapolated.
    fileprivate var running: Segment {
        var segment = self
        segment.book.fixed = []
        for meter in book.meters.keys {
            segment.book.meters[meter]?.step = nil
            for tier in book.meters[meter]?.tiers.indices ?? 0..<0 {
                segment.book.meters[meter]?.tiers[tier].flat = nil
            }
        }
        return segment
    }
}

extension Instant {
    /// The exact time since an earlier instant, in seconds.
    fileprivate func seconds(since earlier: Instant) -> Rational {
        Rational(milliseconds - earlier.milliseconds) / Rational(1000)
    }
}
