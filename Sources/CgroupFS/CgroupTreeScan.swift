import CgroupFormat
import Glibc
import SystemPackage
import Units

/// How the tree is listed.
extension CgroupTree {
    /// Lists every directory that may hold accounts, and finds out what each cgroup is.
    func scan(at now: Moment) {
        failed = [:]
        unaccounted = []
        twins = []
        lookBelow(top, at: now)
        isStale = true
    }

    /// Lists a node's children and looks at each.
    func lookBelow(_ node: CgroupNode, at now: Moment) {
        watch(node)
        var entries: [(name: CgroupName, id: Int64)]
        do {
            entries = try node.directory().entries()
            // In one order, so that of two places of one folder it is always the same that counts.
            if !isKernel { entries.sort { $0.name.text < $1.name.text } }
        } catch {
            note(error, of: node)
            return
        }
        // What lies in a container was counted with it, whenever it was born.
        let birth = node.kind == .whole ? nil : node.listed ?? node.birth
        // In a plain folder an inode may come back at once, so there the name counts as well.
        var listed: [CgroupName: Int64] = [:]
        for entry in entries { listed[entry.name] = entry.id }
        for child in node.children.values where listed[child.name] != child.id {
            // Where another folder is mounted, the listing tells the inode of what lies beneath.
            if !isKernel, listed[child.name] != nil, (try? child.directory()) != nil { continue }
            retire(child)
        }
        for entry in entries {
            if node.children[entry.name] == nil { insert(entry.name, below: node, birth: birth) }
        }
        for child in node.children.values { look(at: child, now) }
        node.listed = now
        classify(node, isEmpty: node.children.isEmpty)
    }

    /// Looks at one cgroup: what it is, and if others may be below it, at those.
    func look(at node: CgroupNode, _ now: Moment) {
        node.forgetMissing()
        let isRoot = plan.tenantRoots.contains(node.path)
        let parent = node.parent
        let root = parent.flatMap { $0.isTenantRoot ? $0.id : $0.root }
        if isRoot != node.isTenantRoot || root != node.root { isStale = true }
        (node.isTenantRoot, node.root) = (isRoot, root)
        let nesting = plan.nesting(node.path)
        node.nesting = nesting
        let isKnownWhole = node.kind == .whole || plan.whole.contains(node.id)
        let isOne = nesting == .one || nesting == .byProcesses && isKnownWhole
        // At the deepest level all below is one, so that nothing is too deep to be metered.
        let isTooDeep = node.depth > Self.maximumDepth
        if !isRoot, isTooDeep || isOne && !plan.holders.contains(node.path) {
            set(node, .whole)
        } else {
            lookBelow(node, at: now)
        }
    }

    /// Says what a cgroup is whose children are known.
    func classify(_ node: CgroupNode, isEmpty: Bool) {
        guard node !== top else { return }
        if isEmpty {
            set(node, .leaf)
            // Its new beginning is told until it is committed.
            if node.hadChildren { parents.append(node) }
            settle(node)
            return
        }
        let holds = (try? node.directory())?.holdsProcesses(&buffer) == true
        if isOneByContent(node, holds: holds) {
            set(node, .whole)
            return
        }
        set(node, .inner)
        if holds, node.root == nil, !node.isTenantRoot { unaccounted.append(node.path) }
    }

    /// Whether a cgroup with children is one container, by what is in it now: never by what was
    /// there first.
    private func isOneByContent(_ node: CgroupNode, holds: Bool) -> Bool {
        if plan.holders.contains(node.path) { return false }
        switch node.nesting {
        case .byProcesses:
            if isThreaded(node) { return true }
            if node.isTenantRoot { return false }
            // A service manager sits in a scope of this name at the top of what it manages.
            return holds || node.children[CgroupName("init.scope")] != nil
        case .oneUnlessKnown where !node.isTenantRoot:
            return !node.children.values.contains {
                let nesting = plan.nesting($0.path)
                return nesting == .one || nesting == .many
            }
        default: return node.isTenantRoot && isThreaded(node)
        }
    }

    /// Whether threads of one process live in the cgroups below: then memory and io are counted here
    /// only.
    private func isThreaded(_ node: CgroupNode) -> Bool {
        (try? node.directory().text(of: "cgroup.type"))?.hasPrefix("domain threaded") ?? false
    }

