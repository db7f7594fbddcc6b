import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// One cgroup of a tree that is kept up to date.
///
/// A node lives as long as its cgroup, and after that until the tick that reports its end is
/// committed.
final class CgroupNode {
    /// How a cgroup is metered.
    enum Kind {
        /// Has no account, because the cgroups below it have theirs.
        case inner
        /// An account without children; it becomes inner, or whole, once it gets children.
        case leaf
        /// One container together with everything below it.
        case whole
    }

    /// The inode number; 0 for the root of the tree.
    let id: Int64
    let name: CgroupName
    /// The path below the root of the tree, such as `/system.slice/web.service`.
    let path: String
    /// 0 for the root of the tree, 1 for its children.
    let depth: Int
    private(set) weak var parent: CgroupNode?
    /// The open directory that stays open.
    ///
    /// It is `nil` where the limit of open files is too low, in a plain folder (where directories
    /// may be replaced), and after the cgroup is gone.
    private var held: CgroupDirectory?
    /// A directory that is open only while its files are read; see `openTemporarily()`.
    private var lent: CgroupDirectory?
    /// Files that did not exist, one bit per `KernelFile`.
    ///
    /// Used while `held` is `nil`; otherwise the open directory remembers this.
    private var missing: UInt32 = 0
    var children: [CgroupName: CgroupNode] = [:]
    var kind = Kind.leaf
    /// What its path says about it; `nil` before the first look.
    var nesting: Nesting?
    var isTenantRoot = false
    /// The id of the nearest tenant root above it; `nil` if there is none.
    var root: Int64?
    /// Children that exist but could not be opened.
    ///
    /// Once they can be opened they get no `birth`, because they may be old.
    var hidden: Set<CgroupName> = []
    /// When its children were last listed; `nil` if they could not be.
    var listed: Moment?
    /// When the cgroup was created, as far as that is proven; its counters start at 0 then.
    ///
    /// This is the time at which its creation event was handled, or else the time of the last
    /// listing of its parent, in which it was missing. It is `nil` if the cgroup may be older, and
    /// after the birth was reported in a committed tick.
    var birth: Moment?
    /// The inotify watch descriptor for its children; `nil` if it has none.
    var watch: Int32?
    /// Whether processes live in it or below it; `nil` if no file says so.
    var isPopulated: Bool?
    /// Whether the kernel sends an event when `isPopulated` changes.
    var isNoticed = false
    /// The reading taken after its last process exited.
    var last: LastReading?
    /// Whether the cgroup has been removed.
    var isGone = false
    /// Whether it had children since the last `acknowledge()`.
    ///
    /// Then its counters include their usage.
    var hadChildren = false
    /// Which network its processes use, as far as known.
    var network = NetworkState.unknown
    /// Its network counters, read when its last process exited.
    var lastNetwork: LastNetwork?
    /// Its CPU counter in µs in the last common reading of its tenant root (see `Standing`).
    var standingCPU: Int64 = 0
    /// The CPU counter in µs deduced after an unread end; see `CgroupTree.deducedCPU(of:)`.
    var deducedCPU: Int64?

    /// Creates a node whose kind is not known yet.
    ///
    /// - Parameter holding: the directory to keep open, if it is to be kept.
    init(
        id: Int64, name: CgroupName, path: String, parent: CgroupNode?, holding: CgroupDirectory?
    ) {
        (self.id, self.name, self.path) = (id, name, path)
        (self.parent, held) = (parent, holding)
        depth = (parent?.depth ?? -1) + 1
    }

    /// Its directory: the open one if there is one, otherwise opened through its parent.
    ///
    /// - Throws: `ENODEV` if the cgroup is gone, also if another one has its name now.
    func directory() throws(Errno) -> CgroupDirectory {
        if let open = held ?? lent { return open }
        guard !isGone, let parent else { throw Errno(rawValue: ENODEV) }
        let opened = try parent.directory().child(name)
        guard try opened.id() == id else { throw Errno(rawValue: ENODEV) }
        return opened
    }

    /// Opens its directory for several reads in a row, unless it is kept open anyway.
    func openTemporarily() {
        if held == nil { lent = try? directory() }
    }

    /// Allows missing files to be tried again, because a controller may now be enabled.
    func forgetMissing() {
        missing = 0
        held?.forgetMissing()
    }

    /// Closes the directory that `openTemporarily()` opened.
    func closeTemporary() { lent = nil }

    /// Closes its directory for good.
    func close() { (held, lent) = (nil, nil) }

    /// Whether it keeps an account.
    var isAccount: Bool { kind != .inner || isTenantRoot }

