import CLinux
import CgroupFormat
import Glibc
import SystemPackage

/// One open cgroup directory.
///
/// Its files are read relative to it, so a cgroup that is removed and made anew under the same
/// name is never taken for the old one.
public final class CgroupDirectory {
    private let descriptor: Int32
    /// Open files by `KernelFile`, if they are kept.
    private var files: [Slot] = []
    private var budget: DescriptorBudget?
    /// The errors of files that could not be opened; asked again only after `forgetMissing`.
    private enum Slot {
        case unopened
        case open(Int32)
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
    public convenience init(path: String) throws(Errno) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        self.init(descriptor: descriptor)
    }

    /// Opens a child; symbolic links are refused.
    public func child(_ name: CgroupName) throws(Errno) -> CgroupDirectory {
        guard !name.isDots else { throw .noSuchFileOrDirectory }
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
        let child = name.withCString { openat(descriptor, $0, flags) }
        guard child >= 0 else { throw Errno(rawValue: errno) }
        return CgroupDirectory(descriptor: child)
    }

    /// The inode, which is the kernel's cgroup id: never used twice in one boot.
    public func id() throws(Errno) -> Int64 { Int64(bitPattern: UInt64(try status().st_ino)) }

    /// The file system it lies on.
    func device() throws(Errno) -> UInt64 { UInt64(try status().st_dev) }

