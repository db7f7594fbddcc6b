import ArgumentParser
import Daemon
import Glibc
import Reporting
import Settings
import Store
import Synchronization
import Units

/// Where the store and the config folder are.
struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The store (OCTROI_DB).", discussion: "Default: /var/lib/octroi/octroi.db.",
            valueName: "path"))
    var db: String?

    @Option(
        help: ArgumentHelp(
            "The config folder (OCTROI_CONFIG).", discussion: "Default: /etc/octroi.",
            valueName: "dir"))
    var config: String?

    func validate() throws {
        for (option, path) in [("--db", db), ("--config", config)] where path?.isEmpty == true {
            throw ValidationError("\(option): the path is empty. Give it one, or leave it out.")
        }
    }

    var configFolder: String { config ?? environment("OCTROI_CONFIG") ?? "/etc/octroi" }

    func settings() throws(Fault) -> Settings {
        warnOfOpenFiles(in: configFolder)
        return try Settings(folder: configFolder)
    }

    /// Opens the store that `--db`, `OCTROI_DB` or octroi.yaml names.
    func store(_ access: Store.Access) throws(Fault) -> Store {
        warnOfOpenFiles(in: configFolder)
        var path = db ?? environment("OCTROI_DB")
        if path == nil { path = try settings().store }
        let store = try Store(at: path ?? "/var/lib/octroi/octroi.db", for: access)
        if let copy = store.copyOfOld {
            printError(
                "octroi: the store has a newer schema now; as it was before, it is in \(copy)")
        }
        if access == .write { try tellWhoseItIs(store) }
        return store
    }
}

private let hasWarned = Atomic(false)

/// Says, once, which settings everybody on the host may change.
private func warnOfOpenFiles(in folder: String) {
    guard !hasWarned.exchange(true, ordering: .relaxed) else { return }
    for path in writableByAll(in: folder) {
        printError(
            "octroi: \(escapingControlCharacters(path)): every user may write it, and so decide what it says; chmod o-w it"
        )
    }
}

/// Refuses, for a service, settings that everybody on the host may change.
func refuseOpenFiles(in folder: String) throws(Fault) {
    guard let path = writableByAll(in: folder).first else { return }
    throw Fault(
        .notPermitted, at: escapingControlCharacters(path),
        problem: "every user may write it, and the service obeys it",
        suggestion: "Take that right away: chmod o-w")
}

/// Says it of a store that is not this host's own.
func tellWhoseItIs(_ store: Store) throws(Fault) {
    guard let why = try store.whyNotOwn() else { return }
    printError(
        "octroi: \(escapingControlCharacters(store.path)): \(escapingControlCharacters(why)); it writes no limits until octroi store "
            + "adopt makes it this host's own")
}

/// How to print.
struct FormatOptions: ParsableArguments {
    @Option(help: "How to print: table (for people, may change), csv or json.")
    var format: Format = .table
}

extension Format: ExpressibleByArgument {}

/// A period of whole hours of the ledger.
struct PeriodOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A month, such as 2026-11, in the billing zone (time_zone: in octroi.yaml; UTC if it has none).",
            valueName: "month"))
    var month: String?

    @Option(
        help: ArgumentHelp(
            "The start, inclusive: 2026-11-01T00:00:00Z, or 2026-11-01, a day in the billing zone.",
            valueName: "time"))
    var from: String?

    @Option(
        help: ArgumentHelp(
            "The end, exclusive; as --from. Without it, --from reaches to the end of this hour.",
            valueName: "time"))
    var to: String?

    var isGiven: Bool { month != nil || from != nil || to != nil }

    /// The period that was asked for.
    ///
    /// - Throws: `wrongUse` for a text that is none, or that cuts an hour.
    func period(in zone: BillingZone) throws(Fault) -> Period {
        let now = Host.wallTime()
        if let month {
            guard from == nil, to == nil else {
                throw wrong(
                    "--month", "--from or --to is given, too",
                    "Give the month, or --from and --to")
            }
            guard let period = zone.month(month) else {
                throw wrong("--month", quoted(month), "Write a month as 2026-11")
            }
            return period
        }
        guard let from else {
            guard to == nil else { throw wrong("--to", "no --from", "Give both ends") }
            return zone.month(of: now)
        }
        let start = try readTime("--from", from, in: zone)
        let end =
            try to.map { text throws(Fault) in try readTime("--to", text, in: zone) }
            ?? now.startOfHour.advanced(bySeconds: 3600)
        guard let period = Period(start: start, end: end) else {
            if to == nil {
                throw wrong(
                    "--from", "\(start), which is still to come",
                    "Give a start in the past, or --to")
            }
            throw wrong(
                "--to", "\(end), which is not after \(start)", "Make the end later than the start")
        }
        for (option, time) in [("--from", period.start), ("--to", period.end)]
        where !zone.isLedgerHour(time) {
            throw wrong(
                option, "\(time), which cuts an hour",
                "Give a date or a whole UTC hour: usage is kept by the hour")
        }
        return period
    }

    private func wrong(_ place: String, _ found: String, _ suggestion: String) -> Fault {
        Fault(.wrongUse, at: place, problem: found, suggestion: suggestion)
    }
}

/// Says that months begin at another time than those of the last invoice did.
func warnOfOtherZone(than zone: BillingZone, in store: Store) throws(Fault) {
    guard let last = try store.zoneOfLastInvoice(), last != zone.description else { return }
    printError(
        "octroi: time_zone is \(zone), and the last invoice was of \(last): months and days begin at "
            + "other times now. Invoice what lies between with --from and --to")
}

/// Reads a time: RFC 3339, or a bare date for the start of that day in the billing zone.
func readTime(
    _ option: String, _ text: String, in zone: BillingZone
) throws(Fault) -> Instant {
    guard let instant = Instant(rfc3339: text) ?? zone.day(text)?.start, instant.isBillable else {
        throw Fault(
            .wrongUse, at: option, problem: quoted(text),
            suggestion: "Write an RFC 3339 time after 1970, such as 2026-11-01T00:00:00Z, or a date"
        )
    }
    return instant
}

/// Reads a duration option.
func milliseconds(_ option: String, _ text: String) throws(Fault) -> Int64 {
    guard let value = parseMilliseconds(text) else {
        throw Fault(
            .wrongUse, at: option, problem: quoted(text),
            suggestion: "Write \(durationText)")
    }
    return value
}

func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
