import GRDB
import Invoicing
import Pricing
import Units

/// The invoices there are, as much of them as tells what is billed and what may have changed since.
///
/// What was billed is told by time: a line belongs to the invoice whose period it lies in, on
/// whatever document it stands. Invoices that were credited in full count for nothing.
struct IssuedInvoices {
    /// An invoice that covers a period of a tenant.
    struct Base: Hashable {
        var number: String
        var period: Period
        /// The billing months that its segments lie in.
        var months: Period
        var hasMadeUp: Bool
        /// The rules that it was made by.
        var rules: RatingRules
    }

    private let db: Database
    /// The seal that is looked back from: invoices behind it are not there yet.
    private let seal: Int64
    private var live: [String: [Base]]
    private let credited: [String: [Base]]
    private let fullyCredited: Set<String>
    private var inDoubt: [String: [String]]
    /// Those that cover nothing, too.
    private var documents: [String: [Base]]
    /// Drafts that count as issued, in their order, by the names that stand for their numbers.
    private var drafts: [(name: String, prepared: PreparedDraft)] = []

    /// - Parameter seal: a place in the chain of invoices: what was there before it.
    init(
        _ db: Database, tenant: String?, withOpen: Bool = false, before seal: Int64 = .max
    ) throws {
        self.db = db
        self.seal = seal
        let gone = try creditedInFull(db, seal)
        fullyCredited = gone
        var live: [String: [Base]] = [:]
        var credited: [String: [Base]] = [:]
        var documents = live
        var seen: [String: (entry: Int64?, move: Int64?)] = [:]
        let firstShared = try firstSharedSeal(db)
        for row in try Self.rows(db, tenant, seal) {
            let (number, owner): (String, String) = (row["number"], row["tenant"])
            guard let base = Self.base(row, number, firstShared) else { continue }
            // One without segments of its own holds corrections, and covers nothing.
            let covers = row["covers"] as Bool
            if gone.contains(number) {
                if covers { credited[owner, default: []].append(base) }
                continue
            }
            documents[owner, default: []].append(base)
            if covers { live[owner, default: []].append(base) }
            // Each issue looks at all invoices before it.
            let known = seen[owner]
            seen[owner] = (
                [known?.entry, row["ledger_entry"] as Int64?].compactMap(\.self).max(),
                [known?.move, row["reattribution"] as Int64?].compactMap(\.self).max()
            )
        }
        (self.live, self.credited, self.documents) = (live, credited, documents)
        let open =
            withOpen ? try db.value(Int64.self, "SELECT min(hour_s) FROM usage_open") : nil
        let changes = try Changes(db, firstOpen: open)
        inDoubt = try live.reduce(into: [:]) { doubts, entry in
            let (tenant, bases) = entry
            let (entry, move) = seen[tenant] ?? (nil, nil)
            let grown = try (documents[tenant] ?? []).filter(\.hasMadeUp)
                .reduce(into: Set()) { try $0.formUnion(grownLives(db, $1.number)) }
            doubts[tenant] = bases.filter { base in
                changes.touch(tenant, base, since: entry, move) || grown.contains(base.number)
            }.map(\.number)
        }
    }

    private static func rows(_ db: Database, _ tenant: String?, _ seal: Int64) throws -> [Row] {
        try db.rows(
            """
            SELECT i.number, i.tenant, i.period_start_s, i.period_end_s, i.ledger_entry,
                i.reattribution, i.has_made_up, l.id AS seal,
                (SELECT min(s.month_start_s) FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS months_start_s,
                (SELECT max(s.month_end_s) FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS months_end_s,
                EXISTS (SELECT 1 FROM invoice_segment s
                    WHERE s.invoice = i.number AND s.is_charged = 1) AS covers
            FROM invoice i LEFT JOIN invoice_seal l ON l.invoice = i.number
            WHERE i.credits IS NULL AND (?1 IS NULL OR i.tenant = ?1)
                AND (l.id IS NULL OR l.id < ?2)
            ORDER BY i.period_start_s, i.series, i.sequence
            """, [tenant, seal])
    }

