import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// One cgroup of a tree that is kept up to date.
final class CgroupNode {
    /// What it is, once it was looked at.
    enum Kind {
        case inner
        /// An account that grows no other accounts below it, unless it gets children.
        case leaf
        /// One container with all below it.
        case whole
    }

    let id: Int64
    let name: CgroupName
    let path: String
    let depth: Int
    private(set) weak var parent: CgroupNode?
    /// Its open directory; `nil` where too few descriptors are allowed, in a plain folder, whose
    /// directories may be replaced, and once it is gone.
    private var held: CgroupDirectory?
    private var lent: CgroupDirectory?
    /// Files that were not there, one bit each, where no directory is held that knows.
    private var missing: UInt32 = 0
    var children: [CgroupName: CgroupNode] = [:]
    var kind = Kind.leaf
    /// What its path says, once it was looked at.
    var nesting: Nesting?
    var isTenantRoot = false
    /// The id of the tenant root above it.
    var root: Int64?
    /// Children that are there and could not be opened: they may be old when they can.
    var hidden: Set<CgroupName> = []
    /// When its children were last listed; `nil` if they never could be.
    var listed: Moment?
    /// After which moment it was made; `nil` where that is not proven, or was told.
    var birth: Moment?
    /// The inotify watch on its children.
    var watch: Int32?
    var isPopulated: Bool?
    /// Whether the kernel tells when `isPopulated` changes.
    var isNoticed = false
    /// What its files said after its last process had gone.
    var last: LastReading?
    var isGone = false
    /// It had children since the last survey that was acknowledged: its counters hold their usage.
    var hadChildren = false
    var network = NetworkState.unknown
    /// What its network said when its last process had gone, if it was read for that.
    var lastNetwork: LastNetwork?
    /// Its cpu counter in the standing of its tenant root, in µs.
    var standingCPU: Int64 = 0
    /// See `CgroupTree.deducedCPU`.
    var deducedCPU: Int64?

    init(
        id: Int64, name: CgroupName, path: String, parent: CgroupNode?, holding: CgroupDirectory?
    ) {
        (self.id, self.name, self.path) = (id, name, path)
        (self.parent, held) = (parent, holding)
        depth = (parent?.depth ?? -1) + 1
    }

    /// Its directory, opened anew if it is not held.
    func directory() throws(Errno) -> CgroupDirectory {
        if let open = held ?? lent { return open }
        guard !isGone, let parent else { throw Errno(rawValue: ENODEV) }
        let opened = try parent.directory().child(name)
        guard try opened.id() == id else { throw Errno(rawValue: ENODEV) }
        return opened
    }

    /// Opens its directory, if it is not held, for several readings in a row.
    func openTemporarily() {
        if held == nil { lent = try? directory() }
    }

    /// Looks again for files that were not there: a controller may have been switched on.
    func forgetMissing() {
        missing = 0
        held?.forgetMissing()
    }

    /// Closes what was lent.
    func closeTemporary() { lent = nil }

    /// Closes what it holds open.
    func close() { (held, lent) = (nil, nil) }

    /// Whether it keeps an account.
    var isAccount: Bool { kind != .inner || isTenantRoot }

    var end: CgroupEnd? { isGone ? last == nil ? .unread : .read : nil }
}

/// What a cgroup said after its last process had gone.
struct LastReading {
    var moment: Moment
    /// By `KernelFile`, `nil` for one that gave none; empty if nothing came since a tick read it.
    var texts: [[UInt8]?]
}

/// The counters of a network that outlived its container's last process.
struct LastNetwork {
    var namespace: Int64
    var text: [UInt8]
}

extension CgroupNode {
    /// Takes a last reading.
    func captureLast(at moment: Moment, _ buffer: inout [UInt8]) {
        var texts: [[UInt8]?] = []
        for file in KernelFile.allCases {
            let length = try? directory().read(file, into: &buffer)
            texts.append(length.map { Array(buffer[..<$0]) })
        }
        // The cgroup may have gone in the middle: without its cpu counter it is no reading.
        let isWhole = texts[KernelFile.cpuStat.rawValue] != nil
        last = isWhole ? LastReading(moment: moment, texts: texts) : nil
    }

    /// Whether its directory cannot be found any more: a file alone may be missing.
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
    /// Whether the cgroup is gone: its directory (`ENOENT`), or it under a kept descriptor
    /// (`ENODEV`).
    var meansVanished: Bool { rawValue == Glibc.ENOENT || rawValue == Glibc.ENODEV }
}

extension CgroupDirectory {
    /// Whether processes live here or below, by `cgroup.events`, else by `cgroup.procs`.
    func isPopulated(_ buffer: inout [UInt8]) -> Bool? {
        if let length = try? read(.cgroupEvents, into: &buffer),
            let events = try? CgroupEvents(parsing: buffer.span.extracting(0..<length))
        {
            return events.populated
        }
        return holdsProcesses(&buffer)
    }

    /// The cpu counter, in µs.
    func cpuUsage(_ buffer: inout [UInt8]) -> Int64? {
        guard let length = try? read(.cpuStat, into: &buffer),
            let stat = try? CPUStat(parsing: buffer.span.extracting(0..<length))
        else { return nil }
        return stat.usageMicroseconds
    }

    /// Whether processes live right here, by `cgroup.procs`.
    ///
    /// The kernel refuses the read in a threaded cgroup: its processes count where it is rooted.
    func holdsProcesses(_ buffer: inout [UInt8]) -> Bool? {
        (try? read("cgroup.procs", into: &buffer)).map { $0 > 0 }
    }
}
