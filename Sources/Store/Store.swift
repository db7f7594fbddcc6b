import Glibc
import GRDB
import Migrations
import Units

/// The SQLite file that holds the time series, the ledger and the invoices.
///
/// Every method is one transaction: it happens whole or not at all.
public struct Store: Sendable {
    /// What a command needs of the store.
    public enum Access: Sendable {
        /// The file must be there already.
        case read
        /// The file is made if it is not there, and brought to the newest schema.
        case write
    }

    let database: DatabaseQueue
    public let path: String

    /// Opens the store.
    ///
    /// - Throws: `unavailable` if it must be there and is not, `badData` if it is no store of
    ///   Octroi or one of a newer Octroi, `notPermitted` if this user may not.
    public init(at path: String, for access: Access) throws(Fault) {
        if access == .write { try createFile(path) }
        guard Glibc.access(path, F_OK) == 0 else {
            throw Fault(
                .unavailable, at: path, found: "there is no store here (\(reason(errno)))",
                cure: "Name one with --db or OCTROI_DB, or make it with octroi apply or collect")
        }
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.readonly = access == .read
        if access == .write { configuration.journalMode = .wal }
        self.path = path
        database = try storeErrors(path) {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let migrator = Store.migrator
            try queue.read { try Store.refuseForeign($0, migrator, path, access) }
            if access == .write { try migrator.migrate(queue) }
            return queue
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        for migration in Migrations.all {
            migrator.registerMigration(migration.name) { try $0.execute(sql: migration.sql) }
        }
        return migrator
    }

    private static func refuseForeign(
        _ db: Database, _ migrator: DatabaseMigrator, _ path: String, _ access: Access
    ) throws {
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if tables > 0, owner != 0x4F63_7472 {
            throw Fault(
                .badData, at: path, found: "a SQLite database of another program",
                cure: "Name Octroi's own store with --db or OCTROI_DB")
        }
        if try migrator.hasBeenSuperseded(db) {
            throw Fault(
                .badData, at: path, found: "a store whose schema is newer than this octroi",
                cure: "Use the octroi that wrote it, or a newer one; nothing was changed")
        }
        if access == .read, try !migrator.hasCompletedMigrations(db) {
            throw Fault(
                .badData, at: path, found: "an empty store, or one of an older schema",
                cure: "Run octroi apply once: it brings the store up to date")
        }
    }

    /// Reads inside one transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(Fault) -> Value {
        try storeErrors(path) { try database.read(body) }
    }

    /// Writes inside one transaction, which takes the write lock at once.
    func write<Value>(_ body: (Database) throws -> Value) throws(Fault) -> Value {
        try storeErrors(path) {
            var value: Value?
            try database.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    value = try body(db)
                    return .commit
                }
            }
            guard let value else { preconditionFailure("a transaction that committed no value") }
            return value
        }
    }
}

/// Makes the file, readable by its owner and group only, and its folder.
private func createFile(_ path: String) throws(Fault) {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
        mkdir(String(path[..<slash]), 0o750)
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
        throw Fault(
            errno == EACCES || errno == EPERM || errno == EROFS ? .notPermitted : .unavailable,
            at: path, found: "the store cannot be opened for writing (\(reason(errno)))",
            cure: "Name a file this user may write with --db or OCTROI_DB")
    }
    close(descriptor)
}

private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Runs database work and turns its errors into faults that name the store.
func storeErrors<Value>(_ path: String, _ body: () throws -> Value) throws(Fault) -> Value {
    do {
        return try body()
    } catch let fault as Fault {
        throw fault
    } catch let error as DatabaseError {
        throw error.fault(path)
    } catch {
        throw Fault(
            .failed, at: path, found: "\(error)", cure: "Report this with the command you ran")
    }
}

/// Whether the file system of the store has no room left.
///
/// SQLite says "I/O error", not "full", when it cannot grow the shared memory of the WAL.
private func isDiskFull(_ path: String) -> Bool {
    var status = statvfs()
    return statvfs(path, &status) == 0 && status.f_bavail * status.f_frsize < 65_536
}

extension DatabaseError {
    fileprivate func fault(_ path: String) -> Fault {
        let said = message ?? "SQLite error \(resultCode.rawValue)"
        let kept = "Nothing of this transaction was kept"
        switch resultCode.primaryResultCode {
        case .SQLITE_FULL,
            .SQLITE_IOERR where isDiskFull(path):
            return Fault(
                .failed, at: path, found: "the disk is full",
                cure: "Free some space, then run it again. \(kept)")
        case .SQLITE_IOERR:
            return Fault(
                .failed, at: path, found: "the disk refused a read or write (\(said))",
                cure: "Look at the disk and its free space, then run it again. \(kept)")
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return Fault(
                .badData, at: path, found: "not a sound SQLite database (\(said))",
                cure: "Name Octroi's store with --db or OCTROI_DB, or bring back a backup of it")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Fault(
                .failed, at: path, found: "another process kept the store locked for 10 s",
                cure: "Run it again when that process is done. \(kept)")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return Fault(
                .notPermitted, at: path, found: "this user may not write the store (\(said))",
                cure: "Run it as the user that owns the store. \(kept)")
        case .SQLITE_CANTOPEN:
            return Fault(
                .unavailable, at: path, found: "the store cannot be opened (\(said))",
                cure: "Name one this user may open with --db or OCTROI_DB")
        default:
            return Fault(
                .failed, at: path, found: said,
                cure: "Report this with the command you ran. \(kept)")
        }
    }
}
