import GRDB
import Glibc
import Units

extension Store {
    /// Copies the store as it is now into a new file, while others read and write it.
    ///
    /// The copy says that it is one, wherever it is put: it writes to no kernel until it is adopted.
    ///
    /// - Throws: `failed` if there is such a file already, or if it cannot be written; then nothing
    ///   is left of it.
    public func backup(to file: String) throws(Fault) { try copy(database, to: file) }
}

/// Copies a database by SQLite's backup API into a file that only appears once it is whole.
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
    defer { close(descriptor) }
    do {
        try storeErrors(file) {
            // One step: with more of them, SQLite begins anew whenever the collector writes.
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
    // A link, unlike rename, never takes the place of a file that has come meanwhile.
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
