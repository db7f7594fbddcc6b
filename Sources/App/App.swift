import Enforcing
import Settings
import Store
import Units

/// Octroi as its users know it: one function for each verb, values in and values out.
///
/// The command line calls it, and so will the API and the pages: whatever a person can do has one function here, in
/// the folder of its subject. No function prints, and none reads the words of a command line.
///
/// ```swift
/// let app = App(configFolder: "/etc/octroi") { notice in print(notice) }
/// let period = try app.period(PeriodWords(month: "2026-10"))
/// for draft in try app.draftInvoices(over: period) { print(draft.tenant, draft.net) }
/// ```
public struct App: Sendable {
    /// The path of the store; `nil` for the one that octroi.yaml names.
    public let storePath: String?
    /// The folder of the YAML files and of the reports.
    public let configFolder: String
    /// Who asks, for the record of changes.
    public let requester: Requester
    /// Takes each line that a person should read besides the answer: a warning, or what was done along the way.
    let notify: @Sendable (String) -> Void

    /// Where a store is if nobody names another.
    public static let defaultStore = "/var/lib/octroi/octroi.db"

    /// - Parameter notify: takes each line that a person should read besides the answer.
    public init(
        store: String? = nil, configFolder: String, requester: Requester = Requester(),
        notify: @escaping @Sendable (String) -> Void
    ) {
        (storePath, self.configFolder) = (store, configFolder)
        (self.requester, self.notify) = (requester, notify)
    }

    /// Reads octroi.yaml.
    ///
    /// - Throws: `badData` with line and key for a mistake in it.
    public func settings() throws(Fault) -> Settings { try Settings(folder: configFolder) }

    /// The cgroup tree: the one that is named, or that of octroi.yaml; `nil` for the host's.
    func treePath(_ named: String?) throws(Fault) -> String? {
        if let named { return named }
        return try settings().cgroupRoot
    }

    /// The billing zone, whose days and months are those of invoices.
    public func zone() throws(Fault) -> BillingZone { try settings().zone }

    /// Opens the store.
    ///
    /// - Throws: `unavailable` if there is none to read; one to write is made.
    public func store(_ access: Store.Access) throws(Fault) -> Store {
        var path = storePath
        if path == nil { path = try settings().store }
        let store = try Store(at: path ?? Self.defaultStore, for: access)
        if let copy = store.copyOfOld {
            notify("the store has a newer schema now; as it was before, it is in \(copy)")
        }
        if access == .write { try tellWhoseItIs(store) }
        return store
    }

    /// Says it of a store that is not this host's own.
    func tellWhoseItIs(_ store: Store) throws(Fault) {
        guard let why = try store.whyNotOwn() else { return }
        notify(
            "\(escapingControlCharacters(store.path)): \(escapingControlCharacters(why)); it writes "
                + "no limits until octroi store adopt makes it this host's own")
    }

    /// Says that months begin at another time than those of the last invoice did.
    func warnOfOtherZone(than zone: BillingZone, in store: Store) throws(Fault) {
        guard let last = try store.zoneOfLastInvoice(), last != zone.description else { return }
        notify(
            "time_zone is \(zone), and the last invoice was of \(last): months and days begin at "
                + "other times now. Invoice what lies between with --from and --to")
    }

    /// Says the first of many lines, and how many more there are.
    ///
    /// - Parameter elsewhere: where the rest can be read; `nil` if nowhere.
    func notify(first count: Int, of lines: [String], elsewhere: String?) {
        for line in lines.prefix(count) { notify(line) }
        guard lines.count > count else { return }
        let rest = elsewhere.map { ": \($0)" } ?? " like these"
        notify("and \(lines.count - count) more\(rest)")
    }
}
