import Store
import Invoicing
import Pricing
import Units

/// The issued invoices, as far as is needed to tell what is billed and what may have changed since.
///
/// What was billed is told by time: a line belongs to the invoice whose period it lies in, whatever
/// document it is on. Invoices that were credited in full count for nothing.
struct IssuedInvoices {
    typealias Base = IssuedPeriod

    private let db: ReadTransaction
    /// The place in the chain of invoices before which documents count.
    private let seal: Int64
    /// The invoices that cover a part of their tenant's time, by tenant.
    private var live: [String: [Base]]
    /// The invoices that covered time until they were credited in full, by tenant.
    private let credited: [String: [Base]]
    /// The numbers of all invoices that were credited in full.
    private let fullyCredited: Set<String>
    /// The numbers of the invoices that may need correction, by tenant.
    private var inDoubt: [String: [String]]
    /// The invoices by tenant, including those that hold only corrections and cover no time.
    private var documents: [String: [Base]]
    /// The drafts that count as issued, in order, with names in place of numbers.
    private var drafts: [(name: String, prepared: PreparedDraft)] = []

    /// Reads the invoices.
    ///
    /// - Parameters:
    ///   - tenant: only this tenant's; `nil` is all.
    ///   - withOpen: whether usage that is not closed yet counts as a change of an invoiced period.
    ///   - seal: a place in the chain of invoices; only documents before it count.
    init(
        _ db: ReadTransaction, tenant: String?, withOpen: Bool = false, before seal: Int64 = .max
    ) throws {
        self.db = db
        self.seal = seal
        let gone = try db.creditedInFull(before: seal)
        fullyCredited = gone
        var live: [String: [Base]] = [:]
        var credited: [String: [Base]] = [:]
        var documents = live
        for base in try db.issuedPeriods(of: tenant, before: seal) {
            if gone.contains(base.number) {
                if base.covers { credited[base.tenant, default: []].append(base) }
                continue
            }
            documents[base.tenant, default: []].append(base)
            if base.covers { live[base.tenant, default: []].append(base) }
        }
        (self.live, self.credited, self.documents) = (live, credited, documents)
        let open = withOpen ? try db.firstOpenHour() : nil
        let changes = try Changes(all: db.lateChanges(), firstOpen: open)
        inDoubt = try live.reduce(into: [:]) { doubts, entry in
            let (tenant, bases) = entry
            let documents = documents[tenant] ?? []
            // Each issue compares all earlier invoices with the ledger. So only what came after the
            // newest document can have changed one.
            let (seen, moved) = (
                documents.compactMap(\.entry).max(), documents.compactMap(\.move).max()
            )
            let grown = try documents.filter(\.hasMadeUp)
                .reduce(into: Set()) { try $0.formUnion(db.grownLives(on: $1.number)) }
            doubts[tenant] = bases.filter { base in
                changes.touch(tenant, base, since: seen, moved) || grown.contains(base.number)
            }.map(\.number)
        }
    }

    /// Counts a draft as issued, for the drafts that come after it.
    mutating func add(_ prepared: PreparedDraft) {
        let (draft, tenant) = (prepared.draft, prepared.draft.tenant)
        let name = "draft \(drafts.count(where: { $0.prepared.draft.tenant == tenant }) + 1)"
        drafts.append((name, prepared))
        // The draft corrects everything that is known now.
        inDoubt[tenant] = []
        let months = draft.segments.map(\.month)
        let hull = Period(
            start: months.reduce(draft.period.start) { min($0, $1.start) },
            end: months.reduce(draft.period.end) { max($0, $1.end) })
        let base = Base(
            number: name, tenant: tenant, period: draft.period, months: hull ?? draft.period,
            covers: !draft.segments.isEmpty)
        documents[tenant, default: []].append(base)
        guard base.covers else { return }
        live[tenant, default: []].append(base)
        live[tenant]?.sort { $0.period.start < $1.period.start }
    }

    /// A document that covers a part of a tenant's time, and the contract that it was made by.
    func document(_ base: Base, of tenant: String) throws -> (draft: Draft, contract: ContractTime)
    {
        if let draft = drafts.first(where: {
            $0.name == base.number && $0.prepared.draft.tenant == tenant
        }) {
            return (draft.prepared.draft, draft.prepared.contract)
        }
        let invoice = try db.invoice(base.number)
        return (invoice.draft, invoice.parties.contract)
    }

    /// The numbers of a tenant's invoices that may need correction.
    ///
    /// Their usage, the owners of their hours or the lives of their containers may have changed.
    func inDoubt(of tenant: String) -> [String] { inDoubt[tenant] ?? [] }

    /// The invoices that cover parts of a tenant's time, in order of time.
    func covering(_ tenant: String) -> [Base] { live[tenant] ?? [] }

