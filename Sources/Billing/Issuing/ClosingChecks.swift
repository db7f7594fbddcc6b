import Store
import Invoicing
import Metering
import Pricing
import Units

/// What is to happen with a doubt about a period's metering when it is invoiced.
public enum ClosingRule: String, Sendable, CaseIterable {
    /// Nothing is issued.
    case block
    /// It is said on the invoice.
    case print
}

/// The rule for each kind of doubt.
public struct ClosingPolicy: Hashable, Sendable {
    public var rules: [Note.Kind: ClosingRule]

    public init(rules: [Note.Kind: ClosingRule] = [.audit: .block]) { self.rules = rules }

    func rule(_ kind: Note.Kind) -> ClosingRule { rules[kind] ?? .print }
}

/// The notes that invoices of a period would carry if they were issued now.
public struct ClosingNotes: Sendable {
    /// Those that every invoice would carry.
    public var common: [Note]
    /// Those of one tenant's invoice.
    public var tenants: [(tenant: String, notes: [Note])]
}

extension Store {
    /// What invoices would note, and what they would not be issued for; nothing is written.
    public func closingNotes(
        over period: Period, tenant: String?, at now: Instant
    ) throws(Fault) -> ClosingNotes {
        let differences = try audit(over: period).filter { $0.difference != 0 }
        let changed = try verifyTerms()
        return try reading { db in
            try ClosingChecks(db, period, differences, changed: changed, at: now)
                .notes(of: db.payers(tenant), at: now)
        }
    }
}

/// What there is to say of the metering of a period, by tenant.
struct ClosingChecks {
    private let db: ReadTransaction
    private let period: Period
    private let common: [Note]
    private let differences: [AuditRow]
    /// Prices, tenants and owners that were changed without Octroi.
    private let changed: [Note]
    private let twice: [CountedTwice]

    init(
        _ db: ReadTransaction, _ period: Period, _ differences: [AuditRow], changed: [String] = [],
        at now: Instant
    ) throws {
        (self.db, self.period) = (db, period)
        self.changed = changed.prefix(3).map { Note(.audit, $0) }
        common = try Self.gaps(db, period) + Self.open(db, period, at: now)
        self.differences = differences.filter { $0.difference != 0 }
        twice = try db.usageCountedTwice(over: period)
    }

    /// All there is to say on a tenant's invoice.
    ///
    /// - Throws: if the policy blocks one of them.
    func notes(for draft: PreparedDraft, of tenant: Tenant, _ policy: ClosingPolicy) throws
        -> [Note]
    {
        let isMetered = draft.assured.sums.values.contains { sums in
            sums.keys.contains { $0 != Assurance.imported.code }
        }
        var notes = try assurances(draft) + addedUp(draft) + metering(of: tenant, policy)
        if isMetered {
            try refuse(common, tenant, policy)
            notes += common
        }
        let differences = changed + differences(of: tenant)
        try refuse(differences, tenant, policy)
        return notes + differences
    }

    private func differences(of tenant: Tenant) -> [Note] {
        let doubles = twice.filter { $0.tenant == tenant.id }
        return differences.filter { $0.tenant == tenant.id }.map {
            Note(
                .audit,
                "\(escapingControlCharacters($0.root)) \($0.meter): the kernel counted \($0.kernel), the ledger "
                    + "holds \($0.usage)")
        } + doubles.prefix(Self.listed).map { Note(.audit, $0.text) }
            + Self.more(doubles.count, .audit)
    }

    /// The notes before anything is issued, whatever the policy blocks.
    ///
    /// While the period lasts, nobody expects readings up to its end: a note of kind `open` is left out.
    fileprivate func notes(of tenants: [Tenant], at now: Instant) throws -> ClosingNotes {
        let isOver = period.end <= now
        return ClosingNotes(
            common: changed + common.filter { isOver || $0.kind != .open },
            tenants: try tenants.compactMap { tenant in
                let notes =
                    try metering(of: tenant, ClosingPolicy(rules: [:]))
                    + differences(of: tenant)
                return notes.isEmpty ? nil : (tenant.id, notes)
            })
    }

