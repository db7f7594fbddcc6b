import CLinux
import Glibc
import Metering
import Units

/// A folder whose space is measured, held open meanwhile.
///
/// ```
/// let folder = try FolderSpace(opening: "/srv/acme")
/// let bytes = try folder.projectSpace()?.bytes ?? folder.walk { true }
/// ```
public struct FolderSpace: ~Copyable {
    private let descriptor: Int32
    /// The device number of its file system.
    public let device: UInt64

    /// Opens a folder.
    ///
    /// - Throws: why it cannot be measured: it is missing, is no folder, or is a symbolic link,
    ///   which its owner could point anywhere.
    public init(opening path: String) throws(Absence) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let code = errno
            let isLink = code == ELOOP || code == ENOTDIR && isSymbolicLink(path)
            throw isLink
                ? Absence(
                    .failed, detail: "it is a symbolic link; name the folder that it leads to")
                : Absence(errno: code)
        }
        var status = stat()
        device = fstat(descriptor, &status) == 0 ? UInt64(status.st_dev) : 0
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// What the file system itself counts for the folder's project id (`quotactl_fd`, Linux 5.14).
    ///
    /// - Returns: `nil` if the folder has no project id, or the file system keeps no project quota
    ///   or does not show it to this user.
    public func projectSpace() -> (project: UInt32, bytes: Int64)? {
        var project: UInt32 = 0
        let bytes = clinux_project_space(descriptor, &project)
        return bytes < 0 ? nil : (project, bytes)
    }

    /// Adds up the blocks of everything in the folder.
    ///
    /// A file with several names counts once. Symbolic links are not followed, and other file
    /// systems that are mounted below it are left out.
    ///
    /// - Parameter goOn: called after every 1000 entries; false ends the walk. It may wait, so that
    ///   the walk leaves time to others.
    /// - Returns: the bytes; `nil` if `goOn` ended the walk.
    /// - Throws: why the sum would not be whole.
    public func walk(goOn: () -> Bool) throws(Absence) -> Int64? {
        var walk = FolderWalk(device: device)
        // The walk closes what it is given, so it gets a descriptor of its own.
        let top = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard top >= 0 else { throw Absence(errno: errno) }
        return try walk.add(top, depth: 0, goOn) ? walk.bytes : nil
    }
}

/// One walk through a folder.
private struct FolderWalk {
    /// The file system that the walk stays on.
    let device: UInt64
    /// The sum so far.
    var bytes: Int64 = 0
    /// Files with several names that were counted, by inode.
    private var linked: Set<UInt64> = []
    /// Entries since the last call of `goOn`.
    private var entries = 0

    init(device: UInt64) { self.device = device }

    /// Each level holds a descriptor, of which a process has a limited number.
    private static let mostLevels = 400
    /// 16 million inodes take about 300 MB.
    private static let mostLinked = 16_000_000

    /// Adds a folder and everything in it, and closes it.
    ///
    /// - Returns: false if `goOn` ended the walk.
    mutating func add(_ folder: Int32, depth: Int, _ goOn: () -> Bool) throws(Absence) -> Bool {
        guard let entries = fdopendir(folder) else {
            let code = errno
            close(folder)
            throw Absence(errno: code)
        }
        defer { closedir(entries) }
        guard depth < Self.mostLevels else {
            throw Absence(.failed, detail: "folders lie \(Self.mostLevels) deep in each other")
        }
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw Absence(errno: errno) }
        try count(status)
        while let entry = readdir(entries) {
            guard try add(entry, in: folder, depth: depth, goOn) else { return false }
        }
        return true
    }

    /// Adds one entry of a folder.
    private mutating func add(
        _ entry: UnsafeMutablePointer<dirent>, in folder: Int32, depth: Int, _ goOn: () -> Bool
    ) throws(Absence) -> Bool {
        self.entries += 1
        if self.entries.isMultiple(of: 1000), !goOn() { return false }
        var status = stat()
        var inner: Int32 = -1
        let isFolder: Bool? = withUnsafePointer(to: &entry.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                let isDots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0
                guard !isDots, fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                    return nil
                }
                guard status.st_mode & S_IFMT == S_IFDIR else { return false }
                guard UInt64(status.st_dev) == device else { return nil }
                inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                return true
            }
        }
        // An entry that is gone meanwhile holds nothing.
        guard let isFolder else { return true }
        guard isFolder else {
            if UInt64(status.st_dev) == device { try count(status) }
            return true
        }
        guard inner >= 0 else {
            if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { return true }
            throw Absence(errno: errno)
        }
        return try add(inner, depth: depth + 1, goOn)
    }

    /// Adds the blocks of one file or folder.
    private mutating func count(_ status: stat) throws(Absence) {
        if status.st_nlink > 1, status.st_mode & S_IFMT != S_IFDIR {
            guard linked.insert(UInt64(status.st_ino)).inserted else { return }
            guard linked.count <= Self.mostLinked else {
                throw Absence(
                    .failed, detail: "more than \(Self.mostLinked) files have several names")
            }
        }
        // A block of st_blocks is 512 bytes, whatever the file system's own blocks are (stat(2)).
        let (size, isLarge) = Int64(status.st_blocks).multipliedReportingOverflow(by: 512)
        let (sum, isTooMuch) = bytes.addingReportingOverflow(size)
        guard !isLarge, !isTooMuch else {
            throw Absence(.malformed, detail: "the blocks come to more than \(Int64.max) bytes")
        }
        bytes = sum
    }
}

/// Whether a path is a symbolic link.
private func isSymbolicLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}

extension Absence {
    /// Why a folder could not be read.
    fileprivate init(errno code: Int32) {
        let isForbidden = code == EACCES || code == EPERM
        self.init(isForbidden ? .notPermitted : .failed, detail: String(cString: strerror(code)))
    }
}
