import Host
import CLinux
import GRDB
import Glibc
import Units

extension Store {
    /// Creates the store and its folder, unless the store exists.
    ///
    /// The file appears at its path only when it is complete, so an empty file there never is a
    /// store in the making. An existing store is not opened here. Closing it would release all
    /// locks that this process holds on the file (fcntl(2)), and another process could then delete
    /// the log that is in use.
    static func make(at path: String) throws(Fault) {
        if access(path, F_OK) == 0 {
            guard access(path, R_OK | W_OK) == 0 else { throw cannotOpen(path) }
            return
        }
        // A folder that may not be searched says nothing about the file.
        if errno == EACCES { throw noStore(path) }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            mkdir(String(path[..<slash]), 0o750)
        }
        let lock = FolderLock(of: path)
        defer { lock.release() }
        // Another process may have created it meanwhile.
        if access(path, F_OK) == 0 { return }
        try refuseOrphanedLog(path)
        // A file of this name is left over from a process that died.
        let new = "\(path).new"
        removeDatabase(new)
        defer { removeDatabase(new) }
        let descriptor = makeStoreFile(new)
        guard descriptor >= 0 else { throw cannotOpen(path) }
        close(descriptor)
        try storeErrors(path) {
            let queue = try connect(new, .write)
            try queue.writeWithoutTransaction(setUpJournal)
            try migrator(for: path, in: new).migrate(queue)
            try queue.close()
        }
        // link, unlike rename, never replaces a file that was created meanwhile. File systems
        // without hard links need rename.
        if link(new, path) == 0 || errno == EEXIST { return }
        guard rename(new, path) == 0 else { throw cannotOpen(path) }
    }
}

/// Deletes an incomplete database and the files that SQLite keeps beside it.
private func removeDatabase(_ path: String) {
    for end in ["", "-wal", "-shm", "-journal"] { unlink(path + end) }
}

/// Refuses to create a store beside the log of a lost one.
///
/// The log holds what was written last. SQLite would discard it for a new store.
private func refuseOrphanedLog(_ path: String) throws(Fault) {
    let log = "\(path)-wal"
    guard (size(log) ?? 0) > 0 else { return }
    throw Fault(
        .badData, at: path,
        problem:
            "the store is missing, but \(log) still holds its last changes",
        suggestion:
            "Put the store back. Or move the log away, and restore a backup or start a new store"
    )
}

/// Refuses a file that was a store and is empty now.
///
/// A new store in its place would number ledger entries and invoices from 1 again. An empty file
/// that was never written to is accepted: somebody prepared a place for a store.
func refuseEmptied(_ path: String) throws(Fault) {
    for attempt in 0..<4 {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0
        else { return }
        let written = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        let isNew = birth(path).map { written - $0 < 10_000_000 } ?? true
        let isAlone =
            (size("\(path)-wal") ?? 0) == 0 && size("\(path).collector") == nil
            && size("\(path).limits") == nil
        if isNew, isAlone { return }
        // Another process may be creating the store in a prepared file just now.
        if attempt < 3 { usleep(20_000) }
    }
    throw Fault(
        .badData, at: path,
        problem: "an empty file where a store was: it was emptied, or never completely written",
        suggestion:
            "Restore a backup of it. To begin a new store in its place, remove the file first")
}

/// The size of a file in bytes; `nil` if it does not exist.
private func size(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
}

/// Prevents other processes from creating or upgrading a store in the same folder at the same time.
///
/// The lock is on the folder itself. So no lock file is left behind, and no lock that SQLite holds
/// on the store is released.
struct FolderLock {
    private let descriptor: Int32

    /// Waits for the lock.
    init(of path: String) {
        descriptor = open(parentFolder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // If the folder cannot be opened, SQLite's own locks still keep the file consistent.
        if descriptor >= 0 { clinux_lock_wait(descriptor) }
    }

    /// Releases the lock.
    func release() { close(descriptor) }
}

/// Why there is no store at a path; call it right after access(2) failed, since it reads errno.
func noStore(_ path: String) -> Fault {
    if errno == EACCES || errno == EPERM {
        return Fault(
            .notPermitted, at: path, problem: "this user may not look into the store's folder",
            suggestion:
                "Run it as the store's owner or group, or name another with --db or OCTROI_DB")
    }
    return Fault(
        .unavailable, at: path, problem: "there is no store here (\(reason(errno)))",
        suggestion: "Name one with --db or OCTROI_DB, or make it with octroi apply or collect")
}

/// Why a store cannot be opened for writing, by errno.
private func cannotOpen(_ path: String) -> Fault {
    Fault(
        errno == EACCES || errno == EPERM || errno == EROFS ? .notPermitted : .unavailable,
        at: path, problem: "the store cannot be opened for writing (\(reason(errno)))",
        suggestion: "Name a file this user may write with --db or OCTROI_DB")
}

/// The text for an errno.
private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
