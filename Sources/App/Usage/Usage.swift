import Host
import Metering
import Reporting
import Store
import Units

/// Usage of a period, and what else is told of it.
public struct UsageAnswer: Sendable {
    public var period: Period
    public var usage: [Usage]
    /// When limits of whom were boosted in the period.
    public var boosts: [BoostedSpan]
    /// Units of meters that are imported, by meter.
    public var customUnits: [String: String]
}

extension App {
    /// Usage of a period.
    ///
    /// - Parameters:
    ///   - tenant: only this one, or `unattributed`; `nil` for all.
    ///   - grouping: what each row adds up.
    /// - Throws: `badData` for an unknown tenant.
    public func usage(
        over period: Period, by grouping: UsageGrouping, tenant: String? = nil
    ) throws(Fault) -> UsageAnswer {
        let store = try store(.read)
        try store.requireTenant(tenant, orNobody: true)
        let usage = try store.usage(over: period, by: grouping, tenant: tenant, in: zone())
        return UsageAnswer(
            period: period, usage: usage,
            boosts: try store.boostedSpans(over: period, at: Host.wallTime()),
            customUnits: try store.customUnits())
    }

    /// Imports usage that another source measured, all rows or none.
    ///
    /// Notices are what a person should check of the file; the design of the file is in docs/quick-start.md.
    ///
    /// - Parameter file: the path of a CSV file.
    /// - Throws: with file and line, for the first row that cannot be taken.
    public func importUsage(_ file: String) throws(Fault) -> ImportOutcome {
        do throws(Fault) {
            let source = try FileReader(file)
            let zone = try zone()
            let store = try store(.write)
            try warnOfOtherZone(than: zone, in: store)
            var reader = try UsageImportReader { () throws(Fault) in try source.read() }
            let outcome = try store.importUsage(in: zone, at: Host.wallTime()) {
                () throws(Fault) in try reader.next()
            }
            for warning in outcome.warnings { notify("\(file), \(warning)") }
            return outcome
        } catch {
            // The parser and the store know the line, not the file.
            throw error.location.hasPrefix("line ") ? error.within("\(file), ") : error
        }
    }
}

extension UsageAnswer {
    public var sheet: Sheet {
        var sheet = usageSheet(usage, customUnits: customUnits, boosted: boosts.milliseconds)
        // An empty answer says of what time.
        if sheet.rows.isEmpty { sheet.title = "\(period.start) to \(period.end)" }
        return sheet
    }
}

extension ImportOutcome {
    public var sheet: Sheet {
        Sheet(
            columns: ["added", "there_already"],
            rows: [[.integer(Int128(added)), .integer(Int128(thereAlready))]])
    }
}
