import Enforcing
import BigInt
import Billing
import Host
import Reporting
import Store
import Units

/// Past usage of a container that is to move to another tenant, in a person's words.
public struct HandOverWords: Sendable {
    /// Its path, the end of its path, or its name.
    public var container: String
    /// Only hours of this tenant, or of nobody (`unattributed`); `nil` where only one has any.
    public var fromTenant: String?
    /// The first hour: a time of RFC 3339, or a date of the billing zone.
    public var from: String
    /// The end, exclusive; `nil` for the next full hour.
    public var to: String?
    /// Whether only imported hours move, and not those that were metered under the same name.
    public var isImported: Bool
    /// Why, for the record.
    public var reason: String?

    public init(
        container: String, fromTenant: String? = nil, from: String, to: String? = nil,
        isImported: Bool = false, reason: String? = nil
    ) {
        (self.container, self.fromTenant, self.from, self.to) = (container, fromTenant, from, to)
        (self.isImported, self.reason) = (isImported, reason)
    }
}

extension App {
    /// Moves past usage of a container to a tenant; the rules stay as they are.
    ///
    /// - Parameter isPlan: whether nothing is written.
    /// - Returns: how many hours moved, and what it does to each tenant's months.
    /// - Throws: `wrongUse` for words that name no hours, `badData` for an unknown container.
    public func assignUsage(
        to tenant: String, _ words: HandOverWords, isPlan: Bool = false
    ) throws(Fault) -> HandOver {
        let now = Host.wallTime()
        let next = now.startOfHour.advanced(bySeconds: 3600)
        let zone = try zone()
        let end = try words.to.map { text throws(Fault) in try wholeHour("--to", text, zone) }
        let start = try wholeHour("--from", words.from, zone)
        guard let period = Period(start: start, end: min(end ?? next, next)) else {
            throw Fault(
                .wrongUse, at: "--to", problem: "no hour between --from and it",
                suggestion: "Make it later than --from. Future hours are decided by rules")
        }
        let request = HandOverRequest(
            words.container, from: words.fromTenant, to: tenant, over: period,
            isImported: words.isImported, reason: words.reason, uid: requester.uid)
        let done = try store(.write).assign(request, isPlan: isPlan, in: zone, at: now)
        notify(
            isPlan
                ? Self.planned
                : "this is assignment \(done.number); octroi tenant unassign \(done.number) takes it "
                    + "back")
        return done
    }

    /// Gives the hours of an assignment back to whose they were.
    ///
    /// - Parameter isPlan: whether nothing is written.
    public func unassignUsage(_ number: Int64, isPlan: Bool = false) throws(Fault) -> HandOver {
        let done = try store(.write).unassign(
            number, isPlan: isPlan, in: zone(), at: Host.wallTime())
        notify(isPlan ? Self.planned : "assignment \(number) is taken back")
        return done
    }

    /// The assignments that can be taken back.
    public func assignments() throws(Fault) -> [Assignment] { try store(.read).assignments() }

    /// What is said of a plan.
    static let planned = "this was a plan; nothing was written"

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

/// The assignments, a row each.
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
    /// Whose hours moved, how many, and what that does to each tenant's months.
    public var sheet: Sheet {
        let rows = sides.map { side -> [Cell] in
            let money = side.money
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
