import Enforcing
import BigInt
import Billing
import Host
import Reporting
import Store
import Units

/// Past usage that is to move to another tenant, as a person writes it.
///
/// Example: `HandOverWords(container: "train-1", from: "2026-10-01", reason: "wrong label")`.
public struct HandOverWords: Sendable {
    /// The container's path, the end of it, or its name.
    public var container: String
    /// Only hours of this tenant, or `unattributed`; `nil` if a single tenant has any.
    public var fromTenant: String?
    /// The first hour: an RFC 3339 time, or a date of the billing zone.
    public var from: String
    /// The end, exclusive; `nil` for the end of the hour that is running.
    public var to: String?
    /// Whether to move only imported hours, and not those metered under the same name.
    public var isImported: Bool
    /// Why, for the record.
    public var reason: String?

    /// Selects all hours of a container from a time on, unless it is narrowed.
    public init(
        container: String, fromTenant: String? = nil, from: String, to: String? = nil,
        isImported: Bool = false, reason: String? = nil
    ) {
        (self.container, self.fromTenant, self.from, self.to) = (container, fromTenant, from, to)
        (self.isImported, self.reason) = (isImported, reason)
    }
}

extension App {
    /// Moves past usage of a container to a tenant.
    ///
    /// The rules stay as they are, so future usage does not move. The next invoices correct those
    /// that billed the hours. A notice has the number with which this can be undone.
    ///
    /// - Parameters:
    ///   - tenant: the id of the tenant that gets the usage.
    ///   - isPlan: whether to show the effect without moving anything.
    /// - Returns: the hours that moved, and the cost of each tenant's months before and after.
    /// - Throws: `wrongUse` for words that are not whole ledger hours; `badData` for an unknown
    ///   tenant or container, and if nothing was used in the hours.
    public func assignUsage(
        to tenant: String, _ words: HandOverWords, isPlan: Bool = false
    ) throws(Fault) -> HandOver {
        let now = Host.wallTime()
        let next = now.startOfHour.advanced(bySeconds: 3600)
        let zone = try zone()
        let end = try words.to.map { text throws(Fault) in try wholeHour("--to", text, zone) }
        let start = try wholeHour("--from", words.from, zone)
        // Rules decide who owns future hours, so the period ends now at the latest.
        guard let period = Period(start: start, end: min(end ?? next, next)) else {
            throw Fault(
                .wrongUse, at: "--to", problem: "no hour is between --from and --to",
                suggestion: "Make it later than --from. Future hours are decided by rules")
        }
        let request = HandOverRequest(
            words.container, from: words.fromTenant, to: tenant, over: period,
            isImported: words.isImported, reason: words.reason, uid: requester.uid)
        let done = try store(.write).assign(request, isPlan: isPlan, in: zone, at: now)
        notify(
            isPlan
                ? Self.planned
                : "assignment \(done.number): octroi tenant unassign \(done.number) undoes it")
        return done
    }

    /// Undoes an assignment: its hours go back to their former owners.
    ///
    /// - Parameters:
    ///   - number: the number of the assignment.
    ///   - isPlan: whether to show the effect without moving anything.
    /// - Throws: if there is no such assignment, it was undone, or some of its hours moved again
    ///   since.
    public func unassignUsage(_ number: Int64, isPlan: Bool = false) throws(Fault) -> HandOver {
        let done = try store(.write).unassign(
            number, isPlan: isPlan, in: zone(), at: Host.wallTime())
        notify(isPlan ? Self.planned : "assignment \(number) was undone")
        return done
    }

    /// The assignments that were not undone, newest first.
    public func assignments() throws(Fault) -> [Assignment] { try store(.read).assignments() }

    /// The notice that ends every plan.
    static let planned = "this was a plan; nothing was written"

    /// Parses a time at which a ledger hour begins.
    ///
    /// - Throws: `wrongUse` for any other text.
    private func wholeHour(
        _ option: String, _ text: String, _ zone: BillingZone
    ) throws(Fault) -> Instant {
        let hour = try readTime(option, text, in: zone)
        guard zone.isLedgerHour(hour) else {
            throw Fault(
                .wrongUse, at: option, problem: quoted(text),
                suggestion: "Write a whole UTC hour, such as 2026-10-01T00:00:00Z, or a date")
        }
        return hour
    }
}

/// Assignments, one row each.
public func assignmentSheet(_ assignments: [Assignment]) -> Sheet {
    Sheet(
        columns: ["assignment", "at", "uid", "container", "tenant", "reason"],
        rows: assignments.map {
            [
                .integer(Int128($0.number)), .time($0.at), .integer(Int128($0.uid)),
                .text($0.container), .text($0.tenant), .optional($0.reason),
            ]
        })
}

extension HandOver {
    /// The tenants that lose or gain hours, one row each, with the net cost of their months.
    public var sheet: Sheet {
        let rows = sides.map { side -> [Cell] in
            let money = side.money
            /// An amount in the side's currency; empty if it is not known.
            func cell(_ amount: BigInt?) -> Cell {
                guard let currency = money?.currency, let amount else { return .none }
                return .exact(currency.text(amount))
            }
            return [
                .text(side.tenant), .integer(Int128(side.hours)), cell(money?.before),
                cell(money?.after), .optional(money?.currency.code),
            ]
        }
        return Sheet(
            columns: ["tenant", "hours", "net_before", "net_after", "currency"], rows: rows,
            title: period.map {
                "\(accounts) container\(accounts == 1 ? "" : "s"), \($0.start) to \($0.end); net of "
                    + "the months it touches"
            })
    }
}
