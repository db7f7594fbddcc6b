import Foundation
import GRDB
import TestSupport

/// A store, a config folder and a folder that stands for a cgroup tree.
struct Desk {
    let folder: TemporaryFolder
    var store: String { "\(folder.path)/octroi.db" }
    var tree: String { "\(folder.path)/tree" }

    init() throws {
        folder = try TemporaryFolder()
        for (path, cpu) in [("tenant-acme.slice/web", 1000), ("other", 50)] { try set(path, cpu) }
    }

    func set(_ path: String, _ cpu: Int) throws {
        try folder.write("usage_usec \(cpu)\n", to: "tree/\(path)/cpu.stat")
        try folder.write("1\n", to: "tree/\(path)/cgroup.procs")
    }

    func run(_ words: String...) throws -> ProcessResult { try octroi(words, store: store) }

    func file(_ name: String, _ text: String) throws -> String {
        try folder.write(text, to: name)
        return "\(folder.path)/\(name)"
    }

    /// A file of the tree without its last newline.
    func read(_ file: String) throws -> String {
        try String(contentsOfFile: "\(tree)/\(file)", encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }

    /// The first column of a query, of the desk's store or another.
    func sql(_ sql: String, of store: String? = nil) throws -> [String] {
        try database(store).read { try String.fetchAll($0, sql: sql) }
    }

    /// A connection that waits for a collector that has the store for itself, as while it opens it.
    func database(_ store: String? = nil) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(60)
        return try DatabaseQueue(path: store ?? self.store, configuration: configuration)
    }
}

/// What is done with a collector that runs on the desk.
extension Desk {
    func startCollector(every interval: String = "100ms", _ words: String...) throws
        -> RunningProcess
    {
        try startOctroi(
            ["collect", "--root", tree, "--interval", interval] + words, store: store)
    }

    /// Waits until the store holds a first reading of a container, its baseline.
    func awaitBaseline(
        of path: String, in store: String? = nil, file: String = #fileID, line: Int = #line
    ) throws {
        let store = store ?? self.store
        try eventually("\(path) is read", file: file, line: line) {
            try FileManager.default.fileExists(atPath: store)
                && sql("SELECT path FROM container", of: store).contains(path)
        }
    }

    /// Waits until so many more ticks are committed.
    func awaitTicks(
        _ count: Int, in store: String? = nil, file: String = #fileID, line: Int = #line
    ) throws {
        let first = try newestTick(store)
        try eventually("\(count) more ticks", file: file, line: line) {
            try newestTick(store) >= first + count
        }
    }

    private func newestTick(_ store: String?) throws -> Int {
        let store = store ?? self.store
        guard FileManager.default.fileExists(atPath: store) else { return 0 }
        return try sql("SELECT coalesce(max(id), 0) || '' FROM tick", of: store).first
            .flatMap { Int($0) } ?? 0
    }

    /// Lets the time of all boosts be over, as if they had been set a day earlier.
    func moveBoostsIntoThePast() throws {
        try database().write {
            try $0.execute(
                sql: """
                    UPDATE limit_overlay
                    SET since_ms = since_ms - 86400000, until_ms = until_ms - 86400000
                    WHERE source = 'boost'
                    """)
        }
    }
}
