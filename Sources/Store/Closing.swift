import GRDB
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
        return try read { db in
            try ClosingChecks(db, period, differences, changed: changed, at: now)
                .notes(of: payers(db, tenant), at: now)
        }
    }
}

/// Closes the open rows of a period, so that what an invoice is made of never changes.
///
/// What still comes for these hours makes an entry of its own, and a correction.
func closeRows(_ db: Database, of period: Period, at now: Instant) throws {
    let next = now.startOfHour.advanced(bySeconds: 3600)
    let end = min(period.end, next)
    let isOpen = try db.value(
        Bool.self, "SELECT EXISTS (SELECT 1 FROM usage_open WHERE hour_s < ?)",
        [end.seconds])
    guard isOpen == true else { return }
    // Ticks are closed when their samples are sealed, which the collector does by the hour.
    try closeHours(db, before: end, lastTick: try LedgerEntry.last(db).lastTick, at: now)
}

/// What there is to say of the metering of a period, by tenant.
struct ClosingChecks {
    private let db: Database
    private let period: Period
    private let common: [Note]
    private let differences: [AuditRow]
    /// Prices, tenants and owners that were changed without Octroi.
    private let changed: [Note]
    private let twice: [CountedTwice]

    init(
        _ db: Database, _ period: Period, _ differences: [AuditRow], changed: [String] = [],
        at now: Instant
    ) throws {
        (self.db, self.period) = (db, period)
        self.changed = changed.prefix(3).map { Note(.audit, $0) }
        common = try Self.gaps(db, period) + Self.open(db, period, at: now)
        self.differences = differences.filter { $0.difference != 0 }
        twice = try usageCountedTwice(db, over: period)
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
                "\(harmless($0.root)) \($0.meter): the kernel counted \($0.kernel), the ledger "
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
        let unread = try unmeasuredTime(db, of: tenant.id, over: period)
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
            .badData, at: "invoice of tenant \(tenant.id) over \(period)", found: blocked.text,
            cure: blocked.kind == .audit
                ? "Look at octroi audit, or set closing: { audit: print } in octroi.yaml"
                : "Set closing: { \(blocked.kind.rawValue): print } in octroi.yaml to say it "
                    + "on the invoice instead")
    }

    private func assurances(_ draft: PreparedDraft) throws -> [Note] {
        let billed = Set(draft.draft.lines.compactMap { $0.kind == .tax ? nil : $0.meter })
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
        let containers = try db.value(
            Int.self,
            """
            SELECT count(DISTINCT x.container) FROM attribution a
            CROSS JOIN absence x ON x.container = a.container
            WHERE a.tenant = :tenant AND x.file = 'memory.stat kernel' AND x.since_ms < :to
                AND coalesce(x.until_ms, :to) > :from AND a.since_s * 1000 < :to
                AND coalesce(a.until_s * 1000, :to) > :from
            """,
            [
                "tenant": draft.draft.tenant, "from": period.start.milliseconds,
                "to": period.end.milliseconds,
            ])
        guard let containers, containers > 0 else { return [] }
        return [
            Note(
                .assurance,
                "memory of \(containers) container\(containers == 1 ? "" : "s") is the sum of the parts that memory.stat names, "
                    + "as a kernel before Linux 5.18 prints no line kernel in it")
        ]
    }

    /// Time in which the collector did not run.
    private static func gaps(_ db: Database, _ period: Period) throws -> [Note] {
        let rows = try db.rows(
            "SELECT * FROM gap WHERE since_ms < ? AND until_ms > ? ORDER BY since_ms, id",
            [period.end.milliseconds, period.start.milliseconds])
        let shown = rows.prefix(listed).map { row in
            Note(
                .gap,
                "\(Instant(milliseconds: row["since_ms"])) to "
                    + "\(Instant(milliseconds: row["until_ms"])): \(row["reason"] as String)")
        }
        return shown + more(rows.count, .gap)
    }

    /// Whether the collector has gone past the end of the period.
    ///
    /// By its newest tick, not by the latest time of any: a clock that ran ahead for one of them would say for
    /// good that all is metered. Nor by one that is yet to come.
    private static func open(
        _ db: Database, _ period: Period, at now: Instant
    ) throws -> [Note] {
        func newest(before time: Int64) throws -> Int64? {
            try db.value(
                Int64.self, "SELECT wall_ms FROM tick WHERE wall_ms <= ? ORDER BY id DESC LIMIT 1",
                [time])
        }
        let last = try newest(before: now.milliseconds) ?? newest(before: .max)
        guard let last, last < period.end.milliseconds else { return [] }
        return [
            Note(
                .open,
                "the last reading is of \(Instant(milliseconds: last)), before the end of the "
                    + "period, \(period.end)")
        ]
    }

    private func unmetered(_ tenant: String) throws -> [Note] {
        let rows = try db.rows(
            """
            SELECT c.path, u.since_ms, u.until_ms, u.reason FROM attribution a
            CROSS JOIN unmetered u ON u.container = a.container
            JOIN container c ON c.id = a.container
            WHERE a.tenant = :tenant AND ifnull(u.since_ms, u.until_ms) < :to
                AND u.until_ms > :from AND a.since_s * 1000 < u.until_ms
                AND (a.until_s IS NULL OR a.until_s * 1000 > ifnull(u.since_ms, u.until_ms))
            ORDER BY u.until_ms, c.path
            """,
            [
                "tenant": tenant, "from": period.start.milliseconds, "to": period.end.milliseconds,
            ])
        let shown = rows.prefix(Self.listed).map { row in
            let since = (row["since_ms"] as Int64?).map { "from \(Instant(milliseconds: $0)) " }
            return Note(
                .unmetered,
                "\(harmless(row["path"])): \(since ?? "")until "
                    + "\(Instant(milliseconds: row["until_ms"])), \(row["reason"] as String)")
        }
        return shown + Self.more(rows.count, .unmetered)
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
