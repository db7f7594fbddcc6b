import BigInt
import GRDB
import Metering
import Units

/// Hours of a container that are to be given to a tenant.
public struct HandOverRequest: Sendable {
    /// A path or an imported name; every life of it counts.
    public var container: String
    /// Only hours that are this tenant's now, or nobody's ("unattributed").
    public var from: String?
    public var to: String
    public var period: Period
    /// Only hours that were imported, not those that Octroi metered under the same name.
    public var isImported: Bool
    public var reason: String?
    /// The user who asks.
    public var uid: Int64

    public init(
        _ container: String, from: String? = nil, to: String, over period: Period,
        isImported: Bool = false, reason: String? = nil, uid: Int64 = 0
    ) {
        (self.container, self.from, self.to, self.period) = (container, from, to, period)
        (self.isImported, self.reason, self.uid) = (isImported, reason, uid)
    }
}

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
    /// Writes inside one transaction, or finds out what that would come to and keeps nothing of it.
    private func write<Value>(
        isPlan: Bool, at now: Instant, _ body: (Database) throws -> Value
    ) throws(Fault) -> Value {
        try storeErrors(path) {
            var value: Value?
            try database.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    value = try closingTerms(db, at: now) { try body(db) }
                    return isPlan ? .rollback : .commit
                }
            }
            guard let value else { preconditionFailure("a transaction that gave no value") }
            return value
        }
    }

    /// Gives hours of a container to a tenant; invoices are corrected later.
    ///
    /// - Parameter isPlan: whether to roll everything back after finding out what would change.
    /// - Throws: if the name fits accounts of several, and it is not said whose are meant.
    public func assign(
        _ request: HandOverRequest, isPlan: Bool = false, in zone: BillingZone = .utc,
        at now: Instant
    ) throws(Fault) -> HandOver {
        try write(isPlan: isPlan, at: now) { db in
            guard try loadTenants(db).contains(where: { $0.id == request.to }) else {
                throw noTenant(request.to)
            }
            let moves = try moves(db, request)
            return try handOver(db, moves, zone) {
                let number = try record(db, request, moves.map(\.stretch), at: now)
                for move in moves {
                    var stretch = move.stretch
                    try noteInvoiced(db, stretch, to: request.to, at: now)
                    stretch.tenant = request.to
                    try give(db, stretch)
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
        try write(isPlan: isPlan, at: now) { db in
            let (tenant, parts) = try recorded(db, number)
            let moves = try parts.map { part in
                var stretch = part
                stretch.tenant = tenant
                return Move(stretch: stretch, hours: try usedHours(db, part), to: part.tenant)
            }
            return try handOver(db, moves, zone) {
                try db.run(
                    "UPDATE hand_over SET undone_ms = ? WHERE id = ?",
                    [now.milliseconds, number])
                for part in parts {
                    var stretch = part
                    stretch.tenant = tenant
                    if let to = part.tenant { try noteInvoiced(db, stretch, to: to, at: now) }
                    try give(db, part)
                }
                return number
            }
        }
    }

    /// The assignments that were not undone, newest first.
    public func assignments() throws(Fault) -> [Assignment] {
        try read { db in
            try db.rows(
                "SELECT * FROM hand_over WHERE undone_ms IS NULL ORDER BY id DESC"
            ).map { row in
                Assignment(
                    number: row["id"], at: Instant(milliseconds: row["at_ms"]), uid: row["uid"],
                    container: row["container"], tenant: row["tenant"], reason: row["reason"])
            }
        }
    }
}

/// Hours that were given to a tenant by hand.
public struct Assignment: Sendable {
    public var number: Int64
    public var at: Instant
    public var uid: Int64
    public var container: String
    public var tenant: String
    public var reason: String?
}

/// A stretch with whose it is now, and whose it will be.
struct Move {
    var stretch: Stretch
    var hours: (first: Int64, last: Int64, count: Int64)?
    var to: String?
}
