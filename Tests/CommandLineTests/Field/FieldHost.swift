import Foundation
import TestSupport
import Testing
import Units

/// What an operator has: a config folder, a store, files to import, and a folder that stands for
/// the kernel's cgroup tree.
struct FieldHost {
    let folder: TemporaryFolder
    var store: String { "\(folder.path)/octroi.db" }
    var config: String { "\(folder.path)/config" }
    var tree: String { "\(folder.path)/tree" }

    /// - Parameters:
    ///   - rules: the tenants, each with the rules that match its containers.
    ///   - settings: the text of octroi.yaml.
    init(
        _ rules: KeyValuePairs<String, String> = ["harbor": ""],
        prices: String = book(["crate": "{ unit: item, price: \"1\", per: 1 item }"]),
        settings: String? = nil
    ) throws {
        folder = try TemporaryFolder(inMemory: true)
        let tenants = rules.map { "  - { id: \($0), price_book: tide, match: [ \($1) ] }\n" }
        try folder.write(prices, to: "config/prices.yaml")
        try folder.write("tenants:\n" + tenants.joined(), to: "config/tenants.yaml")
        if let settings { try folder.write(settings, to: "config/octroi.yaml") }
        try folder.write("cpu io memory pids\n", to: "tree/cgroup.controllers")
        try folder.write("", to: "tree/cgroup.procs")
        try must("apply")
    }

    func run(_ words: String...) throws -> ProcessResult {
        try octroi(words, store: store, config: config)
    }

    /// Runs a command that has to go well.
    @discardableResult
    func must(_ words: String...) throws -> ProcessResult {
        let result = try octroi(words, store: store, config: config)
        #expect(result.status == 0, "\(words): \(result.errors)")
        return result
    }

    func file(_ name: String, _ text: String) throws -> String {
        try folder.write(text, to: name)
        return "\(folder.path)/\(name)"
    }

    // MARK: Cgroups

    /// Writes the files of one cgroup, the usual ones unless others are given; `nil` for none.
    func cgroup(
        _ path: String, cpu: Int = 1000, holdsProcesses: Bool = true,
        _ files: [String: String?] = [:]
    ) throws {
        let usual: [String: String?] = [
            "cgroup.controllers": "cpu io memory pids\n",
            "cgroup.events": "populated 1\nfrozen 0\n",
            "cgroup.procs": holdsProcesses ? "1\n" : "", "pids.current": "1\n",
            "cpu.stat": "usage_usec \(cpu)\nuser_usec 3\nsystem_usec 4\n",
            "io.stat": "", "memory.current": "16384\n", "memory.stat": memoryStat(),
        ]
        for (name, text) in usual.merging(files, uniquingKeysWith: { $1 }) {
            if let text { try folder.write(text, to: "tree\(path)/\(name)") }
        }
    }

    /// Writes a tree by the CPU time of the cgroups that hold processes; those above add it up.
    func grow(_ leaves: [String: Int]) throws {
        var sums: [String: Int] = [:]
        for (path, cpu) in leaves {
            var above = ""
            for name in path.split(separator: "/") {
                above += "/\(name)"
                sums[above, default: 0] += cpu
            }
        }
        for (path, cpu) in sums {
            try cgroup(path, cpu: cpu, holdsProcesses: leaves[path] != nil)
        }
    }

    /// Meters the rise of each leaf's CPU time.
    ///
    /// - Returns: what was used, and what the collectors said.
    func meter(rises: [String: Int]) throws -> (used: [String: Int], said: String) {
        try grow(rises.mapValues { _ in 5 })
        let before = try collect()
        try grow(rises.mapValues { $0 + 5 })
        let after = try collect()
        return (try used("cpu"), before + after)
    }

    /// Runs a collector for a few readings.
    ///
    /// - Returns: what it warned of.
    @discardableResult
    func collect() throws -> String {
        try must("collect", "--root", tree, "--interval", "20ms", "--for", "40ms").errors
            .split(separator: "\n").filter { !$0.contains(" readings; ") }.joined(separator: "\n")
    }

    /// What was used this month, by tenant and container: `harbor /web`.
    func used(_ meter: String) throws -> [String: Int] {
        let rows = try table(must("usage", "--by", "container", "--format", "csv").output)
        return Dictionary(
            rows.filter { $0["meter"] == meter }.map {
                (
                    "\($0["tenant"] ?? "") \($0["container"] ?? "")",
                    Int($0["quantity"] ?? "") ?? -1
                )
            }, uniquingKeysWith: +)
    }

    // MARK: Invoices

    /// Imports rows of usage.
    func take(_ rows: [String]) throws {
        let path = try file("usage.csv", usageHeader + rows.joined())
        try must("usage", "import", path)
    }

    /// The lines of the draft of a month.
    func draft(_ month: String) throws -> [[String: String]] {
        try table(must("invoice", "draft", "--month", month, "--format", "csv").output)
    }

    /// How many items a month's draft bills, free ones included.
    func quantity(_ month: String) throws -> Int {
        try draft(month).filter { $0["kind"] == "usage" }
            .compactMap { Int($0["quantity"] ?? "") }.reduce(0, +)
    }

    /// The net amounts of all invoices, in the order of their numbers: `harbor 5.00`.
    func nets() throws -> [String] {
        try table(must("invoice", "list", "--format", "csv").output).map {
            "\($0["tenant"] ?? "") \($0["net"] ?? "")"
        }
    }
}

let usageHeader = "start,end,tenant,container,meter,quantity\n"

/// A row of usage of one hour, which begins at `2025-03-04T05`.
func row(
    _ quantity: Int, at hour: String, tenant: String = "harbor", container: String = "hold",
    meter: String = "crate"
) throws -> String {
    let start = try #require(Instant(rfc3339: "\(hour):00:00Z"))
    let end = start.advanced(bySeconds: 3600)
    return "\(start),\(end),\(tenant),\(container),\(meter),\(quantity)\n"
}

/// A price book by its meters.
///
/// - Parameter rest: more keys of the book, a line each.
func book(
    _ meters: KeyValuePairs<String, String>, currency: String = "EUR", _ rest: String...
) -> String {
    """
    books:
      - id: tide
        currency: \(currency)
        effective: 2010-01-01T00:00:00Z
        unpriced: show
    \(rest.map { "    \($0)\n" }.joined())    meters:
    \(meters.map { "      \($0): \($1)\n" }.joined())
    """
}

/// The text of memory.stat, 12 KiB that cannot be reclaimed.
func memoryStat(kernel: String = "kernel 4096\n", _ more: String = "") -> String {
    "anon 8192\nfile 0\n\(kernel)sock 0\nshmem 0\ninactive_file 0\n\(more)"
}

/// A line of io.stat.
func disk(_ device: String, read: Int = 0, written: Int = 0) -> String {
    "\(device) rbytes=\(read) wbytes=\(written) rios=\(read / 512) wios=\(written / 512)"
        + " dbytes=0 dios=0\n"
}

/// A sum of amounts, exact.
func sum(_ lines: [[String: String]], _ column: String) -> Rational {
    lines.compactMap { Rational(decimal: $0[column] ?? "") }.reduce(.zero, +)
}
