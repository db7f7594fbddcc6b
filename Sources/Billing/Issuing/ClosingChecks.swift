import Store
import Invoicing
import Metering
import Pricing
import Units

/// What to do about a known gap in a period's metering when the period is invoiced.
public enum ClosingRule: String, Sendable, CaseIterable {
    /// Nothing is issued.
    case block
    /// The invoice discloses it.
    case print
}

/// The rule for each kind of gap (`closing:` in `octroi.yaml`).
public struct ClosingPolicy: Hashable, Sendable {
    /// The rules by kind of caveat; a kind without a rule is printed.
    public var rules: [MeteringCaveat.Kind: ClosingRule]

    /// Creates a policy; by default only audit differences block.
    public init(rules: [MeteringCaveat.Kind: ClosingRule] = [.audit: .block]) { self.rules = rules }

    /// The rule for a kind of caveat.
    func rule(_ kind: MeteringCaveat.Kind) -> ClosingRule { rules[kind] ?? .print }
}

/// The caveats that invoices of a period would carry if they were issued now.
public struct ClosingCaveats: Sendable {
    /// The caveats that every invoice would carry.
    public var common: [MeteringCaveat]
    /// The caveats on one tenant's invoice only; tenants without any are left out.
    public var tenants: [(tenant: String, caveats: [MeteringCaveat])]
}

extension Store {
    /// The caveats that invoices would carry, and the reasons that would block them.
    ///
    /// Nothing is written.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant; `nil` is all.
    ///   - now: the time up to which readings are expected.
    /// - Throws: for an unknown tenant.
    public func closingCaveats(
        over period: Period, tenant: String?, at now: Instant
    ) throws(Fault) -> ClosingCaveats {
        let differences = try audit(over: period).filter { $0.difference != 0 }
        let changed = try verifyTerms()
        return try reading { db in
            try ClosingChecks(db, period, differences, changed: changed, at: now)
                .caveats(of: db.payers(tenant), at: now)
        }
    }
}

/// Collects what is known of the metering of a period, for each tenant.
struct ClosingChecks {
    private let db: ReadTransaction
    private let period: Period
    /// Caveats for all tenants: collector downtime, and a period that is not fully metered yet.
    private let common: [MeteringCaveat]
    /// Control totals that the ledger does not add up to.
    private let differences: [AuditRow]
    /// The first three prices, tenants and owners of hours that were changed without Octroi.
    private let changed: [MeteringCaveat]
    /// Usage that was both metered and imported.
    private let twice: [CountedTwice]

    /// Reads what concerns all tenants.
    ///
    /// - Parameters:
    ///   - differences: the result of an audit of the period.
    ///   - changed: terms that were changed without Octroi, in words.
    init(
        _ db: ReadTransaction, _ period: Period, _ differences: [AuditRow], changed: [String] = [],
        at now: Instant
    ) throws {
        (self.db, self.period) = (db, period)
        self.changed = changed.prefix(3).map { .remark(.audit, $0) }
        common = try Self.gaps(db, period) + Self.open(db, period, at: now)
        self.differences = differences.filter { $0.difference != 0 }
        twice = try db.usageCountedTwice(over: period)
    }

    /// All caveats on a tenant's invoice.
    ///
    /// Collector downtime and a period that is not fully metered are left out if Octroi metered
    /// none of the usage: they do not concern imports.
    ///
    /// - Throws: `badData` with the first caveat that the policy blocks.
    func caveats(for draft: PreparedDraft, of tenant: Tenant, _ policy: ClosingPolicy) throws
        -> [MeteringCaveat]
    {
        let isMetered = draft.assured.sums.values.contains { sums in
            sums.keys.contains { $0 != Assurance.imported.code }
        }
        var caveats = try assurances(draft) + addedUp(draft) + metering(of: tenant, policy)
        if isMetered {
            try refuse(common, tenant, policy)
            caveats += common
        }
        let differences = changed + differences(of: tenant)
        try refuse(differences, tenant, policy)
        return caveats + differences
    }

    /// Audit differences and usage that is counted twice, of one tenant.
    private func differences(of tenant: Tenant) -> [MeteringCaveat] {
        let doubles = twice.filter { $0.tenant == tenant.id }
        return differences.filter { $0.tenant == tenant.id }.map {
            .remark(
                .audit,
                "\(escapingControlCharacters($0.root)) \($0.meter): the kernel counted \($0.kernel), the ledger "
                    + "holds \($0.usage)")
        } + doubles.prefix(Self.listed).map { .remark(.audit, $0.text) }
            + Self.more(doubles.count, .audit)
    }

    /// The caveats as they would be now, whatever the policy blocks.
    ///
    /// A period that is not over cannot be metered to its end, so caveats of kind `open` are left
    /// out.
    fileprivate func caveats(of tenants: [Tenant], at now: Instant) throws -> ClosingCaveats {
        let isOver = period.end <= now
        return ClosingCaveats(
            common: changed + common.filter { isOver || $0.kind != .open },
            tenants: try tenants.compactMap { tenant in
                let caveats =
                    try metering(of: tenant, ClosingPolicy(rules: [:]))
                    + differences(of: tenant)
                return caveats.isEmpty ? nil : (tenant.id, caveats)
            })
    }

