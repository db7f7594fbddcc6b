import CgroupFormat
import Glibc
import SystemPackage
import Units

/// Lists directories and decides what each cgroup is.
extension CgroupTree {
    /// Lists the whole tree: every directory that may hold accounts.
    ///
    /// - Parameter now: the time of the scan; children found later are born after it.
    func scan(at now: Moment) {
        failed = [:]
        unaccounted = []
        twins = []
        lookBelow(top, at: now)
        isStale = true
    }

    /// Lists the children of a node, adds and removes nodes accordingly, and looks at each child.
    func lookBelow(_ node: CgroupNode, at now: Moment) {
        watch(node)
        var entries: [(name: CgroupName, id: Int64)]
        do {
            entries = try node.directory().entries()
            // A plain folder may contain the same folder twice. A fixed order makes sure that the
            // same one of the two paths is metered every time.
            if !isKernel { entries.sort { $0.name.text < $1.name.text } }
        } catch {
            note(error, of: node)
            return
        }
        // While the node was one container, its usage included that of its children. So the
        // children found now get no birth: they start at their first reading, and nothing is billed
        // twice.
        let birth = node.kind == .whole ? nil : node.listed ?? node.birth
        // In a plain folder an inode number may be reused at once, so the name is compared as well.
        var listed: [CgroupName: Int64] = [:]
        for entry in entries { listed[entry.name] = entry.id }
        for child in node.children.values where listed[child.name] != child.id {
            // If another folder is mounted here, the listing shows the inode number below the
            // mount. The child is not gone if it can still be opened.
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

    /// Decides what one cgroup is and, if it may contain other accounts, looks at those below it.
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
        // Nothing is listed below the deepest level. The cgroup there is metered as a whole, so
        // nothing goes unmetered.
        let isTooDeep = node.depth > Self.maximumDepth
        if !isRoot, isTooDeep || isOne && !plan.holders.contains(node.path) {
            set(node, .whole)
        } else {
            lookBelow(node, at: now)
        }
    }

    /// Decides what a cgroup is, once its children are listed.
    ///
    /// - Parameter isEmpty: whether it has no children.
    func classify(_ node: CgroupNode, isEmpty: Bool) {
        guard node !== top else { return }
        if isEmpty {
            set(node, .leaf)
            // Its counters include the usage of former children. The survey reports that it starts
            // anew until the tick that does so is committed.
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

    /// Whether a cgroup with children is one container, judged by what is in it now.
    ///
    /// What was seen in an earlier scan does not matter, so the result does not depend on the order
    /// of events. docs/shapes.md has the rules.
    private func isOneByContent(_ node: CgroupNode, holds: Bool) -> Bool {
        if plan.holders.contains(node.path) { return false }
        switch node.nesting {
        case .byProcesses:
            if isThreaded(node) { return true }
            if node.isTenantRoot { return false }
            // A service manager puts itself into a scope of this name below the cgroup it manages.
            return holds || node.children[CgroupName("init.scope")] != nil
        case .oneUnlessKnown where !node.isTenantRoot:
            return !node.children.values.contains {
                let nesting = plan.nesting($0.path)
                return nesting == .one || nesting == .many
            }
        default: return node.isTenantRoot && isThreaded(node)
        }
    }

    /// Whether the cgroup is the domain of a threaded subtree (`cgroup.type`).
    ///
    /// The cgroups below it then hold threads of the same processes, and memory and io are counted
    /// only here. See Documentation/admin-guide/cgroup-v2.rst, "Threads".
    private func isThreaded(_ node: CgroupNode) -> Bool {
        (try? node.directory().text(of: "cgroup.type"))?.hasPrefix("domain threaded") ?? false
    }

    /// Sets the kind of a node.
    ///
    /// If it becomes one container, everything below it is dropped.
    private func set(_ node: CgroupNode, _ kind: CgroupNode.Kind) {
        if node.kind != kind {
            node.kind = kind
            isStale = true
        }
        guard kind == .whole else { return }
        // Everything below a whole container is part of it and has no account of its own.
        unwatch(node)
        for child in node.children.values { forget(child) }
        node.children = [:]
        unaccounted.removeAll { $0.hasPrefix(node.path + "/") }
    }

    /// Opens a new cgroup and adds it to the tree.
    ///
    /// A cgroup that is gone by then is counted in `unseenEnds`; one that cannot be opened is
    /// recorded in `failed`.
    ///
    /// - Parameters:
    ///   - birth: when it was created (see `CgroupNode.birth`); `nil` if it may be older.
    /// - Returns: the new node; `nil` if the cgroup is gone, cannot be opened, lies on another file
    ///   system (in a plain folder), or is known at another path.
    @discardableResult
    func insert(_ name: CgroupName, below parent: CgroupNode, birth: Moment?) -> CgroupNode? {
        let path = "\(parent.path)/\(name.text)"
        do throws(Errno) {
            let directory = try parent.directory().child(name)
            let id = try directory.id()
            // Inode numbers are unique only within one file system.
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
            // Open the two most important files first: the cgroup may be removed within a
            // millisecond.
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
                // Its usage is in the root's counter and in no account, so the last common reading
                // of this root no longer adds up.
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

    /// Whether the folder is already known at another path that still exists (bind mounts).
    private func isTwin(_ id: Int64, _ path: String) -> Bool {
        guard let other = byID[id], other.path != path, !other.isGone else { return false }
        return (try? other.directory()) != nil
    }

    /// Records that a cgroup has children, so that its counters include their usage from now on.
    private func noteChild(of parent: CgroupNode) {
        guard parent !== top, !parent.hadChildren else { return }
        parent.hadChildren = true
        parents.append(parent)
    }

    /// Removes a cgroup that is gone, and everything below it, from the tree.
    ///
    /// Accounts among them are kept in `ended` until the tick that reports their end is committed.
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

    /// Stops following a node and everything below it: watches, and the index by id.
    private func forget(_ node: CgroupNode) {
        for child in node.children.values { forget(child) }
        unwatch(node)
        if byID[node.id] === node { byID[node.id] = nil }
        isStale = true
    }

    /// Handles an error of listing: the node is gone, or its directory cannot be read for now.
    private func note(_ error: Errno, of node: CgroupNode) {
        if error.meansVanished {
            if node !== top { retire(node) }
        } else {
            // Cgroups found here later may be old, so they must not get a birth.
            failed[node.path] = error
            node.listed = nil
        }
    }

    /// Sets an inotify watch on a directory before it is listed, so that no child is missed.
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

    /// Removes the watch of a node, if it has one.
    func unwatch(_ node: CgroupNode) {
        unwatched.remove(node.id)
        guard let watch = node.watch else { return }
        events?.unwatch(watch)
        byWatch[watch] = nil
        node.watch = nil
    }

    /// Turns a leaf into a whole container once it holds processes of its own.
    ///
    /// From then on it stays one container, even if its workload creates cgroups below it.
    func settle(_ node: CgroupNode) {
        guard node.kind == .leaf, !node.isTenantRoot, node.isPopulated == true,
            node.nesting == .byProcesses,
            // `isPopulated` also counts processes in children. If a child was just created, its
            // event may still be waiting, so look at this cgroup's own processes.
            (try? node.directory())?.holdsProcesses(&buffer) != false
        else { return }
        set(node, .whole)
    }
}
