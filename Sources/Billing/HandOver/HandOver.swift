import Store
import BigInt
import Metering
import Units

/// The effect of giving hours of a container to another tenant.
///
/// Example: three hours of `train-1` move from `shop` to `acme`. Then `sides` has `acme` with 3
/// hours and `shop` with -3 hours, each with the cost of its month before and after.
public struct HandOver: Sendable {
    /// The number of the assignment, which `unassign` takes.
    public var number: Int64
    /// The number of accounts (lives of the container) that have such hours.
    public var accounts: Int
    /// The time from the first of the hours to the last; `nil` if nothing was used in them.
    public var period: Period?
    /// The tenants that lose or gain hours, by id.
    public var sides: [Side]

    /// A tenant that gives hours away, or the one that gets them.
    public struct Side: Sendable {
        /// The id of the tenant, or `unattributed`.
        public var tenant: String
        /// The number of hours with usage, added up over accounts; negative if given away.
        public var hours: Int64
        /// The net cost of the tenant's months; `nil` if its price book does not cover them.
        public var money: Money?
    }

    /// An amount before and after the change, in minor units.
    public struct Money: Sendable {
        /// The currency of the tenant's price book.
        public var currency: Currency
        /// The net cost before the change.
        public var before: BigInt
        /// The net cost after the change.
        public var after: BigInt
    }
}

extension Store {
    /// Gives past hours of a container to a tenant.
    ///
    /// Invoices do not change: the next invoice of each tenant corrects those that billed the
    /// hours. Rules for new containers stay as they are.
    ///
    /// - Parameters:
    ///   - request: the container, the hours, and the tenant that gets them.
    ///   - isPlan: whether everything is rolled back once the effect is known.
    ///   - zone: the zone whose months are compared.
    /// - Returns: the effect.
    /// - Throws: `badData` if the tenant or container is unknown, no hours with usage match, or the
    ///   name fits accounts of several tenants and the request does not name one.
    public func assign(
        _ request: HandOverRequest, isPlan: Bool = false, in zone: BillingZone = .utc,
        at now: Instant
    ) throws(Fault) -> HandOver {
        try changingOwners(isPlan: isPlan, at: now) { db in
            guard try db.reading.tenants().contains(where: { $0.id == request.to }) else {
                throw Fault.noTenant(request.to)
            }
            let moves = try db.reading.moves(request)
            return try handOver(db.reading, moves, zone) {
                let number = try db.record(request, moves.map(\.stretch), at: now)
                for move in moves {
                    var stretch = move.stretch
                    try db.recordInvoiced(stretch, to: request.to, at: now)
                    stretch.tenant = request.to
                    try db.give(stretch)
                }
                return number
            }
        }
    }

    /// Undoes an assignment: gives its hours back to those who had them before.
    ///
    /// - Parameters:
    ///   - number: the number of the assignment, from `HandOver.number`.
    ///   - isPlan: whether everything is rolled back once the effect is known.
    /// - Throws: if there is no such assignment, it was undone, or some of its hours were given to
    ///   somebody else since.
    public func unassign(
        _ number: Int64, isPlan: Bool = false, in zone: BillingZone = .utc, at now: Instant
    ) throws(Fault) -> HandOver {
        try changingOwners(isPlan: isPlan, at: now) { db in
            let (tenant, parts) = try db.reading.assignment(number)
            let moves = try parts.map { part in
                var stretch = part
                stretch.tenant = tenant
                let hours = try db.reading.usedHours(part)
                return Move(stretch: stretch, hours: hours, to: part.tenant)
            }
            return try handOver(db.reading, moves, zone) {
                try db.markUndone(number, at: now)
                for part in parts {
                    var stretch = part
                    stretch.tenant = tenant
                    if let to = part.tenant { try db.recordInvoiced(stretch, to: to, at: now) }
                    try db.give(part)
                }
                return number
            }
        }
    }

    /// Runs a change in one transaction that also records the changed terms in the ledger's chain.
    ///
    /// - Parameter isPlan: whether to roll the change back and return only its effect.
    private func changingOwners<Value>(
        isPlan: Bool, at now: Instant, _ body: (WriteTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try writing(isPlan: isPlan) { db in try db.closingTerms(at: now) { try body(db) } }
    }
}
