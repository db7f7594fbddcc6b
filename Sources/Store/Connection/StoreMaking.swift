import CLinux
import GRDB
import Glibc
import Units

extension Store {
    /// Makes the store and its folder; one that is there stays.
    ///
    /// It comes to its path only once it is whole, so that an empty file there is never one that was being
    /// made. One that is there is not opened here: closing it would let go of all locks that this process
    /// holds on it (fcntl(2)), and another process would then take the WAL away under its connections.
    static func make(at path: String) throws(Fault) {
        if access(path, F_OK) == 0 {
            guard access(path, R_OK | W_OK) == 0 else { throw cannotOpen(path) }
            return
        }
        if errno == EACCES { throw noStore(path) }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            mkdir(String(path[..<slash]), 0o750)
        }
        let lock = FolderLock(of: path)
        defer { lock.release() }
        // Another process may have made it in the meantime.
        if access(path, F_OK) == 0 { return }
        try refuseOrphanedLog(path)
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
        // A link, unlike rename, never takes the place of a file that has come meanwhile; not every file system
        // has links.
        if link(new, path) == 0 || errno == EEXIST { return }
        guard rename(new, path) == 0 else { throw cannotOpen(path) }
    }
}

/// Removes a database that was not made whole, with what SQLite keeps beside it.
private func removeDatabase(_ path: String) {
    for end in ["", "-wal", "-shm", "-journal"] { unlink(path + end) }
}

/// A log without its store holds what was written last: a new store would let SQLite throw it away.
private func refuseOrphanedLog(_ path: String) throws(Fault) {
    let log = "\(path)-wal"
    guard (size(log) ?? 0) > 0 else { return }
    throw Fault(
        .badData, at: path,
        problem:
            "the store that was here is gone, and \(log) still holds what was written to it last",
        suggestion:
            "Put the store back beside it; or move the log away, then bring back a backup or begin anew"
    )
}

/// Refuses a file that was a store and holds nothing any more: a new one would begin its ledger and the
/// numbers of its invoices anew.
///
/// An empty file that nobody ever wrote to is a place that was prepared for a store.
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
        // Another process may be making it in a place that was prepared.
        if attempt < 3 { usleep(20_000) }
    }
    throw Fault(
        .badData, at: path,
        problem: "an empty file where a store was: it was emptied, or never completely written",
        suggestion:
            "Restore a backup of it. To begin a new store in its place, remove the file first")
}

private func size(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
}

/// Makes a file of the store: its owner and group may read it, and the group may write it where the folder is
/// shared with the group (mode 2770).
///
/// - Returns: its descriptor, or -1 with `errno`, EEXIST if there is anything at the path, a link, too.
public func makeStoreFile(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { return descriptor }
    var status = stat()
    let isShared =
        stat(folder(of: path), &status) == 0 && status.st_mode & S_IWGRP != 0
        && status.st_mode & S_ISGID != 0
    if isShared { fchmod(descriptor, 0o660) }
    return descriptor
}

func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
}

/// Keeps other processes from making a store of the same folder, or bringing one to a newer schema, at the
/// same time.
///
/// On the folder, so that no file is left behind, and no lock of SQLite's on its own file is let go of.
struct FolderLock {
    private let descriptor: Int32

    init(of path: String) {
        descriptor = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Without it, SQLite's own locks still keep the file whole.
        if descriptor >= 0 { clinux_lock_wait(descriptor) }
    }

    func release() { close(descriptor) }
}

/// Why there is nothing at a path that access(2) has just failed for.
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

private func cannotOpen(_ path: String) -> Fault {
    Fault(
        errno == EACCES || errno == EPERM || errno == EROFS ? .notPermitted : .unavailable,
        at: path, problem: "the store cannot be opened for writing (\(reason(errno)))",
        suggestion: "Name a file this user may write with --db or OCTROI_DB")
}

private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
