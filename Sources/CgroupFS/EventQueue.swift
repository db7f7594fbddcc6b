import CLinux
import Glibc
import Units

/// Waits for kernel events with epoll(7).
///
/// Sources are an inotify(7) instance for created and removed directories, kernel files that report
/// changes by EPOLLPRI, a timer on CLOCK_BOOTTIME, and two descriptors of the caller for stopping
/// and waking.
final class EventQueue {
    /// One event; `watch` is the inotify watch descriptor of the parent directory.
    enum Event {
        /// A child directory was created in a watched directory.
        case made(watch: Int32, CgroupName)
        /// A child directory was removed from a watched directory.
        case removed(watch: Int32, CgroupName)
        /// `cgroup.subtree_control` of a watched directory was written.
        ///
        /// Files of its children may have appeared or disappeared.
        case controllersChanged(watch: Int32)
        /// The kernel file that was registered with this tag has changed.
        case noticed(UInt64)
        /// The inotify queue was full and events were lost; only a full scan can find them.
        case overflow
        /// No directory event is waiting to be read.
        case quiet
    }

    private let epoll: Int32
    private let inotify: Int32
    private let timer: Int32
    private var tags = [UInt64](repeating: 0, count: 256)
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    /// Tags of the queue's own descriptors; all other tags are cgroup ids.
    private static let (inotifyTag, timerTag) = (UInt64.max, UInt64.max - 1)
    private static let (stopTag, wakeTag) = (UInt64.max - 2, UInt64.max - 3)

    private static let subtreeControl = CgroupName("cgroup.subtree_control")

    /// Creates the queue.
    ///
    /// If only the inotify instance cannot be created, the queue works but grants no watches.
    ///
    /// - Returns: `nil` if epoll or the timer cannot be created.
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

    /// Watches a directory for created and removed children and for writes to its files.
    ///
    /// - Returns: the watch descriptor; `nil` if none is left (`fs.inotify.max_user_watches`).
    func watch(_ directory: borrowing CgroupDirectory) -> Int32? {
        // Name the directory by its descriptor. Its path may belong to another cgroup by now.
        let watch = inotify_add_watch(
            inotify, "/proc/self/fd/\(directory.number)",
            UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MODIFY) | UInt32(IN_ONLYDIR))
        return watch >= 0 ? watch : nil
    }

    /// Removes a watch; the kernel does not do so when a cgroup is removed.
    func unwatch(_ watch: Int32) { inotify_rm_watch(inotify, watch) }

    /// Asks for an event whenever a kernel file changes, until its descriptor is closed.
    ///
    /// - Parameter tag: returned in `Event.noticed`.
    /// - Returns: whether the kernel accepted it.
    func notice(_ descriptor: Int32, tag: UInt64) -> Bool {
        clinux_epoll_add_notice(epoll, descriptor, tag) == 0
    }

    /// Makes every wait end as soon as one of two descriptors becomes readable.
    func stop(at stop: Int32, wakeAt wake: Int32) {
        _ = clinux_epoll_add(epoll, stop, Self.stopTag)
        _ = clinux_epoll_add(epoll, wake, Self.wakeTag)
    }

    /// Waits until a time in µs after boot and hands the events that arrive to `take`.
    ///
    /// `.quiet` is handed over whenever no directory event is left to read.
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

    /// Whether the last poll found an event other than stop, wake and time.
    private var hadEvents = false

    /// Whether directory events are waiting to be read.
    var hasDirectoryEvents: Bool {
        var watched = pollfd(fd: inotify, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&watched, 1, 0) > 0
    }

    /// What one poll found.
    ///
    /// Stopping and waking take precedence over the time, the time over events.
    private enum Outcome { case nothing, events, over, stopped, woken }

    /// Handles all events that are waiting now, without blocking.
    func drain(_ take: (Event) -> Void) {
        // A stop or wake descriptor stays readable, so it is reported by every poll. Only other
        // events decide whether to poll again.
        repeat { hadEvents = false; _ = poll(milliseconds: 0, take) } while hadEvents
    }

    /// Handles up to 256 events.
    ///
    /// - Parameter milliseconds: how long to wait for the first one; -1 means without limit.
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

    /// Reads up to 64 KiB of inotify events and hands them over (inotify(7)).
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
