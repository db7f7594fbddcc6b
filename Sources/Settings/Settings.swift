import Host
import Glibc
import Limits
import Metering
import Pricing
import Units

/// What octroi.yaml says; every value has a default.
public struct Settings: Hashable, Sendable {
    public var intervalMilliseconds: Int64 = 10_000
    public var store: String?
    /// The cgroup tree; `nil` is the host's cgroup2 mount.
    public var cgroupRoot: String?
    /// How long samples are kept; the ledger is kept for ever.
    public var sampleRetentionMilliseconds: Int64 = 30 * 86_400_000
    /// Of billing months and days.
    public var zone = BillingZone.utc
    public var seller = Seller()
    /// What is to happen with doubts about the metering when a period is invoiced, by kind.
    public var closing: [String: String] = [:]

    public var enforcement = Enforcement()

    /// What the daemon does about limits and budgets.
    public struct Enforcement: Hashable, Sendable {
        public var isOn = true
        /// How often budgets are looked at.
        public var budgetsEveryMilliseconds: Int64 = 60_000
    }

    public init() {}

    /// Reads octroi.yaml of the config folder; without one, the defaults.
    public init(folder: String) throws(Fault) {
        let path = "\(folder)/octroi.yaml"
        guard try isThere(path) else { return }
        guard let root = try YAMLValue.parse(try readText(path), file: path) else { return }
        let members = try root.members([
            "interval", "store", "cgroup_root", "retention", "time_zone", "closing", "seller",
            "enforcement",
        ])
        if let interval = members["interval"] {
            intervalMilliseconds = try interval.value(durationText, parseMilliseconds)
        }
        if let samples = try members["retention"]?.members(["samples"])["samples"] {
            sampleRetentionMilliseconds = try samples.value(
                "a duration of at least an hour, such as 30d, 366d at most"
            ) { parseMilliseconds($0).flatMap { $0 >= 3_600_000 ? $0 : nil } }
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

/// Who issues the invoices.
public struct Seller: Hashable, Sendable {
    public var name: String?
    public var address: String?
    public var country: String?
    public var vatID: String?
    public var email: String?
    /// What invoices say of payment.
    public var terms: String?
    /// The prefix of invoice numbers.
    public var series = "OCT"

    public init() {}

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
            // Credit notes of a series are numbered in one of their own.
            if series.hasSuffix("-CN") {
                throw value.fault(
                    "\(quoted(series)), whose numbers are those of credit notes",
                    "Choose a series that does not end in -CN")
            }
        }
    }
}

extension Seller {
    /// What identifies the seller of the examples, who is nobody.
    private static let examples: Set<String> = ["yourfirm", "fr00987654321"]

    /// Refuses what the shipped examples say of the seller: an issued invoice can't be changed.
    ///
    /// - Parameter folder: the config folder, for the error.
    public func refuseExample(in folder: String) throws(Fault) {
        let example = [name, vatID].compactMap(\.self).first { text in
            Self.examples.contains(text.lowercased().filter { $0.isLetter || $0.isNumber })
        }
        guard let example else { return }
        throw Fault(
            .badData, at: "\(folder)/octroi.yaml: seller",
            problem: "\(quoted(example)), which is the example's",
            suggestion: "Write who issues your invoices, or take seller: out")
    }
}

private func readPath(_ value: YAMLValue?, _ what: String) throws(Fault) -> String? {
    try value?.value("\(what), or leave the key out") { $0.isEmpty ? nil : $0 }
}

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

private func isSeries(_ text: String) -> Bool {
    guard let first = text.utf8.first, isCapital(first), text.utf8.count <= 20 else { return false }
    return text.utf8.allSatisfy {
        isCapital($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            || $0 == UInt8(ascii: "-")
    }
}

private func isCapital(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
}

/// The tenants and price books of YAML files.
public struct ContractFiles: Sendable {
    public var tenants: [Tenant]?
    public var books: [PriceBook]?
    public var limits: [TenantLimits] = []
    public var ladders: [Ladder] = []
    public var budgets: [Budget] = []
    /// Every mistake in the price books; `init(reading:)` throws the first.
    public private(set) var faults: [Fault] = []

    /// Reads files that hold `tenants:`, `books:` or both.
    ///
    /// - Parameter zone: the billing zone, whose days dates in them are.
    /// - Throws: at the first mistake.
    public init(reading paths: [String], in zone: BillingZone) throws(Fault) {
        try self.init(checking: paths, in: zone)
        if let fault = faults.first { throw fault }
    }

    /// The same, but mistakes in price books are gathered in `faults`.
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

    /// The files of a config folder that are there.
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
