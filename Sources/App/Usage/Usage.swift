import Host
import Metering
import Reporting
import Store
import Units

/// The usage of a period, and what is needed to show it.
public struct UsageAnswer: Sendable {
    /// The period that was asked for.
    public var period: Period
    /// The usage, added up by the grouping.
    public var usage: [Usage]
    /// The times in which limits were boosted.
    public var boosts: [BoostedSpan]
    /// The base units of imported meters, by meter.
    public var customUnits: [String: String]
}

extension App {
    /// The usage of a period, added up.
    ///
    /// - Parameters:
    ///   - grouping: whether to add up by tenant, container, hour, day or meter.
    ///   - tenant: only this tenant, or `unattributed`; `nil` for all.
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

    /// Imports usage that another source measured: all rows or none.
    ///
    /// Rows that were imported before are skipped. Notices name rows that may be mistakes.
    /// docs/quick-start.md has an example of a file.
    ///
    /// - Parameter file: the path of a CSV file with the columns
    ///   `start,end,tenant,container,meter,quantity`.
    /// - Throws: `badData` with file and line of the first row that is not accepted.
    public func importUsage(_ file: String) throws(Fault) -> ImportOutcome {
        do throws(Fault) {
            let source = try FileReader(file)
            let zone = try zone()
            let store = try store(.write)
            try warnOfOtherZone(than: zone, in: store)
            if let words = try store.keepDaySums(in: zone).words { notify(words) }
            var reader = try UsageImportReader { () throws(Fault) in try source.read() }
            let outcome = try store.importUsage(in: zone, at: Host.wallTime()) {
                () throws(Fault) in try reader.next()
            }
            for warning in outcome.warnings { notify("\(file), \(warning)") }
            return outcome
        } catch {
            // The reader and the store know the line of a mistake, but not the file.
            throw error.location.hasPrefix("line ") ? error.within("\(file), ") : error
        }
    }
}

extension UsageAnswer {
    /// The usage, one row each; if nothing was used, the title still names the period.
    public var sheet: Sheet {
        var sheet = usageSheet(usage, customUnits: customUnits, boosted: boosts.milliseconds)
        if sheet.rows.isEmpty { sheet.title = "\(period.start) to \(period.end)" }
        return sheet
    }
}

extension ImportOutcome {
    /// The numbers of rows that were added, and that were there already.
    public var sheet: Sheet {
        Sheet(
            columns: ["added", "there_already"],
            rows: [[.integer(Int128(added)), .integer(Int128(thereAlready))]])
    }
}
