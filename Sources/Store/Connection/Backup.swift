import GRDB
import Glibc
import Units

extension Store {
    /// Copies the store in its present state into a new file, while others read and write it.
    ///
    /// The copy is marked as one, wherever it is moved. It writes to no kernel until it is adopted.
    ///
    /// - Throws: `failed` if the file exists already or cannot be written. In that case nothing is
    ///   left of it.
    public func backup(to file: String) throws(Fault) { try copy(database, to: file) }
}

/// Copies a database by SQLite's backup API into a file that appears only when it is complete.
func copy(_ database: DatabaseQueue, to file: String) throws(Fault) {
    guard access(file, F_OK) != 0 else {
        throw Fault(
            .failed, at: file, problem: "the file exists already",
            suggestion: "Name a new file: a backup never overwrites one")
    }
    let partial = "\(file).partial-\(getpid())"
    let descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else {
        throw Fault(
            errno == EACCES || errno == EPERM || errno == EROFS ? .notPermitted : .unavailable,
            at: file, problem: "it cannot be written (\(String(cString: strerror(errno))))",
            suggestion: "Name a file in a folder that is there and that this user may write")
    }
    // The descriptor stays open for fsync. It is closed only after SQLite has closed its own, since
    // closing it earlier would release SQLite's locks.
    defer { close(descriptor) }
    do {
        try storeErrors(file) {
            // Copy in one step: between steps SQLite would start over whenever the collector
            // writes.
            let copy = try DatabaseQueue(path: partial)
            try database.backup(to: copy)
            try copy.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA user_version = \(copyMark)")
            }
            try copy.close()
        }
    } catch {
        unlink(partial)
        throw error
    }
    // link, unlike rename, never replaces a file that was created meanwhile.
    let isWhole = fsync(descriptor) == 0 && link(partial, file) == 0
    let reason = errno
    unlink(partial)
    guard isWhole else {
        throw Fault(
            .failed, at: file,
            problem: "it could not be written (\(String(cString: strerror(reason))))",
            suggestion: reason == EEXIST
                ? "Name a new file: a backup never overwrites one"
                : "Free some space on the disk, or choose another one, then run it again")
    }
}
