import Enforcing
import Settings
import Store
import Units

/// Octroi as its users know it: one function for each verb, values in and values out.
///
/// The command line calls these functions. The API and the pages will call them, too. Everything
/// that a person can do has one function here, in the folder of its subject. No function prints,
/// and none parses the arguments of a command line.
///
/// ```swift
/// let app = App(configFolder: "/etc/octroi") { notice in print(notice) }
/// let period = try app.period(PeriodWords(month: "2026-10"))
/// for draft in try app.draftInvoices(over: period) { print(draft.tenant, draft.net) }
/// ```
public struct App: Sendable {
    /// The path of the store; `nil` for the one that octroi.yaml names.
    public let storePath: String?
    /// The folder with the YAML files; its folder `reports` holds the operator's own reports.
    public let configFolder: String
    /// The user who asks, for the record of changes.
    public let requester: Requester
    /// Receives notices: lines that a person should read besides the answer.
    ///
    /// A notice is a warning, or says what was done along the way.
    let notify: @Sendable (String) -> Void

    /// The path of the store if neither the caller nor octroi.yaml names one.
    public static let defaultStore = "/var/lib/octroi/octroi.db"

    /// Sets up the functions; nothing is opened or read yet.
    ///
    /// - Parameters:
    ///   - store: the path of the store; `nil` for the one that octroi.yaml names.
    ///   - configFolder: the folder with the YAML files.
    ///   - requester: by default the user of this process.
    ///   - notify: receives each notice, without a newline.
    public init(
        store: String? = nil, configFolder: String, requester: Requester = Requester(),
        notify: @escaping @Sendable (String) -> Void
    ) {
        (storePath, self.configFolder) = (store, configFolder)
        (self.requester, self.notify) = (requester, notify)
    }

    /// Reads octroi.yaml; without the file all settings have their defaults.
    ///
    /// - Throws: `badData` with line and key for a mistake in it.
    public func settings() throws(Fault) -> Settings { try Settings(folder: configFolder) }

    /// The path of the cgroup tree; `nil` for the host's.
    ///
    /// - Parameter named: a path that the caller gave; without it the one in octroi.yaml counts.
    func treePath(_ named: String?) throws(Fault) -> String? {
        if let named { return named }
        return try settings().cgroupRoot
    }

    /// The billing zone: its days and months are those of invoices.
    public func zone() throws(Fault) -> BillingZone { try settings().zone }

    /// Opens the store, and creates it if it is to be written and does not exist.
    ///
    /// A notice says if the schema was upgraded, or if the store does not belong to this host.
    ///
    /// - Throws: `unavailable` if there is no store to read; otherwise as `Store.init` does.
    public func store(_ access: Store.Access) throws(Fault) -> Store {
        var path = storePath
        if path == nil { path = try settings().store }
        let store = try Store(at: path ?? Self.defaultStore, for: access)
        if let copy = store.copyOfOld {
            notify("the store now has a newer schema; a copy of the old store is \(copy)")
        }
        if access == .write { try tellWhoseItIs(store) }
        return store
    }

    /// Gives a notice if the store does not belong to this host.
    func tellWhoseItIs(_ store: Store) throws(Fault) {
        guard let why = try store.whyNotOwn() else { return }
        notify(
            "\(escapingControlCharacters(store.path)): \(escapingControlCharacters(why)); it sets "
                + "no limits until you run octroi store adopt")
    }

    /// Gives a notice if the last invoice was issued with another billing zone.
    ///
    /// Months begin at another time then. The time between the two starts would be invoiced twice,
    /// or never.
    func warnOfOtherZone(than zone: BillingZone, in store: Store) throws(Fault) {
        guard let last = try store.zoneOfLastInvoice(), last != zone.description else { return }
        notify(
            "time_zone is \(zone), and the last invoice was of \(last): months and days "
                + "now begin at other times. Invoice the hours between once, with --from and --to")
    }

    /// Gives the first of many notices, and one that counts the others.
    ///
    /// - Parameter elsewhere: where all of them can be read; `nil` if nowhere.
    func notify(first count: Int, of lines: [String], elsewhere: String?) {
        for line in lines.prefix(count) { notify(line) }
        guard lines.count > count else { return }
        let rest = elsewhere.map { ": \($0)" } ?? " like these"
        notify("and \(lines.count - count) more\(rest)")
    }
}