    private func status() throws(Errno) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }

    /// The open descriptor.
    var number: Int32 { descriptor }

    /// Whether this is a cgroup2 file system, not a plain folder with the same files.
    public var isKernel: Bool { clinux_is_cgroup2(descriptor) == 1 }

    /// Keeps this directory's files open from now on, as long as the budget lasts.
    ///
    /// Reading a kept descriptor costs a fifth of opening, reading and closing. Right for the
    /// kernel's tree only: there a file lives as long as its cgroup.
    ///
    /// - Returns: false if not even the directory itself should be.
    func keepFiles(within budget: DescriptorBudget) -> Bool {
        guard budget.take() else { return false }
        self.budget = budget
        files = Array(repeating: .unopened, count: KernelFile.allCases.count)
        return true
    }

    /// Looks again for files that were not there: a controller may have been switched on.
    func forgetMissing() {
        for index in files.indices {
            if case .missing = files[index] { files[index] = .unopened }
        }
    }

    /// The kept descriptor of a file, opened if need be; `nil` if it cannot be kept.
    func descriptor(of file: KernelFile) -> Int32? {
        guard !files.isEmpty else { return nil }
        if case .unopened = files[file.rawValue], let budget, budget.take() {
            // Writing to memory.peak starts a peak of this descriptor's own (Linux 6.12).
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

    /// The names of the child directories.
    public func children() throws(Errno) -> [CgroupName] { try entries().map(\.name) }

    /// The child directories, by name and inode.
    func entries() throws(Errno) -> [(name: CgroupName, id: Int64)] {
        // A descriptor of its own: fdopendir takes it over, and its offset must start at 0.
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
            // In a plain folder, a folder in a file's place is no cgroup, but a file that is wrong.
            if Self.fileNames.contains(name), !isKernel { continue }
            entries.append((name, Int64(bitPattern: UInt64(entry.pointee.d_ino))))
        }
        return entries
    }

    private static let fileNames = Set(
        (KernelFile.allCases.map(\.text) + ["cgroup.procs"]).map { CgroupName($0) })

    /// Whether it has child directories now.
    public var hasChildren: Bool { ((try? children()) ?? []).isEmpty == false }

    private func isDirectory(_ name: CgroupName) -> Bool {
        var status = stat()
        let found = name.withCString { fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return found == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads a kernel file whole.
    ///
    /// - Parameters:
    ///   - buffer: takes the text; grown as needed, up to 1 MiB.
    /// - Returns: the number of bytes read.
    public func read(_ file: StaticString, into buffer: inout [UInt8]) throws(Errno) -> Int {
        let opened = try open(file, O_RDONLY)
        defer { close(opened) }
        return try readWhole(opened, into: &buffer)
    }

    /// The same for a file that may be kept open.
    ///
    /// Its text comes in one piece, so one read is enough if there is room left behind it.
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

    /// Lets go of a file whose kept descriptor the kernel has ended.
    ///
    /// The kernel does so when the cgroup is removed, and also when it takes away this file alone: its
    /// controller was switched off, or `cgroup.pressure` set to 0. A file that is back by now is missing in
    /// this reading all the same, for its counters began anew.
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

    /// Whether even the file that every cgroup has is gone; one that cannot be opened for another reason is
    /// there.
    private var isRemoved: Bool {
        do throws(Errno) {
            close(try open("cgroup.procs", O_RDONLY))
            return false
        } catch {
            return error.meansVanished
        }
    }

    private func open(_ file: StaticString, _ mode: Int32) throws(Errno) -> Int32 {
        // Whoever opens a FIFO waits for its other end, but for O_NONBLOCK.
        let flags = mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let opened = file.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) {
                $0.baseAddress.map { openat(descriptor, $0, flags) }
            }
        }
        guard let opened, opened >= 0 else { throw Errno(rawValue: errno) }
        return try plainFile(opened)
    }

    /// Reads an open file from its beginning to its end.
    private func readWhole(_ opened: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        var length = 0
        while true {
            if length == buffer.count {
                guard buffer.count < 1 << 20 else { throw .fileTooLarge }
                buffer.append(contentsOf: repeatElement(0, count: max(4096, buffer.count)))
            }
            // The kernel may end a read early so as not to break a line: only 0 is the end.
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

    /// Reads a kernel file as text.
    public func text(of file: StaticString) throws(Errno) -> String {
        var buffer: [UInt8] = []
        let length = try read(file, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Reads a kernel file whose name is not known beforehand, beneath this directory.
    public func text(named file: String) throws(Errno) -> String {
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
        let opened = try plainFile(clinux_open_beneath(descriptor, file, flags))
        defer { close(opened) }
        // A limit comes in one piece: what leaves room for another line is all there is.
        let short = withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { short in
            let count = pread(opened, short.baseAddress, short.count, 0)
            return 0...64 ~= count ? String(decoding: short.prefix(count), as: UTF8.self) : nil
        }
        if let short { return short }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = try readWhole(opened, into: &buffer)
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Writes a value to a kernel file in one `write(2)`.
    ///
    /// The file is opened without `O_CREAT`, beneath this directory, and with `O_NONBLOCK`, so
    /// that newer kernels do not make this process reclaim the memory a lower limit frees.
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

/// A directory's name as the kernel has it: any bytes but `/` and NUL.
public struct CgroupName: Hashable, Sendable {
    private let bytes: [UInt8]

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// The name whose `text` this is.
    ///
    /// A name that holds `\x` itself, as systemd's do, reads the same: then both bytes stand there.
    init(printed text: some StringProtocol) {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let code = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), code.first == UInt8(ascii: "x"), code.count == 3,
                let value = UInt8(String(decoding: code.dropFirst(), as: UTF8.self), radix: 16),
                !(0x20...0x7E).contains(value),
                String(decoding: code.dropFirst(), as: UTF8.self).uppercased()
                    == String(decoding: code.dropFirst(), as: UTF8.self)
            {
                bytes.append(value)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        self.bytes = bytes
    }

    var isDots: Bool { bytes == [0x2E] || bytes == [0x2E, 0x2E] }

    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let terminated = bytes.map(CChar.init(bitPattern:)) + [0]
        return terminated.withUnsafeBufferPointer { buffer in
            // The array holds at least its terminator, so there is a base address.
            buffer.baseAddress.map(body) ?? "".withCString(body)
        }
    }

    /// The name as text: printable ASCII as it is, every other byte as `\xHH`.
    ///
    /// Two names that Unicode holds equal, such as composed and decomposed letters, stay two.
    public var text: String {
        // Nearly every name is plain; building it byte by byte would cost more than a read.
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        return bytes.map(printable).joined()
    }
}
