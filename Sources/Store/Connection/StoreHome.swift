import Host
import Sealing
import CLinux
import GRDB
import Glibc
import Units

/// The value of SQLite's `user_version` in a copy that Octroi made: the letters "Copy".
///
/// It is in the file's header, so that a copy of a store with an older schema has it, too.
let copyMark = 0x436F_7079

extension Store {
    /// Why the store does not belong to this host; `nil` if it does.
    ///
    /// A store belongs to one host and one file. Its limits are meant for that host, and of two
    /// copies only one may write them to the kernel. A file is recognized by its inode number and
    /// its birth time. Both stay the same while the file exists, and both differ in a copy or a
    /// restored file. The number of the device is not compared, because a reboot may change it.
    public func whyNotOwn() throws(Fault) -> String? {
        try read { db in try reasonNotOwn(db, path) }
    }

    /// Requires that the store may decide what is written to this host's kernel.
    ///
    /// - Throws: `failed` if the store does not belong to this host.
    public func requireOwn() throws(Fault) {
        guard let why = try whyNotOwn() else { return }
        throw Fault(
            .failed, at: escapingControlCharacters(path),
            problem: "\(escapingControlCharacters(why)), and such a store sets no limits",
            suggestion: "To let it set the limits of this host, run octroi store adopt")
    }

    /// Makes the store belong to this host.
    ///
    /// - Returns: why it did not; `nil` if it did already and nothing was changed.
    public func adopt(at now: Instant) throws(Fault) -> String? {
        try requireFile()
        let why: String? = try write { db in
            guard let why = try reasonNotOwn(db, path) else { return nil }
            try settle(db, path, in: path, at: now)
            return why
        }
        if why != nil {
            _ = try? database.writeWithoutTransaction { try $0.checkpoint() }
        }
        return why
    }

    /// The path of the original of which this store is a copy, if it still exists on this host.
    public func original() throws(Fault) -> String? {
        try read { db in
            guard let home = try Home.newest(db), home.host == thisHost.id, home.isAt(home.path),
                FileIdentity(home.path) != file
            else { return nil }
            return home.path
        }
    }
}

/// Records that a store with a new schema belongs to this host, unless it is a copy by Octroi.
///
/// - Parameters:
///   - path: the path at which the store will be found.
///   - file: where its file is now. It is moved to `path` when it is complete.
func claim(_ db: Database, _ path: String, in file: String) throws {
    if try isCopy(db) { return }
    try settle(db, path, in: file, at: Instant(seconds: Int64(time(nil))))
}

/// Whether the header says that the store is a copy made by Octroi.
private func isCopy(_ db: Database) throws -> Bool {
    try Int.fetchOne(db, sql: "PRAGMA user_version") == copyMark
}

/// Records in `store_home` that the store belongs to this host and to a file.
private func settle(
    _ db: Database, _ path: String, in file: String, at now: Instant
) throws {
    guard let identity = FileIdentity(file), let real = realPath(path) ?? placeToBe(path) else {
        throw takenAway(path)
    }
    try db.run(
        """
        INSERT INTO store_home (at_ms, uid, host, host_name, path, inode, born_ns)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [
            now.milliseconds, Int64(getuid()), thisHost.id, thisHost.name, real,
            Int64(bitPattern: identity.inode), birth(file),
        ])
    try db.execute(sql: "PRAGMA user_version = 0")
}

/// The path without symbolic links of a file that does not exist yet; `nil` without its folder.
private func placeToBe(_ path: String) -> String? {
    guard let name = path.split(separator: "/").last, let parent = realPath(parentFolder(of: path))
    else {
        return nil
    }
    return parent == "/" ? "/\(name)" : "\(parent)/\(name)"
}

/// Why the store at a path does not belong to this host; `nil` if it does.
private func reasonNotOwn(_ db: Database, _ path: String) throws -> String? {
    guard let home = try Home.newest(db) else {
        return "it is a copy that Octroi made of an older store"
    }
    if home.host != thisHost.id {
        return home.hostName == thisHost.name
            ? "it belongs to another host of the name \(home.hostName)"
            : "it belongs to another host, \(home.hostName)"
    }
    if try isCopy(db) { return "it is a backup of \(home.path)" }
    guard home.isAt(path) else {
        return realPath(path) == home.path
            ? "another file lies where the store was made: a copy of it, put in its place"
            : "it is a copy of \(home.path)"
    }
    // Two paths of the same file, for example through a link, are the same store.
    if FileIdentity(home.path) == FileIdentity(path) { return nil }
    return
        "it was moved here from \(home.path), and what was set up for it, as timers are, looks for it there"
}

/// The host and file to which a store belongs, as recorded.
private struct Home {
    /// The host's id; see `thisHost`.
    let host: String
    let hostName: String
    /// The path without symbolic links at which the store was created or adopted.
    let path: String
    /// The inode number of the file.
    let inode: Int64
    /// When the file was created, in ns since 1970; `nil` if its file system does not tell.
    let born: Int64?

    /// The home that was recorded last.
    static func newest(_ db: Database) throws -> Home? {
        try db.row("SELECT * FROM store_home ORDER BY id DESC LIMIT 1").map { row in
            Home(
                host: row["host"], hostName: row["host_name"], path: row["path"],
                inode: row["inode"], born: row["born_ns"])
        }
    }

    /// Whether the file at a path is the recorded one.
    func isAt(_ path: String) -> Bool {
        guard let file = FileIdentity(path), Int64(bitPattern: file.inode) == inode else {
            return false
        }
        // Without birth times, the inode number alone must do.
        guard let born, let now = birth(path) else { return true }
        return born == now
    }
}

/// When a file was created, in ns since 1970; `nil` if its file system does not tell.
func birth(_ path: String) -> Int64? {
    let time = clinux_birth(path)
    return time < 0 ? nil : time
}

/// Identifies this host by a hash of its machine-id; machine-id(5) asks not to reveal it as it is.
///
/// A host without a machine-id, as many containers are, is identified by its name.
private let thisHost: (id: String, name: String) = {
    var names = utsname()
    uname(&names)
    let name = withUnsafeBytes(of: &names.nodename) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let paths = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
    guard let id = paths.lazy.compactMap(machineID).first else { return ("name \(name)", name) }
    let digest = Digest()
    digest.add(Array("octroi store ".utf8) + id)
    return (hex(digest.finish()), name)
}()

/// The 32 hexadecimal digits in a file; `nil` if there are none, as before the first boot.
private func machineID(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var digits = [UInt8](repeating: 0, count: 32)
    let count = digits.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    guard count == 32, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
        digits.contains(where: { $0 != UInt8(ascii: "0") })
    else { return nil }
    return digits
}