    /// What was not measured of a tenant, whether or not it has an invoice.
    ///
    /// - Throws: if the policy blocks it.
    func metering(of tenant: Tenant, _ policy: ClosingPolicy) throws -> [Note] {
        let early = try unmetered(tenant.id)
        let unread = try db.unmeasuredTime(of: tenant.id, over: period)
        try refuse(early, tenant, policy)
        try refuse(notes(unread.filter { !$0.isMadeGood }), tenant, policy)
        return early + notes(unread)
    }

    private func notes(_ unmeasured: [Unmeasured]) -> [Note] {
        unmeasured.prefix(Self.listed).map { Note(.unmetered, $0.text) }
            + Self.more(unmeasured.count, .unmetered)
    }

    private func refuse(_ notes: [Note], _ tenant: Tenant, _ policy: ClosingPolicy) throws {
        guard let blocked = notes.first(where: { policy.rule($0.kind) == .block }) else { return }
        throw Fault(
            .badData, at: "invoice of tenant \(tenant.id) over \(period)", problem: blocked.text,
            suggestion: blocked.kind == .audit
                ? "Look at octroi audit, or set closing: { audit: print } in octroi.yaml"
                : "Set closing: { \(blocked.kind.rawValue): print } in octroi.yaml to say it "
                    + "on the invoice instead")
    }

    private func assurances(_ draft: PreparedDraft) throws -> [Note] {
        let billed = Set(draft.draft.lines.compactMap(\.meter))
        return draft.assured.sums.sorted { $0.key < $1.key }.filter { billed.contains($0.key) }
            .map { meter, sums in
                Note(
                    meter,
                    sums.sorted { $0.key < $1.key }.map {
                        (Assurance(code: $0.key)?.rawValue ?? "?", $0.value)
                    })
            }
    }

    /// Memory that this kernel gives no sum of: it was added up, so that less may be billed than was held.
    private func addedUp(_ draft: PreparedDraft) throws -> [Note] {
        let isBilled = draft.draft.segments.contains {
            $0.book.memory == .unreclaimable && $0.book.meters[Meter.memory.name] != nil
        }
        guard isBilled else { return [] }
        let containers = try db.containersWithoutKernelMemory(
            of: draft.draft.tenant, in: period)
        guard containers > 0 else { return [] }
        return [
            Note(
                .assurance,
                "memory of \(containers) container\(containers == 1 ? "" : "s") is the sum of the parts that memory.stat names, "
                    + "as a kernel before Linux 5.18 prints no line kernel in it")
        ]
    }

    /// Time in which the collector did not run.
    private static func gaps(_ db: ReadTransaction, _ period: Period) throws -> [Note] {
        let gaps = try db.gaps(in: period)
        let shown = gaps.prefix(listed).map { gap in
            Note(.gap, "\(gap.since) to \(gap.until): \(gap.reason)")
        }
        return shown + more(gaps.count, .gap)
    }

    /// Whether the collector has gone past the end of the period.
    ///
    /// By its newest tick, not by the latest time of any: a clock that ran ahead for one of them would say for
    /// good that all is metered. Nor by one that is yet to come.
    private static func open(
        _ db: ReadTransaction, _ period: Period, at now: Instant
    ) throws -> [Note] {
        let last = try db.newestTick(until: now) ?? db.newestTick(until: nil)
        guard let last, last < period.end else { return [] }
        return [
            Note(
                .open,
                "the last reading is of \(last), before the end of the "
                    + "period, \(period.end)")
        ]
    }

    private func unmetered(_ tenant: String) throws -> [Note] {
        let found = try db.unmeteredTime(of: tenant, in: period)
        let shown = found.prefix(Self.listed).map { time in
            Note(
                .unmetered,
                "\(escapingControlCharacters(time.path)): \(time.since.map { "from \($0) " } ?? "")until "
                    + "\(time.until), \(time.reason)")
        }
        return shown + Self.more(found.count, .unmetered)
    }

    /// More of a kind than this are counted, not listed.
    private static let listed = 50

    private static func more(_ count: Int, _ kind: Note.Kind) -> [Note] {
        count > listed ? [Note(kind, "and \(count - listed) more: octroi \(kind.listing)")] : []
    }
}

extension Note.Kind {
    /// The command that lists all of a kind.
    fileprivate var listing: String {
        switch self {
        case .gap: "report completeness"
        case .audit: "audit"
        case .assurance, .unmetered, .open: "report unmetered"
        }
    }
}
