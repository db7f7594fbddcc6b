import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// Why a wait for events ended.
public enum FollowEnd: Sendable {
    /// The time was reached.
    case deadline
    /// The descriptor for stopping became readable.
    case stopped
    /// The descriptor for waking became readable.
    case woken
}

/// Handles kernel events between two surveys.
extension CgroupTree {
    /// Handles events until a time, or until a stop or wake descriptor becomes readable.
    ///
    /// - Parameter deadline: µs after boot.
    public func follow(until deadline: Int64) -> FollowEnd {
        guard let events else {
            sleep(until: deadline)
            return .deadline
        }
        while true {
            let look = networkLooks.first?.at ?? deadline
            let end = events.wait(until: min(deadline, look), take)
            lookForNetworks()
            if end != .deadline || clock().bootMicroseconds >= deadline { return end }
        }
    }

    /// Determines the networks of new containers whose planned look is due.
    ///
    /// A runtime moves the first process of a container to its network shortly after it put the
    /// process into the cgroup, so one look at the start is not enough.
    private func lookForNetworks() {
        let now = clock().bootMicroseconds
        while let next = networkLooks.first, next.at <= now {
            networkLooks.removeFirst()
            if let node = next.node, !node.isGone, node.isPopulated == true {
                findNetwork(of: node)
            }
        }
    }

    /// Makes every wait end as soon as one of two descriptors becomes readable.
    ///
    /// - Parameters:
    ///   - stop: ends `follow(until:)` with `.stopped`.
    ///   - wake: ends `follow(until:)` with `.woken`.
    public func stop(at stop: Int32, wakeAt wake: Int32) {
        if events == nil { events = EventQueue() }
        events?.stop(at: stop, wakeAt: wake)
    }

    /// Applies one event to the tree.
    func take(_ event: EventQueue.Event) {
        switch event {
        case .made(let watch, let name):
            if let parent = byWatch[watch] { handleCreated(name, below: parent) }
        case .removed(let watch, let name):
            guard let parent = byWatch[watch], let child = parent.children[name], isGone(child)
            else { return }
            retire(child)
            if let root = child.root, child.end == .unread { rootsToRead.insert(root) }
            if parent.children.isEmpty { classify(parent, isEmpty: true) }
        case .controllersChanged(let watch):
            guard let parent = byWatch[watch] else { return }
            for child in parent.children.values { child.forgetMissing() }
        case .quiet:
            for root in rootsToRead { takeStanding(of: root) }
        case .noticed(let tag):
            if let node = byID[Int64(bitPattern: tag)] { notice(node) }
        case .overflow:
            // Events were lost. Scan at the next survey; `.min` itself would mean "never scanned".
            nextScan = .min + 1
        }
    }

    /// Handles a new child directory, whose counters started at 0.
    private func handleCreated(_ name: CgroupName, below parent: CgroupNode) {
        if let known = parent.children[name] {
            // A scan has listed it already. If not, the name was removed and used again.
            guard isGone(known) else { return }
            retire(known)
        }
        let now = clock()
        guard let node = insert(name, below: parent, birth: parent.listed == nil ? nil : now) else {
            return
        }
        if parent.kind == .leaf { classify(parent, isEmpty: false) }
        if parent.kind == .inner { look(at: node, now) }
        if let root = node.root, standings[root] == nil { rootsToRead.insert(root) }
    }

    /// Whether the cgroup of a node has been removed.
    private func isGone(_ node: CgroupNode) -> Bool {
        do throws(Errno) {
            _ = try node.directory().read(.cgroupEvents, into: &buffer)
            return false
        } catch {
            return error.meansVanished
        }
    }

    /// Handles a change of `cgroup.events`: the first process came or the last one exited.
    private func notice(_ node: CgroupNode) {
        guard let length = try? node.directory().read(.cgroupEvents, into: &buffer),
            let now = try? CgroupEvents(parsing: buffer.span.extracting(0..<length))
        else { return }
        defer {
            if node.isPopulated != now.populated {
                node.isPopulated = now.populated
                isStale = true
                settle(node)
            }
        }
        guard node.isAccount else { return }
        if now.populated {
            (node.last, node.lastNetwork) = (nil, nil)
            if !node.isTenantRoot, node.birth != nil { expectNetwork(of: node) }
        } else {
            captureLast(node)
        }
    }

    /// Plans three looks at the network of a container that has just got its first process.
    ///
    /// They come 5 ms, 40 ms and 300 ms from now.
    private func expectNetwork(of node: CgroupNode) {
        let now = clock().bootMicroseconds
        for delay in [5000, 40_000, 300_000] as [Int64] {
            networkLooks.append(NetworkLook(at: now + delay, node: node))
        }
        networkLooks.sort { $0.at < $1.at }
    }

    /// Takes the last reading of a cgroup whose last process exited, and releases its network.
    private func captureLast(_ node: CgroupNode) {
        // Read the network first: its interfaces are removed next.
        captureNetwork(node)
        node.captureLast(at: clock(), &buffer)
        captured.append(node)
    }

    /// Sleeps until a time in µs after boot, used where there is no event queue.
    private func sleep(until deadline: Int64) {
        let left = deadline - clock().bootMicroseconds
        if left > 0 { usleep(UInt32(clamping: left)) }
    }
}
