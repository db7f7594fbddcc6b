import GRDBSQLite
import Glibc
import Units

/// Which file lies at a path, for as long as its file system is mounted.
struct FileIdentity: Equatable {
    private let device: UInt64
    let inode: UInt64

    /// `nil` if there is no file that this user can see.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}

extension Store {
    /// Why the file that was opened is not the store at its path any more; `nil` if it is.
    ///
    /// SQLite goes on writing into a file that was removed, and all of it would be lost.
    public var lost: Fault? {
        guard FileIdentity(path) == file else { return takenAway(path) }
        if let log, FileIdentity("\(path)-wal") != log {
            return Fault(
                .failed, at: "\(path)-wal",
                problem: "the store's log was taken away or replaced while in use",
                suggestion:
                    "Leave the files beside the store alone. Start this command again: it writes what the log held "
                    + "into the store as it ends")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_size == 0 else { return nil }
        return Fault(
            .failed, at: path, problem: "the store was emptied while in use",
            suggestion: "Keep the files beside it, and restore a backup of it")
    }

    /// Takes the log of a file that another one has replaced out of that one's way: whoever opened that next
    /// would have SQLite write the log into it, and destroy it.
    ///
    /// - Returns: where the log is now; `nil` if there is nothing to be done.
    public func putLogAway() -> String? {
        guard let now = FileIdentity(path), now != file, let log, FileIdentity("\(path)-wal") == log
        else { return nil }
        let place = "\(path)-wal.of-replaced-\(getpid())"
        guard rename("\(path)-wal", place) == 0 else { return nil }
        unlink("\(path)-shm")
        return place
    }

    /// Checks that the file that was opened is still the store at the path.
    public func requireFile() throws(Fault) {
        if let lost { throw lost }
    }
}

func takenAway(_ path: String) -> Fault {
    Fault(
        .failed, at: path, problem: "the store was taken away or replaced while in use",
        suggestion: "Put it back, or stop this command and start it on the store that is there now")
}

/// The path by which a store knows itself, if the one given is another name of the same file: a hard link,
/// or a file that is mounted a second time.
///
/// SQLite keeps its log beside the name that it was given, and locks of Octroi's lie there, too: with two of
/// each, two writers would destroy the store.
func ownName(ofStoreAt path: String) -> String {
    guard let own = recordedPath(inStoreAt: path), own != path,
        let file = FileIdentity(path), FileIdentity(own) == file
    else { return path }
    return realPath(path) == own ? path : own
}

/// The path without links; `nil` if it leads nowhere.
func realPath(_ path: String) -> String? {
    guard let path = realpath(path, nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
}

/// What the file itself says of its path, without the log beside it, which may be the wrong one.
///
/// SQLite opens it, so that this process keeps the locks it holds on it.
private func recordedPath(inStoreAt path: String) -> String? {
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
