import GRDBSQLite
import Glibc
import Units

/// Identifies the file at a path, for as long as its file system stays mounted.
struct FileIdentity: Equatable {
    private let device: UInt64
    let inode: UInt64

    /// The identity of the file at a path; `nil` if there is none that this user can see.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

extension Store {
    /// Why the opened file is no longer the store at its path; `nil` if it is.
    ///
    /// SQLite continues to write into a file that was deleted, and all of that would be lost.
    public var lost: Fault? {
        guard FileIdentity(path) == file else { return takenAway(path) }
        if let log, FileIdentity("\(path)-wal") != log {
            return Fault(
                .failed, at: "\(path)-wal",
                problem: "the store's log was taken away or replaced while in use",
                suggestion:
                    "Do not touch the files beside the store. Start this command again: when it "
                    + "ends, it writes the content of the log into the store")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_size == 0 else { return nil }
        return Fault(
            .failed, at: path, problem: "the store was emptied while in use",
            suggestion: "Keep the files beside it, and restore a backup of it")
    }

    /// Moves the log of a replaced store out of the way of the file that replaced it.
    ///
    /// Otherwise SQLite would write this log into the new file when that is opened, and destroy it.
    ///
    /// - Returns: the new path of the log; `nil` if there was nothing to do.
    public func putLogAway() -> String? {
        guard let now = FileIdentity(path), now != file, let log, FileIdentity("\(path)-wal") == log
        else { return nil }
        let place = "\(path)-wal.of-replaced-\(getpid())"
        guard rename("\(path)-wal", place) == 0 else { return nil }
        unlink("\(path)-shm")
        return place
    }

    /// Requires that the opened file is still the store at its path.
    ///
    /// - Throws: `failed` if it was removed, replaced or emptied.
    public func requireFile() throws(Fault) {
        if let lost { throw lost }
    }
}

/// The fault for a store that was removed or replaced.
func takenAway(_ path: String) -> Fault {
    Fault(
        .failed, at: path, problem: "the store was taken away or replaced while in use",
        suggestion: "Put it back, or stop this command and start it on the store that is there now")
}

/// The path under which a store was created, if the given path is another name of the same file.
///
/// Other names are hard links and files that are mounted twice. SQLite names its log after the path
/// it is given, and Octroi's locks are beside the path, too. Two processes with different names
/// would therefore use two logs and two locks, and destroy the store.
func ownName(ofStoreAt path: String) -> String {
    guard let own = recordedPath(inStoreAt: path), own != path,
        let file = FileIdentity(path), FileIdentity(own) == file
    else { return path }
    return realPath(path) == own ? path : own
}

/// The path without symbolic links; `nil` if it does not exist.
func realPath(_ path: String) -> String? {
    guard let path = realpath(path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
}

/// The path recorded in a store's file; its log is ignored, as it may be the wrong one.
///
/// SQLite opens the file. Opening and closing it by other means would release locks of this
/// process.
private func recordedPath(inStoreAt path: String) -> String? {
    // Characters that have a meaning in SQLite's file URIs.
    let marks: [Character: String] = ["%": "%25", "?": "%3f", "#": "%23"]
    let name = path.map { marks[$0] ?? String($0) }.joined()
    var connection: OpaquePointer?
    defer { sqlite3_close_v2(connection) }
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    guard
        sqlite3_open_v2(
            "file:\(name)?immutable=1", &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nil)
            == SQLITE_OK,
        sqlite3_prepare_v2(
            connection, "SELECT path FROM store_home ORDER BY id DESC LIMIT 1", -1, &statement, nil)
            == SQLITE_OK, sqlite3_step(statement) == SQLITE_ROW,
        let text = sqlite3_column_text(statement, 0)
    else { return nil }
    return String(cString: text)
}