    private static func base(_ row: Row, _ number: String, _ firstShared: Int64) -> Base? {
        let start = Instant(seconds: row["period_start_s"])
        guard let period = Period(start: start, end: Instant(seconds: row["period_end_s"])) else {
            return nil
        }
        // Before months were kept with segments, they were those of UTC.
        let first = (row["months_start_s"] as Int64?).map(Instant.init(seconds:))
        let last = (row["months_end_s"] as Int64?).map(Instant.init(seconds:))
        let months = Period(
            start: min(first ?? Period(monthOf: start).start, start),
            end: max(last ?? Period(monthOf: period.end.advanced(bySeconds: -1)).end, period.end))
        let seal = row["seal"] as Int64? ?? 0
        return Base(
            number: number, period: period, months: months ?? period,
            hasMadeUp: row["has_made_up"], rules: seal < firstShared ? .first : .sharedMonths)
    }

    /// Counts a draft as issued, for those that come after it.
    mutating func add(_ prepared: PreparedDraft) {
        let (draft, tenant) = (prepared.draft, prepared.draft.tenant)
        let name = "draft \(drafts.count(where: { $0.prepared.draft.tenant == tenant }) + 1)"
        drafts.append((name, prepared))
        // It holds all that came to light until now.
        inDoubt[tenant] = []
        let months = draft.segments.map(\.month)
        let hull = Period(
            start: months.reduce(draft.period.start) { min($0, $1.start) },
            end: months.reduce(draft.period.end) { max($0, $1.end) })
        let base = Base(
            number: name, period: draft.period, months: hull ?? draft.period, hasMadeUp: false,
            rules: .current)
        documents[tenant, default: []].append(base)
        guard !draft.segments.isEmpty else { return }
        live[tenant, default: []].append(base)
        live[tenant]?.sort { $0.period.start < $1.period.start }
    }

    /// A document that covers a part of a tenant's time: what it bills, by which contract.
    func document(_ base: Base, of tenant: String) throws -> (draft: Draft, contract: ContractTime)
    {
        if let draft = drafts.first(where: {
            $0.name == base.number && $0.prepared.draft.tenant == tenant
        }) {
            return (draft.prepared.draft, draft.prepared.contract)
        }
        let invoice = try loadInvoice(db, base.number)
        return (invoice.draft, invoice.parties.contract)
    }

    /// Invoices of a tenant whose ledger rows or owners may have changed since.
    func inDoubt(of tenant: String) -> [String] { inDoubt[tenant] ?? [] }

    /// The invoices that cover parts of a tenant's time, in order.
    func covering(_ tenant: String) -> [Base] { live[tenant] ?? [] }

    /// The invoices that have billing months in common with these, directly or through others.
    func sharing(_ months: [Period], _ tenant: String) -> [Base] {
        guard let first = months.first, let last = months.last,
            var hull = Period(start: first.start, end: last.end)
        else { return [] }
        var found: [Base] = []
        while true {
            let more = covering(tenant).filter { $0.months.meets(hull) }
            guard more.count > found.count else { return found }
            found = more
            for base in more {
                hull =
                    Period(
                        start: min(hull.start, base.months.start),
                        end: max(hull.end, base.months.end)) ?? hull
            }
        }
    }

    /// A tenant's invoices besides some, by the billing months that they have in common.
    func components(of tenant: String, besides own: [Base]) -> [[Base]] {
        var left = covering(tenant).filter { !own.contains($0) }
        var components: [[Base]] = []
        while let first = left.first {
            let component = sharing([first.months], tenant).filter { left.contains($0) }
            components.append(component)
            left.removeAll { component.contains($0) }
        }
        return components
    }

    /// Invoices that were credited in full, and whose time no other covers.
    func uncovered(_ tenant: String) -> [Base] {
        (credited[tenant] ?? []).filter { base in
            !covering(tenant).contains { $0.period.intersection(base.period) != nil }
        }
    }

    func isCredited(_ number: String) -> Bool { fullyCredited.contains(number) }