    /// How the cgroup ended; `nil` while it exists.
    var end: CgroupEnd? { isGone ? last == nil ? .unread : .read : nil }
}

/// What the files of a cgroup contained after its last process exited.
struct LastReading {
    /// When the files were read.
    var moment: Moment
    /// The text of each `KernelFile`, by its raw value; `nil` for a file that could not be read.
    ///
    /// The list is empty if a tick has already metered this reading and nothing ran since.
    var texts: [[UInt8]?]
}

/// The network counters of a container, read after its last process exited.
struct LastNetwork {
    /// The inode number of the network namespace.
    var namespace: Int64
    /// The text of `net/dev`.
    var text: [UInt8]
}

extension CgroupNode {
    /// Reads all files into `last`.
    ///
    /// If the cgroup disappears meanwhile and `cpu.stat` cannot be read, `last` becomes `nil`.
    func captureLast(at moment: Moment, _ buffer: inout [UInt8]) {
        var texts: [[UInt8]?] = []
        for file in KernelFile.allCases {
            let length = try? directory().read(file, into: &buffer)
            texts.append(length.map { Array(buffer[..<$0]) })
        }
        // The cgroup may be removed during the readings. Without the CPU counter they are useless.
        let isWhole = texts[KernelFile.cpuStat.rawValue] != nil
        last = isWhole ? LastReading(moment: moment, texts: texts) : nil
    }

    /// Whether its directory is gone, as opposed to only a file in it.
    ///
    /// A directory that is kept open reports removal by `ENODEV`, so false is returned for it.
    private var isRemoved: Bool {
        guard held == nil else { return false }
        closeTemporary()
        do throws(Errno) {
            lent = try directory()
            return false
        } catch {
            return error.meansVanished
        }
    }

    /// Reads a file; once the cgroup is gone, from the last reading.
    ///
    /// If the read shows that the cgroup was removed, `isGone` becomes true.
    ///
    /// - Returns: the number of bytes read into `buffer`.
    /// - Throws: `ENODEV` if the cgroup is gone and its last reading has no text for this file.
    func read(_ file: KernelFile, into buffer: inout [UInt8]) throws(Errno) -> Int {
        if !isGone {
            if missing >> UInt32(file.rawValue) & 1 == 1 { throw .noSuchFileOrDirectory }
            do throws(Errno) {
                return try directory().read(file, into: &buffer)
            } catch {
                let isMissing = error == .noSuchFileOrDirectory
                guard error.rawValue == ENODEV || isMissing && isRemoved else {
                    if isMissing, held == nil { missing |= 1 << UInt32(file.rawValue) }
                    throw error
                }
                isGone = true
            }
        }
        guard let texts = last?.texts, !texts.isEmpty, let text = texts[file.rawValue] else {
            throw Errno(rawValue: ENODEV)
        }
        if buffer.count < text.count {
            buffer.append(contentsOf: repeatElement(0, count: text.count - buffer.count))
        }
        buffer.replaceSubrange(..<text.count, with: text)
        return text.count
    }
}

extension Errno {
    /// Whether the error means that the cgroup was removed.
    ///
    /// Opening a directory then gives `ENOENT`, reading a kept descriptor gives `ENODEV`.
    var meansVanished: Bool { rawValue == Glibc.ENOENT || rawValue == Glibc.ENODEV }
}

extension CgroupDirectory {
    /// Whether processes live here or below; `nil` if that cannot be read.
    ///
    /// Taken from `populated` in `cgroup.events`. Without that file, `cgroup.procs` decides, which
    /// shows only processes of this cgroup itself.
    func isPopulated(_ buffer: inout [UInt8]) -> Bool? {
        if let length = try? read(.cgroupEvents, into: &buffer),
            let events = try? CgroupEvents(parsing: buffer.span.extracting(0..<length))
        {
            return events.populated
        }
        return holdsProcesses(&buffer)
    }

    /// The CPU counter `usage_usec` of `cpu.stat` in µs; `nil` if it cannot be read.
    func cpuUsage(_ buffer: inout [UInt8]) -> Int64? {
        guard let length = try? read(.cpuStat, into: &buffer),
            let stat = try? CPUStat(parsing: buffer.span.extracting(0..<length))
        else { return nil }
        return stat.usageMicroseconds
    }

    /// Whether `cgroup.procs` lists processes of this cgroup itself; `nil` if it cannot be read.
    ///
    /// In a threaded cgroup the kernel refuses this read, because its processes belong to the
    /// threaded domain above it.
    func holdsProcesses(_ buffer: inout [UInt8]) -> Bool? {
        (try? read("cgroup.procs", into: &buffer)).map { $0 > 0 }
    }
}
