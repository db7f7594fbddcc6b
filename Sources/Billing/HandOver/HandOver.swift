import Store
import BigInt
import Metering
import Units

/// What hours that change hands come to.
public struct HandOver: Sendable {
    /// What takes it back.
    public var number: Int64
    /// How many accounts of the container's name have such hours.
    public var accounts: Int
    /// From the first of the hours to the last; `nil` if nothing was used in them.
    public var period: Period?
    public var sides: [Side]

    /// A tenant that gives hours, or the one that gets them.
    public struct Side: Sendable {
        public var tenant: String
        /// Hours with usage; below zero where they are given away.
        public var hours: Int64
        /// What its billing months cost before and after, net; `nil` where no price book says.
        public var money: Money?
    }

    /// An amount before and after, in minor units.
    public struct Money: Sendable {
        public var currency: Currency
        public var before: BigInt
        public var after: BigInt
    }
}

extension Store {
    /// Gives hours of a container to a tenant; invoices are corrected later.
    ///
    /// - Parameter isPlan: whether to roll everything back after finding out what would change.
    /// - Throws: if the name fits accounts of several, and it is not said whose are meant.
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

    /// Puts hours back to whose they were before an assignment.
    ///
    /// - Throws: if there is none of that number, it was undone, or hours of it changed hands since.
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

    /// Writes inside one transaction, or finds out what that would come to and keeps nothing of it.
    private func changingOwners<Value>(
        isPlan: Bool, at now: Instant, _ body: (WriteTransaction) throws -> Value
    ) throws(Fault) -> Value {
        try writing(isPlan: isPlan) { db in try db.closingTerms(at: now) { try body(db) } }
    }
}