    private func set(_ node: CgroupNode, _ kind: CgroupNode.Kind) {
        if node.kind != kind {
            node.kind = kind
            isStale = true
        }
        guard kind == .whole else { return }
        // What it nests is its own matter.
        unwatch(node)
        for child in node.children.values { forget(child) }
        node.children = [:]
        unaccounted.removeAll { $0.hasPrefix(node.path + "/") }
    }

    /// Takes in a cgroup that was not there before; nothing if it is gone already.
    @discardableResult
    func insert(_ name: CgroupName, below parent: CgroupNode, birth: Moment?) -> CgroupNode? {
        let path = "\(parent.path)/\(name.text)"
        do throws(Errno) {
            let directory = try parent.directory().child(name)
            let id = try directory.id()
            // In a plain folder another file system's inodes would mix with these.
            if !isKernel, try directory.device() != device { return nil }
            if isTwin(id, path) {
                twins.append(path)
                isStale = true
                return nil
            }
            noteChild(of: parent)
            let isHeld = isKernel && directory.keepFiles(within: budget)
            let node = CgroupNode(
                id: id, name: name, path: path, parent: parent,
                holding: isHeld ? directory : nil)
            node.birth = parent.hidden.remove(name) == nil ? birth : nil
            if node.birth != nil { newcomers.append(node) }
            parent.children[name] = node
            byID[id] = node
            isStale = true
            guard isKernel else { return node }
            // First of all, as it may be gone in a millisecond.
            if let events, let file = directory.descriptor(of: .cgroupEvents) {
                node.isNoticed = events.notice(file, tag: UInt64(bitPattern: id))
            }
            _ = directory.descriptor(of: .cpuStat)
            node.isPopulated = directory.isPopulated(&buffer)
            return node
        } catch {
            if error.meansVanished {
                noteChild(of: parent)
                let root = parent.isTenantRoot ? parent.id : parent.root
                // What it used is nobody's that is known.
                if let root { standings[root] = nil }
                unseenEnds[root ?? 0, default: 0] += 1
                isStale = true
            } else {
                failed[path] = error
                parent.hidden.insert(name)
            }
            return nil
        }
    }

    /// Whether a folder is known at another place, and is there still: mounted twice, it is one.
    private func isTwin(_ id: Int64, _ path: String) -> Bool {
        guard let other = byID[id], other.path != path, !other.isGone else { return false }
        return (try? other.directory()) != nil
    }

    /// Its counters hold another's usage from now on.
    private func noteChild(of parent: CgroupNode) {
        guard parent !== top, !parent.hadChildren else { return }
        parent.hadChildren = true
        parents.append(parent)
    }

    /// Takes a cgroup that is gone, and all below it, out of the tree.
    func retire(_ node: CgroupNode) {
        for child in node.children.values { retire(child) }
        node.isGone = true
        forget(node)
        node.parent?.children[node.name] = nil
        if node.isAccount {
            if node.last == nil { captureNetwork(node) }
            ended.append(node)
            noteEnd(node)
        }
        node.close()
        standings[node.id] = nil
    }

    /// Ends all that the kernel tells of a node.
    private func forget(_ node: CgroupNode) {
        for child in node.children.values { forget(child) }
        unwatch(node)
        if byID[node.id] === node { byID[node.id] = nil }
        isStale = true
    }

    private func note(_ error: Errno, of node: CgroupNode) {
        if error.meansVanished {
            if node !== top { retire(node) }
        } else {
            // What appears in there later may be old.
            failed[node.path] = error
            node.listed = nil
        }
    }

    private func watch(_ node: CgroupNode) {
        guard isKernel, node.watch == nil else { return }
        if let directory = try? node.directory(), let watch = events?.watch(directory) {
            node.watch = watch
            byWatch[watch] = node
            unwatched.remove(node.id)
        } else if node !== top {
            unwatched.insert(node.id)
        }
    }

    func unwatch(_ node: CgroupNode) {
        unwatched.remove(node.id)
        guard let watch = node.watch else { return }
        events?.unwatch(watch)
        byWatch[watch] = nil
        node.watch = nil
    }

    /// A leaf that holds processes of its own stays one container.
    func settle(_ node: CgroupNode) {
        guard node.kind == .leaf, !node.isTenantRoot, node.isPopulated == true,
            node.nesting == .byProcesses,
            // They may live in a child of which the news comes next.
            (try? node.directory())?.holdsProcesses(&buffer) != false
        else { return }
        set(node, .whole)
    }
}
