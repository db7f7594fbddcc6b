import Host
import Glibc
import Limits
import Metering
import Pricing
import Units

/// The settings in octroi.yaml; every one has a default.
///
/// config/octroi.yaml shows them all, with comments for operators.
public struct Settings: Hashable, Sendable {
    /// The time between two ticks of the collector (`interval:`), in ms.
    public var intervalMilliseconds: Int64 = 10_000
    /// The path of the store (`store:`); `nil` if the file names none.
    ///
    /// `--db` and `OCTROI_DB` take precedence over it.
    public var store: String?
    /// The path of the cgroup tree (`cgroup_root:`); `nil` is the host's cgroup2 mount.
    public var cgroupRoot: String?
    /// How long samples are kept (`samples:` below `retention:`), in ms.
    ///
    /// The ledger is never pruned.
    public var sampleRetentionMilliseconds: Int64 = 30 * 86_400_000
    /// The zone whose days and months are billed (`time_zone:`).
    public var zone = BillingZone.utc
    /// Who issues the invoices (`seller:`).
    public var seller = Seller()
    /// What to do about known gaps in the metering when a period is invoiced (`closing:`).
    ///
    /// The key is a kind of gap: `gap`, `unmetered`, `open`, `audit` or `parties`. The value is
    /// `block` or `print`. A kind that the file does not name is missing here too. Then an audit
    /// difference blocks the invoice, and any other gap is printed on it.
    public var closing: [String: String] = [:]

    /// The time between two walks through a folder whose space is billed (`every:` below
    /// `storage:`), in ms.
    public var storageEveryMilliseconds: Int64 = 6 * 3_600_000

    /// How the daemon enforces limits and budgets (`enforcement:`).
    public var enforcement = Enforcement()

    /// How the daemon enforces limits and budgets.
    public struct Enforcement: Hashable, Sendable {
        /// Whether the daemon enforces anything (`limits: on`); if not, it only meters.
        public var isOn = true
        /// The time between two comparisons of spending with budgets (`budgets_every:`), in ms.
        public var budgetsEveryMilliseconds: Int64 = 60_000
    }

    /// Creates settings with all defaults.
    public init() {}

    /// Reads octroi.yaml in a configuration folder.
    ///
    /// If the file is missing or empty, all settings have their defaults.
    ///
    /// - Throws: `badData` with file, line and key for an unknown key or a bad value;
    ///   `notPermitted` if this user may not see whether the file exists.
    public init(folder: String) throws(Fault) {
        let path = "\(folder)/octroi.yaml"
        guard try isThere(path) else { return }
        guard let root = try YAMLValue.parse(try readText(path), file: path) else { return }
        let members = try root.members([
            "interval", "store", "cgroup_root", "retention", "time_zone", "closing", "seller",
            "enforcement", "storage",
        ])
        if let interval = members["interval"] {
            intervalMilliseconds = try interval.value(durationText, parseMilliseconds)
        }
        if let samples = try members["retention"]?.members(["samples"])["samples"] {
            sampleRetentionMilliseconds = try samples.value(
                "a duration of at least an hour, such as 30d, 366d at most"
            ) { parseMilliseconds($0).flatMap { $0 >= 3_600_000 ? $0 : nil } }
        }
        if let every = try members["storage"]?.members(["every"])["every"] {
            storageEveryMilliseconds = try every.value(
                "a duration of at least a minute, such as 6h, 366d at most"
            ) { parseMilliseconds($0).flatMap { $0 >= 60_000 ? $0 : nil } }
        }
        store = try readPath(members["store"], "the path of the store")
        cgroupRoot = try readPath(members["cgroup_root"], "the path of a cgroup2 mount")
        if let zone = members["time_zone"] {
            do {
                self.zone = try billingZone(try zone.text())
            } catch {
                throw zone.fault(
                    "\(escapingControlCharacters(try zone.text())): \(error.problem)",
                    error.suggestion)
            }
        }
        if let value = members["closing"] { closing = try readClosing(value) }
        if let value = members["enforcement"] { enforcement = try readEnforcement(value) }
        if let value = members["seller"] { seller = try Seller(value) }
    }
}