    /// The invoices that share billing months with some months, directly or through other invoices.
    ///
    /// Example: one invoice bills October 1 to November 15, another one November 15 to December 31.
    /// Asked for October, both are found: the first bills October, and the second shares November
    /// with it.
    ///
    /// - Parameter months: in order of time.
    /// - Returns: the invoices in order of time.
    func sharing(_ months: [Period], _ tenant: String) -> [Base] {
        guard let first = months.first, let last = months.last,
            var hull = Period(start: first.start, end: last.end)
        else { return [] }
        var found: [Base] = []
        // The search goes on as long as the invoices that were found reach into further months.
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

    /// A tenant's invoices, grouped by the billing months that they share.
    ///
    /// - Parameter own: invoices to leave out.
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

    /// The invoices that were credited in full, and whose time no other invoice covers.
    func uncovered(_ tenant: String) -> [Base] {
        (credited[tenant] ?? []).filter { base in
            !covering(tenant).contains { $0.period.intersection(base.period) != nil }
        }
    }

    /// Whether an invoice was credited in full.
    func isCredited(_ number: String) -> Bool { fullyCredited.contains(number) }

    /// What there is of a period: invoices that exist, and stretches that none covers.
    ///
    /// - Returns:
    ///   - there: the numbers of existing invoices, including those that were credited in full.
    ///   - open: the stretches that were never invoiced.
    ///   - credited: the stretches whose invoice was credited in full.
    /// - Throws: `wrongUse` if an invoice covers a part of the period and some time outside it, as
    ///   that part would be billed twice.
    func plan(
        _ tenant: String, _ period: Period
    ) throws -> (there: [String], open: [Period], credited: [Period]) {
        let own = covering(tenant).filter { $0.period.intersection(period) != nil }
        let gone = uncovered(tenant).filter { $0.period.intersection(period) != nil }
        let there = (documents[tenant] ?? []).filter { $0.period.intersection(period) != nil }
        // A period that an invoice covers from its start on is invoiced by it. So is a period that
        // was asked for exactly, when its invoice also took in an earlier part of the month.
        if let first = own.first, first.period.holds(period),
            try first.period.start == period.start || db.wasInvoiced(period, tenant)
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

    /// The error for a period that cuts an invoice; it names a period that does not.
    ///
    /// - Parameter cut: the periods of all invoices that the period cuts.
    private func overlap(
        _ other: Base, _ tenant: String, _ period: Period, _ cut: [Period]
    ) -> Fault {
        // The first part beside the invoices; if there is none, all of the invoice that holds it.
        let way = period.uncovered(by: cut.sorted { $0.start < $1.start }).first ?? other.period
        return Fault(
            .wrongUse, at: "period \(period)",
            problem: "invoice \(other.number) of tenant \(tenant) covers \(other.period)",
            suggestion:
                "Choose a period that holds all of it, or none, such as --from \(way.start) "
                + "--to \(way.end); usage is invoiced once")
    }

    /// All lines that bill a part of a tenant's time, without taxes, on any document.
    ///
    /// - Parameters:
    ///   - currency: only lines in this currency; `nil` is all.
    ///   - isCredited: whether to return, instead, the lines that credit notes took back one by
    ///     one, as they stood on their invoice.
    func lines(
        of tenant: String, in period: Period, currency: Currency? = nil, isCredited: Bool = false
    ) throws -> [LineItem] {
        let issued = try db.lines(
            of: tenant, in: period, currency: currency, isCredited: isCredited, before: seal
        ).filter { !fullyCredited.contains($0.counted) }.map(\.line)
        guard !isCredited else { return issued }
        let drafted = drafts.map(\.prepared.draft).filter {
            $0.tenant == tenant && currency ?? $0.currency == $0.currency
        }
        return issued
            + drafted.flatMap(\.lines).filter { !$0.isTax && period.holds($0.period) }
    }
}

extension IssuedInvoices {
    /// An issued invoice as a stretch of its tenant's time.
    func stretch(_ base: Base, of tenant: String) throws -> BillingGroup.Stretch {
        let (draft, contract) = try document(base, of: tenant)
        return BillingGroup.Stretch(
            number: base.number, period: base.period, segments: draft.segments,
            contract: contract, rules: base.rules)
    }

    /// Invoices that share months, as groups of one currency each.
    func correctedGroups(_ bases: [Base], of tenant: String) throws -> [BillingGroup] {
        let around = try bases.flatMap { try document($0, of: tenant).draft.before }
        return BillingGroup.byCurrency(
            try bases.map { try stretch($0, of: tenant) }, around: around)
    }

    /// Rates a group as one invoice would, and subtracts what was billed.
    func rated(
        _ group: BillingGroup, _ tenant: String, _ usage: [AccountUsage]
    ) throws -> RatedGroup {
        guard let hull = group.hull, let currency = group.book?.currency else {
            return RatedGroup(withoutUsage: group)
        }
        return try group.rated(
            tenant, usage, billed: lines(of: tenant, in: hull, currency: currency),
            credited: lines(of: tenant, in: hull, currency: currency, isCredited: true))
    }

    /// The prices of meters that the books of issued invoices do not have.
    ///
    /// - Parameter books: the versions in force when the document is made.
    func latePrices(of tenant: String, _ books: PriceBooks) -> LatePrices {
        LatePrices(tenant: tenant, books: books) { meter, period in
            try db.billings(of: meter, tenant, in: period, before: seal)
                .filter { !fullyCredited.contains($0.number) }
                .map { try PriceBooks(db.priceBooks(at: $0.place)) }
        }
    }
}

/// Changes in the store that may alter the cost of invoiced time.
private struct Changes {
    /// Late entries of the ledger, and moves of hours between tenants.
    let all: LateChanges
    /// The first hour with open usage, in seconds since 1970; `nil` if open usage is ignored.
    let firstOpen: Int64?

    /// Whether any change may alter the cost of an invoice.
    ///
    /// - Parameters:
    ///   - entry: the ledger's newest entry that was compared; `nil` if that is not known.
    ///   - move: the newest move of hours that was compared; `nil` if that is not known.
    func touch(
        _ tenant: String, _ base: IssuedInvoices.Base, since entry: Int64?, _ move: Int64?
    ) -> Bool {
        let (start, end) = (base.months.start.seconds, base.months.end.seconds)
        guard let entry, let move else { return true }
        return firstOpen.map { $0 < end } ?? false
            || all.entries.contains { $0.entry > entry && $0.first < end && $0.last >= start }
            || all.moves.contains { $0.id > move && $0.tenant == tenant && $0.since < end }
    }
}
