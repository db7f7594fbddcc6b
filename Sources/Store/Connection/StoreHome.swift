import Sealing
import CLinux
import GRDB
import Glibc
import Units

/// What SQLite's `user_version` is in a copy that Octroi made: "Copy".
///
/// In the header, so that a copy of an older schema says it as well.
let copyMark = 0x436F_7079

extension Store {
    /// Why the store is not this host's own, in words; `nil` if it is.
    ///
    /// It belongs to one host and one file: what it wants of limits is meant for that host, and of two copies
    /// only one may write them. A file is told by its number and the time it was made, as neither changes
    /// while it lives, and both do where it is copied or brought back. The device's number is not looked at:
    /// after a reboot it may be another.
    public func whyNotOwn() throws(Fault) -> String? {
        try read { db in try reasonNotOwn(db, path) }
    }

    /// Checks that the store may decide what is written to this host's kernel.
    public func requireOwn() throws(Fault) {
        guard let why = try whyNotOwn() else { return }
        throw Fault(
            .failed, at: escapingControlCharacters(path),
            problem: "\(escapingControlCharacters(why)), and such a store writes to no kernel",
            suggestion: "If limits of this host are to be kept by it, run octroi store adopt")
    }

    /// Makes the store this host's own.
    ///
    /// - Returns: why it was not, in words; `nil` if it was, and nothing was changed.
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

    /// Where this host has the store's original, if it still lies there.
    public func original() throws(Fault) -> String? {
        try read { db in
            guard let home = try Home.newest(db), home.host == thisHost.id, home.isAt(home.path),
                FileIdentity(home.path) != file
            else { return nil }
            return home.path
        }
    }
}

/// Lets a store that has just got its schema be this host's own, unless it is a copy that Octroi made.
///
/// - Parameter file: where its file lies now, if it is put at the path only once it is whole.
func claim(_ db: Database, _ path: String, in file: String) throws {
    if try isCopy(db) { return }
    try settle(db, path, in: file, at: Instant(seconds: Int64(time(nil))))
}

private func isCopy(_ db: Database) throws -> Bool {
    try Int.fetchOne(db, sql: "PRAGMA user_version") == copyMark
}

/// Writes down that the store belongs to this host and to the file at the path.
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

/// The path without links of what is not there yet; `nil` if its folder is not there, either.
private func placeToBe(_ path: String) -> String? {
    guard let name = path.split(separator: "/").last, let parent = realPath(folder(of: path)) else {
        return nil
    }
    return parent == "/" ? "/\(name)" : "\(parent)/\(name)"
}

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
    // A link is another name of the same file.
    if FileIdentity(home.path) == FileIdentity(path) { return nil }
    return
        "it was moved here from \(home.path), and what was set up for it, as timers are, looks for it there"
}

/// The host and the file that a store belongs to.
private struct Home {
    let host: String
    let hostName: String
    let path: String
    let inode: Int64
    let born: Int64?

    static func newest(_ db: Database) throws -> Home? {
        try db.row("SELECT * FROM store_home ORDER BY id DESC LIMIT 1").map { row in
            Home(
                host: row["host"], hostName: row["host_name"], path: row["path"],
                inode: row["inode"], born: row["born_ns"])
        }
    }

    /// Whether the file that it names lies at a path.
    func isAt(_ path: String) -> Bool {
        guard let file = FileIdentity(path), Int64(bitPattern: file.inode) == inode else {
            return false
        }
        // Where no file says when it was made, its number has to do.
        guard let born, let now = birth(path) else { return true }
        return born == now
    }
}

/// When a file was made, in ns since 1970; `nil` where its file system does not say.
func birth(_ path: String) -> Int64? {
    let time = clinux_birth(path)
    return time < 0 ? nil : time
}

/// Which host this is: the hash of its machine-id, as machine-id(5) asks that none is shown as it is.
///
/// A host without one, as many containers are, is known by its name.
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

/// The 32 hex digits of a file; `nil` if it holds none, as before a host's first boot.
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