    /// What issuing a period comes to: the invoices that are there, and the stretches that are not
    /// invoiced, those that were credited apart.
    ///
    /// - Throws: if an invoice reaches over an end of the period, as usage would be billed twice.
    func plan(
        _ tenant: String, _ period: Period
    ) throws -> (there: [String], open: [Period], credited: [Period]) {
        let own = covering(tenant).filter { $0.period.intersection(period) != nil }
        let gone = uncovered(tenant).filter { $0.period.intersection(period) != nil }
        let there = (documents[tenant] ?? []).filter { $0.period.intersection(period) != nil }
        // A part of an invoice, from its start on, is invoiced by it; so is a period that was asked for
        // when an invoice took an earlier part of the month along.
        if let first = own.first, first.period.holds(period),
            try first.period.start == period.start || wasInvoiced(period, tenant)
        {
            return (there.map(\.number), [], [])
        }
        let isCut = { (base: Base) in period.intersection(base.period) != base.period }
        if let first = (own + gone).first(where: isCut) {
            throw overlap(first, tenant, period, (own + gone).filter(isCut).map(\.period))
        }
        let cuts = (own + gone).flatMap { [$0.period.start, $0.period.end] }
        var (open, credited) = ([Period](), [Period]())
        for piece in period.cut(at: cuts) {
            if own.contains(where: { $0.period.intersection(piece) != nil }) { continue }
            let wasThere = gone.contains { $0.period.intersection(piece) != nil }
            if wasThere { credited.append(piece) } else { open.append(piece) }
        }
        return (there.map(\.number) + gone.map(\.number), open, credited)
    }

    private func wasInvoiced(_ period: Period, _ tenant: String) throws -> Bool {
        try db.value(
            Bool.self,
            """
            SELECT EXISTS (SELECT 1 FROM invoiced_period
                WHERE (tenant IS NULL OR tenant = ?) AND start_s = ? AND end_s = ?)
            """, [tenant, period.start.seconds, period.end.seconds]) ?? false
    }

    /// - Parameter cut: the periods of all invoices that reach over an end of the period.
    private func overlap(
        _ other: Base, _ tenant: String, _ period: Period, _ cut: [Period]
    ) -> Fault {
        // Beside the invoices, or all of the one that holds the period.
        let way = period.uncovered(by: cut.sorted { $0.start < $1.start }).first ?? other.period
        return Fault(
            .wrongUse, at: "period \(period)",
            found: "invoice \(other.number) of tenant \(tenant) covers \(other.period)",
            cure: "Choose a period that holds all of it, or none, such as --from \(way.start) "
                + "--to \(way.end); usage is invoiced once")
    }

    /// All lines that stand for a part of a tenant's time, without taxes.
    ///
    /// - Parameters:
    ///   - currency: only those in this currency; `nil` is all.
    ///   - isCredited: those of credit notes, of lines by themselves, in place of those that were
    ///     billed.
    func lines(
        of tenant: String, in period: Period, currency: Currency? = nil, isCredited: Bool = false
    ) throws -> [LineItem] {
        let rows = try db.rows(
            """
            SELECT l.*, coalesce(i.credits, i.number) AS counted
            FROM invoice i JOIN invoice_line l ON l.invoice = i.number
            LEFT JOIN invoice_seal s ON s.invoice = i.number
            WHERE i.tenant = ?1 AND (i.credits IS NOT NULL) = ?2 AND l.kind <> 'tax'
                AND l.period_start_s >= ?3 AND l.period_end_s <= ?4
                AND (s.id IS NULL OR s.id < ?5) AND (?6 IS NULL OR i.currency = ?6)
            ORDER BY i.series, i.sequence, l.line
            """,
            [
                tenant, isCredited, period.start.seconds, period.end.seconds, seal, currency?.code,
            ])
        let issued = try rows.filter { !fullyCredited.contains($0["counted"]) }.map { row in
            let line = try loadLine(row, row["invoice"], [])
            return isCredited ? line.negated : line
        }
        guard !isCredited else { return issued }
        let drafted = drafts.map(\.prepared.draft).filter {
            $0.tenant == tenant && currency ?? $0.currency == $0.currency
        }
        return issued
            + drafted.flatMap(\.lines).filter { $0.kind != .tax && period.holds($0.period) }
    }
}

/// When a document was made.
struct DocumentPlace {
    /// The ledger's newest entry.
    var entry: Int64
    var issued: Instant
}