    /// Time in which something of a tenant was not measured, whether or not it gets an invoice.
    ///
    /// A counter that went on while it could not be read loses nothing: such time is printed but
    /// never blocks.
    ///
    /// - Throws: `badData` with the first caveat that the policy blocks.
    func metering(of tenant: Tenant, _ policy: ClosingPolicy) throws -> [MeteringCaveat] {
        let early = try unmetered(tenant.id)
        let unread = try db.unmeasuredTime(of: tenant.id, over: period)
        try refuse(early, tenant, policy)
        try refuse(caveats(unread.filter { !$0.isMadeGood }), tenant, policy)
        return early + caveats(unread)
    }

    /// The caveats on time that was not measured; a long list is cut.
    private func caveats(_ unmeasured: [Unmeasured]) -> [MeteringCaveat] {
        unmeasured.prefix(Self.listed).map(\.caveat)
            + Self.more(unmeasured.count, .unmetered)
    }

    /// Throws the first of the caveats that the policy blocks.
    private func refuse(_ caveats: [MeteringCaveat], _ tenant: Tenant, _ policy: ClosingPolicy)
        throws
    {
        guard let blocked = caveats.first(where: { policy.rule($0.kind) == .block }) else { return }
        throw Fault(
            .badData, at: "invoice of tenant \(tenant.id) over \(period)", problem: blocked.text,
            suggestion: blocked.kind == .audit
                ? "Look at octroi audit, or set closing: { audit: print } in octroi.yaml"
                : "Set closing: { \(blocked.kind.rawValue): print } in octroi.yaml to say it "
                    + "on the invoice instead")
    }

    /// How much of each billed meter has which assurance.
    private func assurances(_ draft: PreparedDraft) throws -> [MeteringCaveat] {
        let billed = Set(draft.draft.lines.compactMap(\.meter))
        return draft.assured.sums.sorted { $0.key < $1.key }.filter { billed.contains($0.key) }
            .map { meter, sums in
                .assured(
                    meter: meter,
                    sums.sorted { $0.key < $1.key }.map {
                        .init(Assurance(code: $0.key)?.rawValue ?? "?", $0.value)
                    })
            }
    }

    /// A caveat if memory was summed up from parts, so that less may be billed than was used.
    ///
    /// Before Linux 5.18, memory.stat has no line `kernel`.
    private func addedUp(_ draft: PreparedDraft) throws -> [MeteringCaveat] {
        let isBilled = draft.draft.segments.contains {
            $0.book.memory == .unreclaimable && $0.book.meters[Meter.memory.name] != nil
        }
        guard isBilled else { return [] }
        let containers = try db.containersWithoutKernelMemory(
            of: draft.draft.tenant, in: period)
        guard containers > 0 else { return [] }
        return [
            .remark(
                .assurance,
                "memory of \(containers) container\(containers == 1 ? "" : "s") is the sum of the parts that memory.stat names, "
                    + "as a kernel before Linux 5.18 prints no line kernel in it")
        ]
    }

    /// Time in which the collector did not run.
    private static func gaps(_ db: ReadTransaction, _ period: Period) throws -> [MeteringCaveat] {
        let gaps = try db.gaps(in: period)
        let shown = gaps.prefix(listed).map { gap in
            MeteringCaveat.gap(since: gap.since, until: gap.until, reason: gap.reason)
        }
        return shown + more(gaps.count, .gap)
    }

    /// A caveat if the collector has not read anything at or after the end of the period.
    ///
    /// It takes the newest tick, not the latest time of any tick: after a single tick with a clock
    /// that ran ahead, every period would seem fully metered for good. Ticks in the future are
    /// ignored as well.
    private static func open(
        _ db: ReadTransaction, _ period: Period, at now: Instant
    ) throws -> [MeteringCaveat] {
        let last = try db.newestTick(until: now) ?? db.newestTick(until: nil)
        guard let last, last < period.end else { return [] }
        return [
            .remark(
                .open,
                "the last reading is of \(last), before the end of the "
                    + "period, \(period.end)")
        ]
    }

    /// Time of a tenant's containers that was not metered at all.
    private func unmetered(_ tenant: String) throws -> [MeteringCaveat] {
        let found = try db.unmeteredTime(of: tenant, in: period)
        let shown = found.prefix(Self.listed).map { time in
            MeteringCaveat.unmetered(
                container: escapingControlCharacters(time.path), since: time.since,
                until: time.until, reason: time.reason)
        }
        return shown + Self.more(found.count, .unmetered)
    }

    /// The largest number of caveats of a kind that are listed; the rest is only counted.
    private static let listed = 50

    /// A caveat that counts what is not listed, with the command that lists it.
    private static func more(_ count: Int, _ kind: MeteringCaveat.Kind) -> [MeteringCaveat] {
        count > listed ? [.remark(kind, "and \(count - listed) more: octroi \(kind.listing)")] : []
    }
}

extension MeteringCaveat.Kind {
    /// The command that lists everything of a kind.
    fileprivate var listing: String {
        switch self {
        case .gap: "report completeness"
        case .audit: "audit"
        case .assurance, .unmetered, .open: "report unmetered"
        }
    }
}
