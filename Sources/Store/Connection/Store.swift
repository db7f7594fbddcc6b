import Host
import CLinux
import GRDB
import Glibc
import Migrations
import Units

/// The SQLite file with the samples, the ledger and the invoices.
///
/// Every method is one transaction: all of its changes are kept, or none.
public struct Store: Sendable {
    /// What a command does with the store.
    public enum Access: Sendable {
        /// Only reads; the file must exist and have the newest schema.
        case read
        /// Writes; the file is created if necessary and upgraded to the newest schema.
        case write
    }

    /// The connection, on which GRDB runs one access at a time.
    let database: DatabaseQueue
    /// The path of the file, under the name it was created with (see `ownName`).
    public let path: String
    /// The path of a copy of the old store, if it was upgraded just now.
    public let copyOfOld: String?
    /// The file that was opened, to notice when it is replaced.
    let file: FileIdentity
    /// SQLite's log (`-wal`) of the file, if there was one after opening.
    let log: FileIdentity?

    /// Opens the store.
    ///
    /// - Parameters:
    ///   - given: the path.
    ///   - access: whether to read only, or to write.
    /// - Throws: `unavailable` if it must exist and does not, `badData` if it is not a store of
    ///   Octroi or was written by a newer version, `notPermitted` if this user may not open it.
    public init(at given: String, for access: Access) throws(Fault) {
        if access == .write { try Store.make(at: given) }
        guard Glibc.access(given, F_OK) == 0 else { throw noStore(given) }
        try requirePlainFile(given)
        try refuseEmptied(given)
        let path = ownName(ofStoreAt: given)
        self.path = path
        let queue = try storeErrors(path, access) { try Store.connect(path, access) }
        database = queue
        copyOfOld = try storeErrors(path, access) { try Store.prepare(queue, path, access) }
        guard let file = FileIdentity(path) else { throw takenAway(path) }
        self.file = file
        log = FileIdentity("\(path)-wal")
    }

    /// Opens a connection with Octroi's SQL functions that waits up to 10 s for locks.
    static func connect(_ path: String, _ access: Access) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.readonly = access == .read
        configuration.prepareDatabase { db in
            for function in sqlFunctions { db.add(function: function) }
            addBitFunctions(to: db)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Sets up SQLite's write-ahead log.
    ///
    /// With it readers and the writer do not wait for each other. With `synchronous` FULL,
    /// committed transactions survive a power failure and not only a crash of the process. GRDB's
    /// own setting for the log would set it to NORMAL.
    static func setUpJournal(_ db: Database) throws {
        // SQLite does not wait here: if two processes switch a new file to WAL, one gets BUSY at
        // once.
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            do {
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                break
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY && .now < deadline
            {
                usleep(20_000)
            }
        }
        try db.execute(sql: "PRAGMA synchronous = FULL")
    }

    /// Checks what the file is and, for writing, upgrades it to the newest schema.
    ///
    /// - Returns: the path of a copy made before the upgrade, if it had an older schema.
    private static func prepare(
        _ queue: DatabaseQueue, _ path: String, _ access: Access
    ) throws -> String? {
        let migrator = migrator(for: path)
        try queue.read { try refuseForeign($0, migrator, path, access) }
        guard access == .write else { return nil }
        try queue.writeWithoutTransaction(setUpJournal)
        if try queue.read(migrator.hasCompletedMigrations) { return nil }
        let lock = FolderLock(of: path)
        defer { lock.release() }
        // Another process may have upgraded it meanwhile.
        guard let old = try queue.read({ try oldSchema($0, migrator) }) else { return nil }
        let copyOfOld =
            old.isEmpty ? nil : "\(path).schema-\(old.prefix(4))-\(time(nil))-\(getpid())"
        if let copyOfOld { try copy(queue, to: copyOfOld) }
        do {
            try migrator.migrate(queue)
        } catch {
            if let copyOfOld { unlink(copyOfOld) }
            throw error
        }
        // Move the upgrade from the log into the file. `ownName` reads only the file, without the
        // log. If somebody reads right now, this happens later.
        _ = try? queue.writeWithoutTransaction { try $0.checkpoint() }
        return copyOfOld
    }

    /// The newest migration that was applied, empty if none; `nil` if nothing is left to apply.
    private static func oldSchema(_ db: Database, _ migrator: DatabaseMigrator) throws -> String? {
        try migrator.hasCompletedMigrations(db) ? nil : migrator.completedMigrations(db).last ?? ""
    }

    /// All migrations, with the steps that are done in code.
    ///
    /// - Parameter file: where the file is while the store is created; by default at `path`.
    static func migrator(for path: String, in file: String? = nil) -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for migration in Migrations.all {
            migrator.registerMigration(migration.name) { db in
                try db.execute(sql: migration.sql)
                if migration.name == "0004_invoicing" { try sealOlder(db) }
                if migration.name == "0006_truth" { try claim(db, path, in: file ?? path) }
                if migration.name == "0009_terms" {
                    try closeTerms(db, after: 0, at: Instant(seconds: Int64(time(nil))))
                }
            }
        }
        return migrator
    }

