import Metering
import Pricing
import Units

/// What a tenant has spent in a billing month or day so far, and how fast it goes on.
///
/// Money is exact, in major units of the currency, before taxes and without the book's minimum.
/// Usage without a price counts as 0, also where the book blocks invoices over it.
public struct TenantSpending: Hashable, Sendable {
    public var tenant: String
    public var currency: Currency
    public var period: Period
    /// The end of what was counted: of the whole UTC hour that was not over yet.
    public var until: Instant
    /// Usage, fixed fees and discounts, as in a draft from the period's start to `until`.
    ///
    /// Of a day, tiers and free quantities go on where the month before it left them.
    public var spent: Rational
    /// What usage costs for each second lately.
    ///
    /// It is what the last hours used, up to 24 of the month, at the prices of their places in the
    /// month, over the time they took, at least one hour. Discounts are taken off. What is charged
    /// once is left out, fixed fees and flat amounts; packages cost by the part that is used.
    public var burn: Rational
    /// The part of `burn` that is not for CPU.
    public var otherBurn: Rational
    /// What the period will have cost if usage goes on as lately.
    ///
    /// It is `spent`, and `burn` for each second that is left: fixed fees of that time are not in
    /// it.
    public var forecast: Rational
    /// What the next second of one core costs at the tenant's place in its month, discounts taken
    /// off, by use or by reservation; `nil` if CPU is free there, or has no price.
    public var cpuPrice: Rational?
    /// What the next second of one byte of memory costs, likewise.
    public var memoryPrice: Rational?
    /// Whether the price book bills CPU by what limits grant, not by use alone.
    public var isCPUReserved = false
}

extension TenantSpending {
    /// Rates usage by its prices.
    ///
    /// - Parameters:
    ///   - usage: from the start of the period up to `until`, cut at `dayAgo`.
    ///   - until: the end of the hour that is running.
    ///   - dayAgo: where recent usage begins.
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

/// What the last pieces of usage cost, and what would come next.
private struct RecentSpending {
    let start: Instant
    let book: PriceBook
    let spent: Rational
    let spentOnOthers: Rational
    /// For a second of one core.
    let cpuPrice: Rational
    /// For a second of one byte.
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
        /// What the next unit costs behind all that was used: it lies in one tier.
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
    /// The segment without what its book charges once: amounts follow the quantity alone.
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
    /// The time since an earlier instant, exactly.
    fileprivate func seconds(since earlier: Instant) -> Rational {
        Rational(milliseconds - earlier.milliseconds) / Rational(1000)
    }
}
