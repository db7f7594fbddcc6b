import CLinux
import Glibc
import Units

/// What the kernel has to tell: births and ends in watched directories, changes of files, the time.
final class EventQueue {
    enum Event {
        /// A child was made in a watched directory.
        case made(watch: Int32, CgroupName)
        case removed(watch: Int32, CgroupName)
        /// Controllers were switched on or off for the children of a watched directory.
        case controllersChanged(watch: Int32)
        /// A file with this tag has changed.
        case noticed(UInt64)
        /// Events were lost: only a scan can tell.
        case overflow
        /// No event of a directory waits.
        case quiet
    }

    private let epoll: Int32
    private let inotify: Int32
    private let timer: Int32
    private var tags = [UInt64](repeating: 0, count: 256)
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private static let (inotifyTag, timerTag) = (UInt64.max, UInt64.max - 1)
    private static let (stopTag, wakeTag) = (UInt64.max - 2, UInt64.max - 3)

    private static let subtreeControl = CgroupName("cgroup.subtree_control")

    /// `nil` if this host gives no more descriptors; without an inotify instance no watch is had.
    init?() {
        epoll = clinux_epoll()
        inotify = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        timer = clinux_boot_timer()
        guard epoll >= 0, timer >= 0, clinux_epoll_add(epoll, timer, Self.timerTag) == 0 else {
            return nil
        }
        if inotify >= 0 { _ = clinux_epoll_add(epoll, inotify, Self.inotifyTag) }
    }

    deinit {
        for descriptor in [epoll, inotify, timer] where descriptor >= 0 { close(descriptor) }
    }

    /// Watches a directory for children made and removed; `nil` if no watch is left.
    func watch(_ directory: borrowing CgroupDirectory) -> Int32? {
        // By its descriptor: the name may be another cgroup's by now.
        let watch = inotify_add_watch(
            inotify, "/proc/self/fd/\(directory.number)",
            UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MODIFY) | UInt32(IN_ONLYDIR))
        return watch >= 0 ? watch : nil
    }

    /// Ends a watch: the kernel does not do so when a cgroup goes away.
    func unwatch(_ watch: Int32) { inotify_rm_watch(inotify, watch) }

    /// Asks for news of a kernel file; its descriptor's end ends it.
    func notice(_ descriptor: Int32, tag: UInt64) -> Bool {
        clinux_epoll_add_notice(epoll, descriptor, tag) == 0
    }

    /// Lets descriptors that become readable end every wait.
    func stop(at stop: Int32, wakeAt wake: Int32) {
        _ = clinux_epoll_add(epoll, stop, Self.stopTag)
        _ = clinux_epoll_add(epoll, wake, Self.wakeTag)
    }

    /// Waits for events until `deadline`, in µs after boot, and hands them to `take`.
    ///
    func wait(until deadline: Int64, _ take: (Event) -> Void) -> FollowEnd {
        clinux_boot_timer_set(timer, deadline * 1000)
        while true {
            switch poll(milliseconds: -1, take) {
            case .stopped: return .stopped
            case .woken: return .woken
            case .over: return .deadline
            case .events, .nothing: if !hasDirectoryEvents { take(.quiet) }
            }
        }
    }

    private var hadEvents = false

    /// Whether events of directories wait to be read.
    var hasDirectoryEvents: Bool {
        var watched = pollfd(fd: inotify, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&watched, 1, 0) > 0
    }

    private enum Outcome { case nothing, events, over, stopped, woken }

    /// Hands over what is there by now.
    func drain(_ take: (Event) -> Void) {
        // A stop or a wake is there at every look: what counts is whether there was anything else.
        repeat { hadEvents = false; _ = poll(milliseconds: 0, take) } while hadEvents
    }

    private func poll(milliseconds: Int32, _ take: (Event) -> Void) -> Outcome {
        let count = clinux_epoll_wait(epoll, &tags, 256, milliseconds)
        var outcome = Outcome.nothing
        var isOver = false
        var isStopped = false
        var isWoken = false
        for tag in tags.prefix(Int(max(0, count))) {
            switch tag {
            case Self.timerTag:
                var expirations: UInt64 = 0
                read(timer, &expirations, 8)
                isOver = true
            case Self.stopTag: isStopped = true
            case Self.wakeTag: isWoken = true
            case Self.inotifyTag:
                readDirectoryEvents(take)
                (outcome, hadEvents) = (.events, true)
            default:
                take(.noticed(tag))
                (outcome, hadEvents) = (.events, true)
            }
        }
        return isWoken ? .woken : isStopped ? .stopped : isOver ? .over : outcome
    }

    private func readDirectoryEvents(_ take: (Event) -> Void) {
        let length = buffer.withUnsafeMutableBytes { read(inotify, $0.baseAddress, $0.count) }
        guard length > 0 else { return }
        var position = 0
        let head = MemoryLayout<inotify_event>.size
        while position + head <= length {
            let event = buffer.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
            }
            let name = buffer[(position + head)..<(position + head + Int(event.len))]
            position += head + Int(event.len)
            if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { take(.overflow) }
            let child = CgroupName(name.prefix { $0 != 0 })
            guard event.mask & UInt32(IN_ISDIR) != 0 else {
                if child == Self.subtreeControl { take(.controllersChanged(watch: event.wd)) }
                continue
            }
            if event.mask & UInt32(IN_CREATE) != 0 { take(.made(watch: event.wd, child)) }
            if event.mask & UInt32(IN_DELETE) != 0 { take(.removed(watch: event.wd, child)) }
        }
    }
}
