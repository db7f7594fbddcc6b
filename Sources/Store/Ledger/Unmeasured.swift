import Foundation
import GRDB
import Invoicing
import Metering
import Units

/// Time of a tenant's container in which a priced meter was not measured.
public struct Unmeasured: Hashable, Sendable {
    public var tenant: String
    public var container: String
    /// The names of the meters, separated by commas.
    public var meters: String
    public var since: Instant
    public var until: Instant
    public var absence: Absence
    public var file: String
    /// Whether nothing is lost, because the kernel counted on and the next reading was billed.
    public var isMadeGood: Bool

    /// One sentence, as it is printed on an invoice.
    public var text: String { caveat.text }

    /// The caveat of an invoice over that time.
    public var caveat: MeteringCaveat {
        .unmeasured(
            .init(
                container: escapingControlCharacters(container),
                meters: meters.components(separatedBy: ", "), since: since, until: until,
                file: file == Absence.wholeCgroup ? "its cgroup" : file,
                reason: absence.reason.rawValue, detail: escapingControlCharacters(absence.detail),
                isMadeGood: isMadeGood))
    }

    /// Whether a file exists and could not be read, so that the operator should act.
    public var isFault: Bool {
        switch absence.reason {
        case .malformed, .notPermitted, .incomplete, .failed: !isMadeGood
        case .controllerOff, .hostNamespace, .sharedNamespace: false
        }
    }
}

extension Store {
    /// The time of all tenants in which a priced meter was not measured.
    ///
    /// - Parameter period: `nil` for all time.
    public func unmeasured(over period: Period?) throws(Fault) -> [Unmeasured] {
        try read { try Store.unmeasuredTime($0, of: nil, over: period ?? .allTime) }
    }

    /// The time in a period in which a priced meter was not measured, in order of time.
    ///
    /// - Parameter tenant: `nil` for all.
    static func unmeasuredTime(
        _ db: Database, of tenant: String?, over period: Period
    ) throws -> [Unmeasured] {
        // A condition without NULL lets SQLite begin with one tenant's containers. That matters,
        // because issuing asks for each tenant.
        let ofTenant = tenant == nil ? "" : "tenant = :tenant AND"
        var arguments: StatementArguments = [
            "from": period.start.milliseconds, "to": period.end.milliseconds,
        ]
        if let tenant { arguments += ["tenant": tenant] }
        return try db.rows(
            """
            SELECT * FROM unmeasured_time
            WHERE \(ofTenant) since_ms < :to AND until_ms > :from
            ORDER BY since_ms, path, file, meters
            """,
            arguments
        ).compactMap { row in
            Absence.Reason(rawValue: row["reason"]).map {
                Unmeasured(
                    tenant: row["tenant"], container: row["path"], meters: row["meters"],
                    since: max(Instant(milliseconds: row["since_ms"]), period.start),
                    until: min(Instant(milliseconds: row["until_ms"]), period.end),
                    absence: Absence($0, detail: row["detail"]), file: row["file"],
                    isMadeGood: row["is_made_good"])
            }
        }
    }
}
