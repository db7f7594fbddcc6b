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
        return events.wait(until: deadline, take)
    }

    /// Lets descriptors that become readable end every wait.
    public func stop(at stop: Int32, wakeAt wake: Int32) {
        if events == nil { events = EventQueue() }
        events?.stop(at: stop, wakeAt: wake)
    }

    func take(_ event: EventQueue.Event) {
        switch event {
        case .made(let watch, let name):
            if let parent = byWatch[watch] { welcome(name, below: parent) }
        case .removed(let watch, let name):
            guard let parent = byWatch[watch], let child = parent.children[name], isGone(child)
            else { return }
            retire(child)
            if let root = child.root, child.end == .unread { takeStanding(of: root) }
            if parent.children.isEmpty { classify(parent, isEmpty: true) }
        case .controllersChanged(let watch):
            guard let parent = byWatch[watch] else { return }
            for child in parent.children.values { child.directory.forgetMissing() }
        case .noticed(let tag):
            if let node = byID[Int64(bitPattern: tag)] { notice(node) }
        case .overflow:
            overflows += 1
            nextScan = .min + 1
        }
    }

    /// A child was made: it began at 0.
    private func welcome(_ name: CgroupName, below parent: CgroupNode) {
        if let known = parent.children[name] {
            // Listed already, unless the name was used again in between.
            guard isGone(known) else { return }
            retire(known)
        }
        let now = clock()
        guard let node = adopt(name, below: parent, birth: parent.listed == nil ? nil : now) else {
            return
        }
        if parent.kind == .leaf { classify(parent, isEmpty: false) }
        if parent.kind == .inner { look(at: node, now) }
        if let root = node.root, standings[root] == nil { takeStanding(of: root) }
    }

    private func isGone(_ node: CgroupNode) -> Bool {
        (try? node.directory.read(.cgroupEvents, into: &buffer)) == nil
    }

    /// The kernel tells that processes came or that the last one went.
    private func notice(_ node: CgroupNode) {
        guard let length = try? node.directory.read(.cgroupEvents, into: &buffer),
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
            node.last = nil
            if !node.isTenantRoot { findNetwork(of: node) }
        } else {
            captureLast(node)
        }
    }

    /// Reads a cgroup whose last process has gone, and lets its network go.
    private func captureLast(_ node: CgroupNode) {
        // First the network: its interfaces are taken away next.
        var text: (namespace: Int64, text: [UInt8])?
        if case .own = node.network,
            case .read(let namespace, let length) = network(of: node, into: &buffer)
        {
            text = (namespace, Array(buffer[..<length]))
        }
        node.network = .unknown
        node.captureLast(at: clock(), &buffer)
        node.last?.network = text
        captured.append(node)
    }

    private func sleep(until deadline: Int64) {
        let left = deadline - clock().bootMicroseconds
        if left > 0 { usleep(UInt32(clamping: left)) }
    }
}