/// The firm or person that issues the invoices (`seller:` in octroi.yaml).
public struct Seller: Hashable, Sendable {
    /// The name on invoices.
    ///
    /// `nil`: invoices have no seller, whatever the other fields say.
    public var name: String?
    /// The postal address, possibly of several lines.
    public var address: String?
    /// The country, as invoices print it.
    public var country: String?
    /// The VAT identification number (`vat_id:`).
    public var vatID: String?
    /// The e-mail address, as invoices print it.
    public var email: String?
    /// The text about payment on invoices, such as `Net 30`.
    public var terms: String?
    /// The prefix of invoice numbers: `OCT` gives `OCT-000001`.
    public var series = "OCT"

    /// Creates a seller without a name, which means no seller.
    public init() {}

    /// Reads `seller:`.
    ///
    /// - Throws: `badData` for an unknown key, and for a series that is not allowed.
    fileprivate init(_ value: YAMLValue) throws(Fault) {
        let members = try value.members([
            "name", "address", "country", "vat_id", "email", "terms", "series",
        ])
        name = try members["name"]?.text()
        address = try members["address"]?.text()
        country = try members["country"]?.text()
        vatID = try members["vat_id"]?.text()
        email = try members["email"]?.text()
        terms = try members["terms"]?.text()
        if let value = members["series"] {
            series = try value.value("capital letters, digits and -, beginning with a letter") {
                isSeries($0) ? $0 : nil
            }
            // Credit notes of the series OCT have the series OCT-CN. If an invoice could have it
            // too, two documents could get the same number.
            if series.hasSuffix("-CN") {
                throw value.fault(
                    "series \(quoted(series)) is reserved for credit notes",
                    "Choose a series that does not end in -CN")
            }
        }
    }
}

extension Seller {
    /// The name and the VAT number of the seller in config/octroi.yaml.
    ///
    /// They are written as `refuseExample` compares them: letters and digits only, in small
    /// letters.
    private static let examples: Set<String> = ["yourfirm", "fr00987654321"]

    /// Refuses to invoice in the name of the shipped example.
    ///
    /// An issued invoice cannot be changed, so an example that was forgotten would stay on it.
    /// Case, blanks and punctuation are ignored: `YOUR FIRM` is refused as well.
    ///
    /// - Parameter folder: the configuration folder, for the error.
    /// - Throws: `badData` if the name or the VAT number is that of the example.
    public func refuseExample(in folder: String) throws(Fault) {
        let example = [name, vatID].compactMap(\.self).first { text in
            Self.examples.contains(text.lowercased().filter { $0.isLetter || $0.isNumber })
        }
        guard let example else { return }
        throw Fault(
            .badData, at: "\(folder)/octroi.yaml: seller",
            problem: "\(quoted(example)) is the example from config/octroi.yaml",
            suggestion: "Write who issues your invoices, or take seller: out")
    }
}

/// Reads a path; `nil` if the key is missing.
///
/// - Parameter what: what is at the path, for the error: "the path of the store".
/// - Throws: `badData` for an empty text.
private func readPath(_ value: YAMLValue?, _ what: String) throws(Fault) -> String? {
    try value?.value("\(what), or leave the key out") { $0.isEmpty ? nil : $0 }
}

/// Reads `enforcement:`.
///
/// `budgets_every` is at least a second and at most 366 days.
private func readEnforcement(_ value: YAMLValue) throws(Fault) -> Settings.Enforcement {
    let members = try value.members(["limits", "budgets_every"])
    var result = Settings.Enforcement()
    if let value = members["limits"] {
        result.isOn = try value.value("on or off") { ["on": true, "off": false][$0] }
    }
    if let value = members["budgets_every"] {
        result.budgetsEveryMilliseconds = try value.value(
            "a duration of at least a second, such as 60s, 366d at most"
        ) { parseMilliseconds($0).flatMap { $0 >= 1000 ? $0 : nil } }
    }
    return result
}

/// Reads `closing:`, which gives kinds of gaps the rule `block` or `print`.
private func readClosing(_ value: YAMLValue) throws(Fault) -> [String: String] {
    let members = try value.members(["gap", "unmetered", "open", "audit", "parties"])
    var rules: [String: String] = [:]
    for (name, value) in members.members {
        rules[name] = try value.value("block or print") {
            ["block", "print"].contains($0) ? $0 : nil
        }
    }
    return rules
}

