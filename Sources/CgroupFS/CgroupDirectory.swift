import Units
import CLinux
import CgroupFormat
import Glibc
import SystemPackage

/// One open cgroup directory.
///
/// All files are opened relative to this directory's descriptor. If the cgroup is removed and
/// another one is created under the same name, this object still refers to the old one and its
/// reads fail with `ENODEV` or `ENOENT`. It never reads the new cgroup's counters by mistake.
public final class CgroupDirectory {
    private let descriptor: Int32
    /// Kept files, indexed by `KernelFile.rawValue`; empty if this directory does not keep files.
    private var files: [Slot] = []
    /// Shared count of descriptors; the ones held here are returned to it on deinit.
    private var budget: DescriptorBudget?
    /// State of one kept file.
    private enum Slot {
        /// Not tried yet, or not kept because the budget was empty.
        case unopened
        case open(Int32)
        /// Could not be opened: the errno. Not tried again until `forgetMissing()`.
        case missing(Int32)
    }

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        for case .open(let file) in files {
            close(file)
            budget?.left += 1
        }
        if let budget { budget.left += 1 }
        close(descriptor)
    }

    /// Opens a directory by its path.
    ///
    /// Follows symbolic links; only children are opened without following them.
    public convenience init(path: String) throws(Errno) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        self.init(descriptor: descriptor)
    }

    /// Opens a child directory; symbolic links, `.` and `..` are refused.
    public func child(_ name: CgroupName) throws(Errno) -> CgroupDirectory {
        guard !name.isDots else { throw .noSuchFileOrDirectory }
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
        let child = name.withCString { openat(descriptor, $0, flags) }
        guard child >= 0 else { throw Errno(rawValue: errno) }
        return CgroupDirectory(descriptor: child)
    }

    /// The inode number, which is the kernel's cgroup id and is never reused within one boot.
    ///
    /// In a plain folder (not cgroup2) an inode number can be reused at once.
    public func id() throws(Errno) -> Int64 { Int64(bitPattern: UInt64(try status().st_ino)) }

    /// The device number of the file system (`st_dev`).
    func device() throws(Errno) -> UInt64 { UInt64(try status().st_dev) }

    private func status() throws(Errno) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }

    /// The raw descriptor; it stays owned by this object.
    var number: Int32 { descriptor }

    /// Whether this is a cgroup2 file system and not a plain folder with the same files.
    public var isKernel: Bool { clinux_is_cgroup2(descriptor) == 1 }

    /// Keeps the files of this directory open after their first read, as far as the budget allows.
    ///
    /// Reading a kept descriptor costs a fifth of opening, reading and closing. Use it only in the
    /// kernel's tree, where a file exists exactly as long as its cgroup.
    ///
    /// - Returns: false if the budget does not even allow the directory itself to stay open. Then
    ///   nothing is kept, and the caller must not hold on to this object.
    func keepFiles(within budget: DescriptorBudget) -> Bool {
        guard budget.take() else { return false }
        self.budget = budget
        files = Array(repeating: .unopened, count: KernelFile.allCases.count)
        return true
    }

    /// Allows files that were missing to be tried again, because a controller may now be enabled.
    func forgetMissing() {
        for index in files.indices {
            if case .missing = files[index] { files[index] = .unopened }
        }
    }

    /// The kept descriptor of a file, opened on first use; `nil` if missing or not to be kept.
    func descriptor(of file: KernelFile) -> Int32? {
        guard !files.isEmpty else { return nil }
        if case .unopened = files[file.rawValue], let budget, budget.take() {
            // Writing to memory.peak starts a peak that belongs to this descriptor only (Linux
            // 6.12), so this file needs a writable descriptor.
            let mode = file == .memoryPeak ? O_RDWR : O_RDONLY
            do throws(Errno) {
                files[file.rawValue] = .open(try open(file.name, mode))
            } catch {
                files[file.rawValue] = .missing(error.rawValue)
                budget.left += 1
            }
        }
        guard case .open(let opened) = files[file.rawValue] else { return nil }
        return opened
    }

    /// The names of the child directories, in the order of readdir(3).
    public func children() throws(Errno) -> [CgroupName] { try entries().map(\.name) }

    /// The child directories with their inode numbers, in the order of readdir(3).
    ///
    /// Where another file system is mounted on a child, readdir(3) reports the inode below the
    /// mount.
    func entries() throws(Errno) -> [(name: CgroupName, id: Int64)] {
        // Open a second descriptor: closedir closes the one it is given, and the read offset must
        // start at 0.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw Errno(rawValue: errno) }
        guard let stream = fdopendir(copy) else {
            close(copy)
            throw Errno(rawValue: errno)
        }
        defer { closedir(stream) }
        var entries: [(name: CgroupName, id: Int64)] = []
        while let entry = readdir(stream) {
            let type = entry.pointee.d_type
            guard type == UInt8(DT_DIR) || type == UInt8(DT_UNKNOWN) else { continue }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                CgroupName($0.prefix { $0 != 0 })
            }
            if name.isDots || (type == UInt8(DT_UNKNOWN) && !isDirectory(name)) { continue }
            // In a plain folder, a directory named like a cgroup file is a broken file, not a
            // cgroup.
            if Self.fileNames.contains(name), !isKernel { continue }
            entries.append((name, Int64(bitPattern: UInt64(entry.pointee.d_ino))))
        }
        return entries
    }

    /// The names that `entries()` does not take for cgroups in a plain folder.
    private static let fileNames = Set(
        (KernelFile.allCases.map(\.text) + ["cgroup.procs"]).map { CgroupName($0) })

    /// Whether there are child directories now; false if the directory cannot be listed.
    public var hasChildren: Bool { ((try? children()) ?? []).isEmpty == false }

    private func isDirectory(_ name: CgroupName) -> Bool {
        var status = stat()
        let found = name.withCString { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return found == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads a whole kernel file that is opened for this call only.
    ///
    /// - Parameters:
    ///   - file: the file's name, such as `cgroup.procs`.
    ///   - buffer: receives the text. It grows as needed, up to 1 MiB.
    /// - Returns: the number of bytes read.
    /// - Throws: `fileTooLarge` above 1 MiB, or the errno of open(2) or read(2).
    public func read(_ file: StaticString, into buffer: inout [UInt8]) throws(Errno) -> Int {
        let opened = try open(file, O_RDONLY)
        defer { close(opened) }
        return try readWhole(opened, into: &buffer)
    }

    /// Reads a whole kernel file, through its kept descriptor if there is one.
    ///
    /// The kernel returns such a file in one piece, so a single pread(2) is enough as long as it
    /// does not fill the buffer.
    ///
    /// - Returns: the number of bytes read into `buffer`.
    /// - Throws: `ENODEV` if the cgroup is gone, `ENOENT` if only this file is gone, or the errno
    ///   that an earlier attempt to open the file gave (see `forgetMissing()`).
    public func read(_ file: KernelFile, into buffer: inout [UInt8]) throws(Errno) -> Int {
        if !files.isEmpty, case .missing(let error) = files[file.rawValue] {
            throw Errno(rawValue: error)
        }
        guard let opened = descriptor(of: file) else {
            if !files.isEmpty, case .missing(let error) = files[file.rawValue] {
                throw Errno(rawValue: error)
            }
            return try read(file.name, into: &buffer)
        }
        let count = buffer.withUnsafeMutableBytes { pread(opened, $0.baseAddress, $0.count, 0) }
        if count < 0 {
            let error = Errno(rawValue: errno)
            throw error.rawValue == ENODEV ? takenAway(file) : error
        }
        return count < buffer.count ? count : try readWhole(opened, into: &buffer)
    }

    /// Closes a kept file that returned `ENODEV` and finds out what is gone.
    ///
    /// The kernel invalidates an open file when the cgroup is removed. It also does so when only
    /// this file is removed: its controller was disabled, or 0 was written to `cgroup.pressure`. If
    /// the file exists again by now, this reading still reports it as missing, because its counters
    /// restarted at 0.
    ///
    /// - Returns: `ENODEV` if the cgroup is gone, `ENOENT` if only the file is.
    private func takenAway(_ file: KernelFile) -> Errno {
        if case .open(let ended) = files[file.rawValue] {
            close(ended)
            budget?.left += 1
        }
        files[file.rawValue] = .unopened
        return isRemoved ? Errno(rawValue: ENODEV) : .noSuchFileOrDirectory
    }

    /// Whether the cgroup is gone, judged by `cgroup.procs`, a file that every cgroup has.
    ///
    /// A file that cannot be opened for another reason, such as missing permission, still exists.
    private var isRemoved: Bool {
        do throws(Errno) {
            close(try open("cgroup.procs", O_RDONLY))
            return false
        } catch {
            return error.meansVanished
        }
    }

    private func open(_ file: StaticString, _ mode: Int32) throws(Errno) -> Int32 {
        // O_NONBLOCK: without it, opening a FIFO would block until its other end is opened.
        let flags = mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let opened = file.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) {
                $0.baseAddress.map { openat(descriptor, $0, flags) }
            }
        }
        guard let opened, opened >= 0 else { throw Errno(rawValue: errno) }
        return try plainFile(opened)
    }

    /// Reads an open file from beginning to end.
    ///
    /// - Throws: `fileTooLarge` above 1 MiB.
    private func readWhole(_ opened: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        var length = 0
        while true {
            if length == buffer.count {
                guard buffer.count < 1 << 20 else { throw .fileTooLarge }
                buffer.append(contentsOf: repeatElement(0, count: max(4096, buffer.count)))
            }
            // The kernel may return less than asked for so that no line is cut. Only 0 means the
            // end.
            let count = buffer.withUnsafeMutableBytes {
                pread(opened, $0.baseAddress.map { $0 + length }, $0.count - length, off_t(length))
            }
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            if count == 0 { return length }
            length += count
        }
    }

    /// Reads a kernel file as text, with invalid UTF-8 replaced by U+FFFD.
    public func text(of file: StaticString) throws(Errno) -> String {
        var buffer: [UInt8] = []
        let length = try read(file, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Reads a file below this directory whose name is only known at run time.
    ///
    /// The name may be a relative path. It cannot leave this directory: openat2(2) refuses symbolic
    /// links, `..` and other mounts.
    public func text(named file: String) throws(Errno) -> String {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
        let opened = try plainFile(clinux_open_beneath(descriptor, file, flags))
        defer { close(opened) }
        // Limits are short and come in one piece. A read that leaves room for another line was
        // therefore the whole file, and one system call is enough.
        let short = withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { short in
            let count = pread(opened, short.baseAddress, short.count, 0)
            return 0...64 ~= count ? String(decoding: short.prefix(count), as: UTF8.self) : nil
        }
        if let short { return short }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = try readWhole(opened, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Writes a value to a kernel file with one `write(2)`.
    ///
    /// The file must exist; it is never created. Its name cannot leave this directory (see
    /// `text(named:)`). `O_NONBLOCK` keeps newer kernels from making this process reclaim the
    /// memory that a lower memory limit frees. In a plain folder the file is truncated first.
    ///
    /// - Throws: the errno of open(2) or write(2); `EIO` if only a part was written.
    public func write(_ value: String, to file: String) throws(Errno) {
        let base = O_WRONLY | O_CLOEXEC | O_NONBLOCK
        let opened = try plainFile(
            clinux_open_beneath(descriptor, file, isKernel ? base : base | O_TRUNC))
        defer { close(opened) }
        var bytes = Array(value.utf8)
        let count = bytes.withUnsafeMutableBytes { Glibc.write(opened, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw Errno(rawValue: count < 0 ? errno : EIO) }
    }
}

/// The name of one directory as the kernel stores it: any bytes except `/` and NUL.
public struct CgroupName: Hashable, Sendable {
    private let bytes: [UInt8]

    /// A name from its raw bytes.
    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// A name from text, stored as UTF-8.
    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// Reverses `text`: turns each escape `\xHH` back into its byte.
    ///
    /// Only escapes that `text` produces are decoded: upper-case digits of a byte outside printable
    /// ASCII. systemd itself puts escapes such as `\x2d` into names; 0x2D is printable, so these
    /// stay as the four characters they are.
    init(printed text: some StringProtocol) {
        bytes = ByteEscape.upperHexadecimal.decode(text) { !(0x20...0x7E).contains($0) }
    }

    /// Whether this is `.` or `..`.
    var isDots: Bool { bytes == [0x2E] || bytes == [0x2E, 0x2E] }

    /// Calls `body` with the name as a NUL-terminated C string.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let terminated = bytes.map(CChar.init(bitPattern:)) + [0]
        return terminated.withUnsafeBufferPointer { buffer in
            // The array holds at least the terminator, so baseAddress is never nil.
            buffer.baseAddress.map(body) ?? "".withCString(body)
        }
    }

    /// The name as text: printable ASCII unchanged, every other byte as `\xHH`.
    ///
    /// Example: the UTF-8 name `é` becomes `\xC3\xA9`. Names that Unicode treats as equal, such as
    /// composed and decomposed letters, stay different.
    public var text: String {
        // Fast path: nearly every name is plain ASCII, and building it byte by byte costs more than
        // reading a file.
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        return bytes.map(printable).joined()
    }
}
