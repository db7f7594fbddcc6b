import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// Why a wait for events ended.
public enum FollowEnd: Sendable {
    case deadline
    case stopped
    case woken
}

/// What the kernel tells between two surveys.
extension CgroupTree {
    /// Follows births and ends until `deadline`, in µs after boot.
    ///
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

    /// Looks again which network new containers are on: a runtime moves the first process there a
    /// moment after it is in the cgroup.
    private func lookForNetworks() {
        let now = clock().bootMicroseconds
        while let next = networkLooks.first, next.at <= now {
            networkLooks.removeFirst()
            if let node = next.node, !node.isGone, node.isPopulated == true {
                findNetwork(of: node)
            }
        }
    }

    /// Lets descriptors that become readable end every wait.
    public func stop(at stop: Int32, wakeAt wake: Int32) {
        if events == nil { events = EventQueue() }
        events?.stop(at: stop, wakeAt: wake)
    }

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
            // What was lost can only be found by listing.
            nextScan = .min + 1
        }
    }

    /// A child was made: it began at 0.
    private func handleCreated(_ name: CgroupName, below parent: CgroupNode) {
        if let known = parent.children[name] {
            // Listed already, unless the name was used again in between.
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

    private func isGone(_ node: CgroupNode) -> Bool {
        do throws(Errno) {
            _ = try node.directory().read(.cgroupEvents, into: &buffer)
            return false
        } catch {
            return error.meansVanished
        }
    }

    /// The kernel tells that processes came or that the last one went.
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

    /// Plans looks at the network of a container that has just got its first process.
    private func expectNetwork(of node: CgroupNode) {
        let now = clock().bootMicroseconds
        for delay in [5000, 40_000, 300_000] as [Int64] {
            networkLooks.append(NetworkLook(at: now + delay, node: node))
        }
        networkLooks.sort { $0.at < $1.at }
    }

    /// Reads a cgroup whose last process has gone, and lets its network go.
    private func captureLast(_ node: CgroupNode) {
        // First the network: its interfaces are taken away next.
        captureNetwork(node)
        node.captureLast(at: clock(), &buffer)
        captured.append(node)
    }

    private func sleep(until deadline: Int64) {
        let left = deadline - clock().bootMicroseconds
        if left > 0 { usleep(UInt32(clamping: left)) }
    }
}
