import Metering
import Reporting
import Store
import Units

/// Whether usage equals the kernel's counters, for each tenant root.
public struct AuditAnswer: Sendable {
    /// For each tenant root and meter: the total of its counter, and the usage in the ledger.
    public var rows: [AuditRow]
    /// Time in which a meter that a price book prices was not measured.
    public var unmeasured: [Unmeasured]
    /// Usage that was both metered and imported.
    public var countedTwice: [CountedTwice]
    /// Sentences about price books, tenants and owners of hours that were changed without Octroi.
    public var damage: [String]

    /// The totals, one row each; `difference` is `usage` + `pending` - `kernel`.
    public var sheet: Sheet {
        Sheet(
            columns: ["tenant", "root", "meter", "kernel", "usage", "pending", "difference"],
            rows: rows.map { row in
                [
                    .text(row.tenant ?? Tenant.unattributed), .text(row.root),
                    .text(row.meter.name), .integer(row.kernel), .integer(row.usage),
                    .integer(row.pending), .integer(row.difference),
                ]
            })
    }

    /// The worst finding as a fault; `nil` if all is well.
    ///
    /// Changed terms come first, then differences, usage that counts twice, and unmeasured time.
    public var fault: Fault? { damageFault ?? differenceFault ?? twiceFault ?? unmeasuredFault }

    /// The fault of terms that were changed without Octroi.
    private var damageFault: Fault? {
        guard !damage.isEmpty else { return nil }
        return Fault(
            .failed, at: "the store",
            problem: damage.count == 1
                ? "1 place that decides an amount is not as Octroi wrote it"
                : "\(damage.count) places that decide amounts are not as Octroi wrote them",
            suggestion:
                "Keep the file as it is for whoever looks into it, and go on from a backup; "
                + "octroi apply --plan says where tenants and prices differ from your files")
    }

    /// The fault of the first total that differs.
    private var differenceFault: Fault? {
        guard let wrong = rows.first(where: { $0.difference != 0 }) else { return nil }
        return Fault(
            .failed, at: "\(wrong.root), \(wrong.meter)",
            problem: "the ledger holds \(wrong.usage), the kernel counted \(wrong.kernel)",
            suggestion:
                "Something other than Octroi changed the store, or this is a bug: report it "
                + "with the output of octroi audit")
    }

    /// The fault of usage that would be billed twice.
    private var twiceFault: Fault? {
        guard let first = countedTwice.first else { return nil }
        let more =
            countedTwice.count == 1
            ? "" : " and \(countedTwice.count - 1) more, listed above,"
        return Fault(
            .failed, at: "audit",
            problem:
                "\(escapingControlCharacters(first.container)), \(first.meter)\(more): metered "
                + "and imported for the same time, so billed twice",
            suggestion:
                "Give the imported hours to a tenant that is not to be invoiced: octroi tenant "
                + "assign TENANT --container NAME --imported --from TIME")
    }

    /// The fault of kernel files that exist and could not be read.
    ///
    /// A controller that is off is not a fault: there is no counter to compare with.
    private var unmeasuredFault: Fault? {
        let faults = unmeasured.filter(\.isFault)
        guard let first = faults.first else { return nil }
        return Fault(
            .failed, at: escapingControlCharacters(first.container),
            problem: "a priced meter was not measured, \(faults.count) times in all",
            suggestion: "Fix the causes above; octroi report unmetered lists them all")
    }
}

extension App {
    /// Compares the ledger with the total of each tenant root.
    ///
    /// Price books, tenants and owners of hours are compared with the ledger's chain, too. Notices
    /// list what was not measured, what counts twice, and what was changed without Octroi.
    ///
    /// - Parameter period: `nil` for all time.
    /// - Throws: the store's fault. Findings are not thrown; see `AuditAnswer.fault`.
    public func audit(over period: Period? = nil) throws(Fault) -> AuditAnswer {
        let store = try store(.read)
        let answer = AuditAnswer(
            rows: try store.audit(over: period), unmeasured: try store.unmeasured(over: period),
            countedTwice: try store.countedTwice(over: period), damage: try store.verifyTerms())
        if try !store.wasMetered(over: period) {
            let time = period.map { "between \($0.start) and \($0.end)" } ?? "ever"
            notify("nothing was metered \(time): there is nothing to compare")
        }
        notify(
            first: 20, of: answer.unmeasured.map { "tenant \($0.tenant), \($0.text)" },
            elsewhere: "octroi report unmetered")
        notify(
            first: 20, of: answer.countedTwice.map { "tenant \($0.tenant), \($0.text)" },
            elsewhere: nil)
        for line in answer.damage { notify(line) }
        return answer
    }
}