extension IssuedInvoices {
    /// The documents that bill usage of a meter inside a period, in the order they were sealed in.
    func billings(of meter: String, _ tenant: String, in period: Period) throws -> [DocumentPlace] {
        let rows = try db.rows(
            """
            SELECT DISTINCT s.id, i.number, i.ledger_entry, i.issued_ms
            FROM invoice i JOIN invoice_line l ON l.invoice = i.number
            JOIN invoice_seal s ON s.invoice = i.number
            WHERE i.tenant = ?1 AND i.credits IS NULL AND i.ledger_entry IS NOT NULL
                AND l.meter = ?2 AND l.container IS NOT NULL
                AND l.period_start_s >= ?3 AND l.period_end_s <= ?4 AND s.id < ?5
            ORDER BY s.id
            """,
            [tenant, meter, period.start.seconds, period.end.seconds, seal])
        return rows.filter { !fullyCredited.contains($0["number"]) }.map {
            DocumentPlace(
                entry: $0["ledger_entry"], issued: Instant(milliseconds: $0["issued_ms"]))
        }
    }
}

/// The place in the chain of invoices from which on months are rated as one.
func firstSharedSeal(_ db: Database) throws -> Int64 {
    try db.value(
        Int64.self, "SELECT first_seal FROM rating_rules WHERE rules = ?",
        [RatingRules.sharedMonths.rawValue]) ?? 1
}

/// What may change what an invoiced period costs.
private struct Changes {
    private let late: [(entry: Int64, first: Int64, last: Int64)]
    private let moved: [(id: Int64, tenant: String, since: Int64)]
    private let firstOpen: Int64?

    init(_ db: Database, firstOpen: Int64?) throws {
        self.firstOpen = firstOpen
        late = try db.rows("SELECT * FROM late_entry").map { ($0[0], $0[1], $0[2]) }
        moved = try db.rows("SELECT * FROM reattribution")
            .map { ($0[0], $0[1], $0[2]) }
    }

    func touch(
        _ tenant: String, _ base: IssuedInvoices.Base, since entry: Int64?, _ move: Int64?
    ) -> Bool {
        let (start, end) = (base.months.start.seconds, base.months.end.seconds)
        guard let entry, let move else { return true }
        return firstOpen.map { $0 < end } ?? false
            || late.contains { $0.entry > entry && $0.first < end && $0.last >= start }
            || moved.contains { $0.id > move && $0.tenant == tenant && $0.since < end }
    }
}

/// The invoices whose time holds a short life that a document made up to a minimum, and that has become
/// longer since: the document itself, or those that it corrects.
private func grownLives(_ db: Database, _ number: String) throws -> Set<String> {
    let rows = try db.rows(
        """
        SELECT DISTINCT u.corrects, u.container, u.life_s, \(kindByAge), c.first_seen_ms,
            c.last_seen_ms
        FROM invoice_usage u JOIN container c ON c.id = u.container
        WHERE u.invoice = ? AND u.life_s IS NOT NULL
        """, [number])
    return try Set(
        rows.filter { try life(db, $0) != $0["life_s"] as Int64? }.map { row in
            let corrects: String = row["corrects"]
            return corrects.isEmpty ? number : corrects
        })
}

/// Numbers of invoices that credit notes took back line by line.
func creditedInFull(_ db: Database, _ seal: Int64) throws -> Set<String> {
    try Set(
        db.values(
            String.self,
            """
            SELECT n.credits FROM invoice n JOIN invoice_line l ON l.invoice = n.number
            LEFT JOIN invoice_seal s ON s.invoice = n.number
            WHERE n.credits IS NOT NULL AND l.credits_line IS NOT NULL
                AND (s.id IS NULL OR s.id < ?)
            GROUP BY n.credits
            HAVING count(*) = (SELECT count(*) FROM invoice_line o
                WHERE o.invoice = n.credits AND o.kind <> 'tax')
            """, [seal]))
}

/// The lines of an invoice that credit notes took back.
func creditedLines(_ db: Database, of number: String) throws -> Set<Int> {
    try Set(
        db.values(
            Int.self,
            """
            SELECT l.credits_line FROM invoice n JOIN invoice_line l ON l.invoice = n.number
            WHERE n.credits = ? AND l.credits_line IS NOT NULL
            """, [number]))
}
