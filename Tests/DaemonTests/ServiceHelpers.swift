import Foundation
import GRDB
import Logging
import Store
import Synchronization
import TestSupport

/// What a service has logged, each line as `level: message`.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func count(of text: String) -> Int { all.count { $0.contains(text) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.level): \(event.message)") }
        }
    }
}

/// Waits until a condition is true, on a thread of its own.
///
/// A service needs the threads that tests run on, and no test may hold them while it waits.
func eventuallyAside(
    _ what: String, file: String = #fileID, line: Int = #line,
    _ condition: @escaping @Sendable () throws -> Bool
) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
        Thread.detachNewThread {
            done.resume(with: Result { try eventually(what, file: file, line: line, condition) })
        }
    }
}

/// Runs a service beside a test, and cancels it at the end.
func beside(
    _ service: @escaping @Sendable () async throws -> Void, _ test: () async throws -> Void
) async throws {
    // All tests of a run wait in one queue for as many threads as there are cores, and a service of
    // the same priority would wait behind them. A higher priority has threads of its own.
    let task = Task(priority: .high) { try await service() }
    let result: Result<Void, any Error>
    do {
        result = .success(try await test())
    } catch {
        result = .failure(error)
    }
    task.cancel()
    _ = await task.result
    try result.get()
}

/// Takes a table of a store away, as a broken disk would, or puts it back.
func rename(_ table: String, to name: String, in store: Store) throws {
    try DatabaseQueue(path: store.path).writeWithoutTransaction { db in
        // Views and triggers go on naming the table that is gone.
        try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
        try db.execute(sql: "ALTER TABLE \(table) RENAME TO \(name)")
    }
}