    /// Refuses a database of another program or a newer version, or one to upgrade first.
    private static func refuseForeign(
        _ db: Database, _ migrator: DatabaseMigrator, _ path: String, _ access: Access
    ) throws {
        // A store whose first migration was interrupted contains at most the migrator's own table.
        let tables =
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM sqlite_schema
                    WHERE name NOT LIKE '%grdb_migrations%' AND name NOT LIKE 'sqlite_%'
                    """) ?? 0
        let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if tables > 0, owner != 0x4F63_7472 {
            throw Fault(
                .badData, at: path, problem: "a SQLite database of another program",
                suggestion: "Name Octroi's own store with --db or OCTROI_DB")
        }
        if try migrator.hasBeenSuperseded(db) {
            throw Fault(
                .badData, at: path, problem: "a store whose schema is newer than this octroi",
                suggestion: "Use the octroi that wrote it, or a newer one; nothing was changed")
        }
        if access == .read, try !migrator.hasCompletedMigrations(db) {
            throw Fault(
                .badData, at: path, problem: "an empty store, or one of an older schema",
                suggestion:
                    "Run octroi apply once, or the collector: it brings the store up to date")
        }
    }

    /// Runs `body` inside one read transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(Fault) -> Value {
        try storeErrors(path) { try database.read(body) }
    }

    /// Runs `body` inside one transaction that takes the write lock at its start.
    ///
    /// - Parameter isPlan: whether to undo everything at the end, to find out what would change.
    func write<Value>(
        isPlan: Bool = false, _ body: (Database) throws -> Value
    ) throws(Fault) -> Value {
        try storeErrors(path) {
            var value: Value?
            try database.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    value = try body(db)
                    return isPlan ? .rollback : .commit
                }
            }
            guard let value else { preconditionFailure("a transaction that committed no value") }
            return value
        }
    }
}

/// Refuses a FIFO, a device or a directory, on which SQLite would hang or report a disk error.
private func requirePlainFile(_ path: String) throws(Fault) {
    var status = stat()
    guard stat(path, &status) == 0, let kind = otherThanFile(mode: UInt32(status.st_mode)) else {
        return
    }
    throw Fault(
        .badData, at: path, problem: "\(kind), where the store should be",
        suggestion: "Name the store's file with --db or OCTROI_DB")
}

/// Runs database work and turns its errors into faults that name the store.
///
/// - Parameter access: what the command does; it decides on the advice in the fault.
func storeErrors<Value>(
    _ path: String, _ access: Store.Access = .write, _ body: () throws -> Value
) throws(Fault) -> Value {
    do {
        return try body()
    } catch let fault as Fault {
        throw fault
    } catch let error as DatabaseError {
        throw error.fault(path, access)
    } catch {
        throw Fault(
            .failed, at: path, problem: "\(error)",
            suggestion: "Report this with the command you ran")
    }
}

/// Whether the file system of the store is full.
///
/// If SQLite cannot grow the shared memory of its log, it reports an I/O error instead of "full".
private func isDiskFull(_ path: String) -> Bool {
    var status = statvfs()
    // A store that could not be created does not exist, so look at its folder.
    return (statvfs(path, &status) == 0 || statvfs(parentFolder(of: path), &status) == 0)
        && status.f_bavail * status.f_frsize < 65_536
}

extension DatabaseError {
    /// The fault for an error of SQLite.
    fileprivate func fault(_ path: String, _ access: Store.Access) -> Fault {
        let said = message ?? "SQLite error \(resultCode.rawValue)"
        let kept = "Nothing of this transaction was kept"
        switch resultCode.primaryResultCode {
        case .SQLITE_FULL,
            .SQLITE_IOERR where isDiskFull(path):
            return Fault(
                .failed, at: path, problem: "the disk is full",
                suggestion: "Free some space, then run it again. \(kept)")
        case .SQLITE_IOERR:
            return Fault(
                .failed, at: path, problem: "the disk refused a read or write (\(said))",
                suggestion: "Look at the disk and its free space, then run it again. \(kept)")
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return Fault(
                .badData, at: path, problem: "not a sound SQLite database (\(said))",
                suggestion: "Name Octroi's store with --db or OCTROI_DB, or restore a backup of it")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Fault(
                .failed, at: path, problem: "another process kept the store locked for 10 s",
                suggestion: "Run it again when that process is done. \(kept)")
        case .SQLITE_READONLY where access == .read, .SQLITE_CANTOPEN where access == .read:
            return Fault(
                .notPermitted, at: path,
                problem: "this user may not open it (\(said)); with no collector running, a reader "
                    + "needs to write beside the store",
                suggestion: "Run it as the store's owner or group, or while the collector runs")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return Fault(
                .notPermitted, at: path, problem: "this user may not write the store (\(said))",
                suggestion: "Run it as the user that owns the store. \(kept)")
        case .SQLITE_CANTOPEN:
            return Fault(
                .unavailable, at: path, problem: "the store cannot be opened (\(said))",
                suggestion: "Name one this user may open with --db or OCTROI_DB")
        default:
            return Fault(
                .failed, at: path, problem: said,
                suggestion: "Report this with the command you ran. \(kept)")
        }
    }
}