/// Whether a text can be the prefix of invoice numbers.
///
/// It starts with a capital letter, goes on with capital letters, digits and `-`, and has at most
/// 20 bytes.
private func isSeries(_ text: String) -> Bool {
    guard let first = text.utf8.first, isCapital(first), text.utf8.count <= 20 else { return false }
    return text.utf8.allSatisfy {
        isCapital($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            || $0 == UInt8(ascii: "-")
    }
}

/// Whether the byte is one of A-Z.
private func isCapital(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
}

/// Tenants, price books, limits and budgets, as YAML files contain them.
///
/// One file may contain several of the lists. The files are checked on their own: whether a
/// tenant's price book exists is checked later, against the store.
///
/// ```swift
/// let paths = try ContractFiles.files(in: "/etc/octroi")
/// let files = try ContractFiles(reading: paths, in: .utc)
/// ```
public struct ContractFiles: Sendable {
    /// The tenants of all files, in order; `nil` if no file has a list `tenants:`.
    public var tenants: [Tenant]?
    /// The versions of price books in all files; `nil` if no file has a list `books:`.
    public var books: [PriceBook]?
    /// The limits that contracts grant, from the lists `limits:`.
    public var limits: [TenantLimits] = []
    /// The ladders of budgets, from the lists `ladders:`.
    public var ladders: [Ladder] = []
    /// The budgets of tenants, from the lists `budgets:`.
    public var budgets: [Budget] = []
    /// All mistakes in price books, in the order in which they were found.
    ///
    /// It is empty after `init(reading:in:)`, which throws the first mistake instead.
    public private(set) var faults: [Fault] = []

    /// Reads files and stops at the first mistake.
    ///
    /// - Parameters:
    ///   - paths: files with the lists `tenants:`, `books:`, `limits:`, `budgets:` and `ladders:`,
    ///     one or more in each.
    ///   - zone: the billing zone. A date in the files is a day of this zone.
    /// - Throws: `badData` with file, line and key, also if two entries have the same name; or the
    ///   error of a file that cannot be read.
    public init(reading paths: [String], in zone: BillingZone) throws(Fault) {
        try self.init(checking: paths, in: zone)
        if let fault = faults.first { throw fault }
    }

    /// Reads files, and collects the mistakes in price books in `faults`.
    ///
    /// `octroi price check` uses it to show all mistakes at once.
    ///
    /// - Throws: as `init(reading:in:)` does, but not for mistakes in price books.
    public init(checking paths: [String], in zone: BillingZone) throws(Fault) {
        let names = WrittenNames()
        for path in paths {
            guard let root = try YAMLValue.parse(try readText(path), file: path) else {
                throw Fault(
                    .badData, at: path, problem: "an empty file",
                    suggestion: "Write a list of tenants:, books:, limits: or budgets: in it")
            }
            let members = try root.members(["tenants", "books", "limits", "budgets", "ladders"])
            if let list = members["limits"] { limits += try readLimits(list, names) }
            if let list = members["ladders"] { ladders += try readLadders(list, names) }
            if let list = members["budgets"] { budgets += try readBudgets(list, in: zone, names) }
            if let list = members["tenants"] {
                tenants = try (tenants ?? []) + readTenants(list, in: zone, names)
            }
            if let list = members["books"] {
                books = (books ?? []) + readBooks(list, in: zone, names, &faults)
            }
        }
        faults += faultsOfEndedCurrencies(books ?? [])
    }

    /// The YAML files of a configuration folder that exist, without octroi.yaml.
    ///
    /// They are prices.yaml, tenants.yaml, limits.yaml and budgets.yaml.
    ///
    /// - Throws: `unavailable` if none of them exists.
    public static func files(in folder: String) throws(Fault) -> [String] {
        var paths: [String] = []
        for name in ["prices", "tenants", "limits", "budgets"] {
            let path = "\(folder)/\(name).yaml"
            if try isThere(path) { paths.append(path) }
        }
        guard !paths.isEmpty else {
            throw Fault(
                .unavailable, at: folder,
                problem: "none of tenants.yaml, prices.yaml, limits.yaml, budgets.yaml",
                suggestion: "Name a folder with --config or OCTROI_CONFIG, or the files themselves")
        }
        return paths
    }
}
