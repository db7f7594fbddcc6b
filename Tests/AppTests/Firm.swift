import App
import Foundation
import GRDB
import Settings
import Store
import Synchronization
import TestSupport
import Testing
import Units

/// What an app has given notice of so far.
final class Notices: Sendable {
    private let lines = Mutex<[String]>([])

    /// All notices since the last call.
    func take() -> [String] {
        lines.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

/// A firm with two tenants: a config folder, a store, and the functions that its operator calls.
///
/// App asks the machine's clock. So everything here is in months of 2025, which are over by any
/// clock that runs these tests.
struct Firm {
    let folder: TemporaryFolder
    let app: App
    let notices: Notices

    var store: String { "\(folder.path)/octroi.db" }
    var config: String { "\(folder.path)/config" }
    var tree: String { "\(folder.path)/tree" }

    /// One core costs 0.36 an hour.
    static let prices = """
        books:
          - id: standard
            currency: EUR
            effective: 2020-01-01
            taxes: [ { code: vat, rate: "20" } ]
            meters:
              cpu: { price: "0.36", per: 1 vCPU-hour }
              net_tx_bytes:
                per: 1 GB
                free: 2 GB
                tiers: [ { up_to: 10, price: "0.50" }, { price: "0.20" } ]

        """
    static let tenants = """
        tenants:
          - id: acme
            name: ACME SARL
            price_book: standard
            invoice_to: { address: "1 rue du Port" }
            match: [ { root: /acme } ]
          - { id: lab, price_book: standard, match: [ { cgroup: "/lab/*" } ] }

        """
    static let seller = "seller: { name: Forge SAS }\n"

    /// - Parameter settings: the text of octroi.yaml.
    init(
        settings: String = Firm.seller, prices: String = Firm.prices,
        tenants: String = Firm.tenants
    ) throws {
        let folder = try TemporaryFolder(inMemory: true)
        let notices = Notices()
        try folder.write(settings, to: "config/octroi.yaml")
        try folder.write(prices, to: "config/prices.yaml")
        try folder.write(tenants, to: "config/tenants.yaml")
        (self.folder, self.notices) = (folder, notices)
        app = App(store: "\(folder.path)/octroi.db", configFolder: "\(folder.path)/config") {
            notices.add($0)
        }
        _ = try app.apply(ApplyRequest())
    }

    /// The same operator, with another store or config folder.
    func other(store: String? = nil, config: String? = nil) -> App {
        App(store: store ?? self.store, configFolder: config ?? self.config) { [notices] in
            notices.add($0)
        }
    }

    /// Writes a file, and gives its path.
    func file(_ name: String, _ text: String) throws -> String {
        try folder.write(text, to: name)
        return "\(folder.path)/\(name)"
    }

    /// Imports usage of a period.
    @discardableResult
    func use(
        _ tenant: String, _ container: String, _ quantity: Int128, _ meter: String = "cpu",
        over period: Period
    ) throws -> ImportOutcome {
        let row = "\(period.start),\(period.end),\(tenant),\(container),\(meter),\(quantity)"
        return try app.importUsage(
            file("usage.csv", "start,end,tenant,container,meter,quantity\n\(row)\n"))
    }

    /// Runs SQL on the store, without Octroi.
    func forge(_ sql: String) throws {
        try DatabaseQueue(path: store).write { try $0.execute(sql: sql) }
    }

    /// The first column of a query.
    func sql(_ query: String) throws -> [String] {
        try DatabaseQueue(path: store).read { try String.fetchAll($0, sql: query) }
    }
}

/// An hour of one core in µs, which costs 0.36.
let coreHour: Int128 = 3_600_000_000

/// A month of 2025, from its first to its last instant in UTC.
func month(_ number: Int) throws -> Period {
    try #require(Period(month: "2025-\(number < 10 ? "0" : "")\(number)"))
}

/// A number of hours from an hour of January 2025 on.
func hours(_ first: Int64, _ count: Int64) throws -> Period {
    let start = try month(1).start.advanced(bySeconds: first * 3600)
    return try #require(Period(start: start, end: start.advanced(bySeconds: count * 3600)))
}

/// Requires that a call throws a fault of a kind, which says where and what to do.
@discardableResult
func refusal<Value>(
    _ kind: Fault.Kind, at place: String? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ call: () throws -> Value
) throws -> Fault {
    let fault = try #require(throws: Fault.self, sourceLocation: sourceLocation) {
        _ = try call()
    }
    #expect(fault.kind == kind, "\(fault)", sourceLocation: sourceLocation)
    if let place { #expect(fault.location == place, sourceLocation: sourceLocation) }
    #expect(
        !fault.problem.isEmpty && !fault.suggestion.isEmpty, "\(fault)",
        sourceLocation: sourceLocation)
    return fault
}

extension Firm {
    /// Makes a folder with the files of a cgroup in which nothing is limited.
    func addCgroup(_ path: String) throws {
        for (name, text) in [
            "cpu.max": "max 100000", "cpu.weight": "100", "memory.high": "max",
            "memory.max": "max", "memory.swap.max": "0", "memory.low": "0", "memory.min": "0",
            "memory.current": "8192", "pids.max": "max", "pids.current": "3", "io.max": "",
            "io.weight": "default 100", "cpuset.cpus": "", "cgroup.freeze": "0",
            "memory.stat": "anon 4096\nfile 4096\nkernel 0\nsock 0\nshmem 0",
        ] { try write(text, path, name) }
    }

    /// Writes a file of a cgroup.
    func write(_ text: String, _ path: String, _ file: String) throws {
        try folder.write(text + "\n", to: "tree\(path)/\(file)")
    }

    /// The text of a cgroup's file without line ends.
    func read(_ path: String, _ file: String) throws -> String {
        try String(contentsOfFile: "\(tree)\(path)/\(file)", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }

    /// Options for limits of the firm's own tree.
    func limits(_ reason: String? = nil, isForced: Bool = false) -> LimitOptions {
        var options = LimitOptions(root: tree)
        (options.reason, options.isForced) = (reason, isForced)
        return options
    }
}
