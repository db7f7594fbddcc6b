import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// A cgroup tree that is followed from one tick to the next and kept open.
///
/// In the kernel's tree, inotify reports which cgroups are created and removed. A full scan once a
/// minute finds whatever the events missed. Where the kernel grants no more watches, and in a plain
/// folder (`--root`), every survey lists all directories.
///
/// Use it once per tick in this order: `survey(_:)`, then `read(_:of:into:)` for each step,
/// `seal()`, and `acknowledge()` once the tick is committed. If the tick cannot be committed, the
/// next survey reports the same births and ends again. Between ticks, `follow(until:)` handles
/// events.
public final class CgroupTree {
    /// The deepest level of cgroups that is looked at.
    ///
    /// The kernel has no such limit by default (`cgroup.max.depth`); this one bounds the recursion.
    /// A cgroup one level deeper is one container with everything below it, so nothing goes
    /// unmetered.
    public static var maximumDepth: Int { 128 }

    /// Time between two full scans in µs, even if no event was missed.
    static let scanInterval: Int64 = 60_000_000

    /// The root directory of the tree, without symbolic links.
    public let path: String
    /// Whether this is the kernel's tree, where a file exists exactly as long as its cgroup.
    public let isKernel: Bool
    /// Device number of the root; a plain folder is not followed into another file system.
    let device: UInt64
    let clock: () -> Moment
    let top: CgroupNode
    let budget = DescriptorBudget.raised()
    var events: EventQueue?
    /// Nodes whose last reading was taken since the last `acknowledge()`.
    var captured: [CgroupNode] = []
    var plan = SurveyPlan(nesting: { _ in .byProcesses })
    var byID: [Int64: CgroupNode] = [:]
    var byWatch: [Int32: CgroupNode] = [:]
    /// Ids of directories without a watch; while there are any, every survey lists the tree.
    var unwatched: Set<Int64> = []
    /// Accounts that ended since the last `acknowledge()`.
    var ended: [CgroupNode] = []
    /// Nodes with a `birth`, since the last `acknowledge()`.
    var newcomers: [CgroupNode] = []
    /// Nodes that had children since the last `acknowledge()`.
    var parents: [CgroupNode] = []
    /// Directories that could not be opened or listed, with the error, by path.
    var failed: [String: Errno] = [:]
    /// Cgroups that were gone before they could be opened, counted by tenant root id (0: no root).
    var unseenEnds: [Int64: Int] = [:]
    /// The network namespaces that containers use, by inode number.
    var namespaces: [Int64: WeakNamespace] = [:]
    /// When to look for the networks of new containers, soonest first.
    var networkLooks: [NetworkLook] = []
    /// Ids of tenant roots to read together with all their accounts once no event is waiting.
    ///
    /// A root is added when an account below it ended unread, or began before a first common
    /// reading.
    var rootsToRead: Set<Int64> = []
    /// The last common reading of each tenant root and its accounts, by the root's id.
    var standings: [Int64: Standing] = [:]
    /// Whether `survey` no longer matches the nodes and must be rebuilt.
    var isStale = true
    /// When the next full scan is due, in µs after boot.
    var nextScan: Int64 = .min
    var buffer = [UInt8](repeating: 0, count: 16_384)
    private var survey = Survey()
    /// The node whose files are being read, opened for several reads in a row.
    private var visited: CgroupNode?
    /// The node of each entry of `survey.cgroups`, by the same index.
    private var nodes: [CgroupNode] = []
    /// Paths of inner cgroups outside tenant roots that hold processes of their own.
    var unaccounted: [String] = []
    /// Paths of directories that are already known at another path.
    var twins: [String] = []

    /// Takes over an open root; nothing is read before the first `survey(_:)`.
    ///
    /// - Parameters:
    ///   - root: the top of the tree. The root itself never has an account.
    ///   - isKernel: whether to keep files open and use events; by default, whether `root` is a
    ///     cgroup2 file system.
    ///   - clock: gives the time of births and last readings.
    public init(
        root: consuming CgroupRoot, isKernel: Bool? = nil, clock: @escaping () -> Moment
    ) {
        (path, device, self.clock) = (root.path, root.device, clock)
        self.isKernel = isKernel ?? root.isKernel
        top = CgroupNode(
            id: 0, name: CgroupName(""), path: "", parent: nil, holding: root.directory)
        top.kind = .inner
        if self.isKernel { events = EventQueue() }
    }

    /// Brings the tree up to date and returns what to read in this tick.
    ///
    /// - Parameter plan: the tenant roots and the meaning of paths. If its tenant roots differ from
    ///   the last plan's, the tree is scanned in full.
    public func survey(_ plan: SurveyPlan) -> Survey {
        let now = clock()
        let isNewPlan = plan.tenantRoots != self.plan.tenantRoots || nextScan == .min
        self.plan = plan
        events?.drain(take)
        take(.quiet)
        let isFollowing = isKernel && events != nil && unwatched.isEmpty
        let isScan = isNewPlan || !isFollowing || now.bootMicroseconds >= nextScan
        if isScan {
            scan(at: now)
            nextScan = now.bootMicroseconds + Self.scanInterval
        }
        if isStale { rebuild() }
        refreshPopulated(all: isScan || !isKernel)
        return survey
    }

    /// Reads a file of cgroup `index` of the survey.
    ///
    /// If that cgroup has ended, the text comes from its last reading.
    ///
    /// - Returns: the number of bytes read into `buffer`.
    /// - Throws: `ENODEV` if the cgroup is gone and its last reading lacks this file.
    public func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        let node = nodes[index]
        if node !== visited {
            visited?.closeTemporary()
            visited = node
            node.openTemporarily()
        }
        let wasGone = node.isGone
        defer { if node.isGone, !wasGone { retire(node) } }
        return try node.read(file, into: &buffer)
    }

    /// The node of cgroup `index` of the survey.
    func node(_ index: Int) -> CgroupNode { nodes[index] }

    /// How cgroup `index` of the survey ended; `nil` if it still exists.
    public func end(of index: Int) -> CgroupEnd? { nodes[index].end }

    /// The final CPU counter in µs of a cgroup that ended unread, if it could be deduced.
    ///
    /// See `takeStanding(of:)` for how.
    public func deducedCPU(of index: Int) -> Int64? { nodes[index].deducedCPU }

    /// The time of the values that `read` returns for cgroup `index` of the survey.
    ///
    /// This is now, or the time of its last reading if the cgroup has ended.
    public func moment(of index: Int) -> Moment {
        let node = nodes[index]
        if node.isGone, let last = node.last { return last.moment }
        return clock()
    }

    /// Starts a new peak of cgroup `index` by writing to `memory.peak` (Linux 6.12).
    ///
    /// - Returns: false if the kernel has no resettable peaks or the file is not kept open.
    public func resetPeak(of index: Int) -> Bool {
        guard let file = try? nodes[index].directory().descriptor(of: .memoryPeak) else {
            return false
        }
        return write(file, "r", 1) == 1
    }

    /// Whether cgroup `index` of the survey has child cgroups at this moment.
    public func hasChildren(_ index: Int) -> Bool {
        (try? nodes[index].directory().hasChildren) ?? false
    }

    /// Ends the readings of the last survey.
    ///
    /// Births and ends from now on belong to the next survey, even if `acknowledge()` comes later.
    public func seal() {
        visited?.closeTemporary()
        visited = nil
        sealed = Sealed(
            ended: ended.count, newcomers: newcomers.count, captured: captured.count,
            parents: parents.count, unseenEnds: unseenEnds, at: clock())
    }

    /// Forgets the births and ends that the sealed survey reported, because they are committed.
    public func acknowledge() {
        guard let sealed else { return }
        self.sealed = nil
        // The tick has read every living cgroup, so the text kept from when it became empty is no
        // longer needed.
        for node in captured.prefix(sealed.captured) where !node.isGone {
            let isOld = node.last.map { $0.moment.bootMicroseconds <= sealed.at.bootMicroseconds }
            guard isOld == true else { continue }
            node.last?.texts = []
            node.lastNetwork = nil
        }
        captured.removeFirst(sealed.captured)
        for node in parents.prefix(sealed.parents) { node.hadChildren = !node.children.isEmpty }
        parents.removeFirst(sealed.parents)
        if sealed.ended + sealed.newcomers + sealed.parents > 0 || !sealed.unseenEnds.isEmpty {
            isStale = true
        }
        ended.removeFirst(sealed.ended)
        for node in newcomers.prefix(sealed.newcomers) { node.birth = nil }
        newcomers.removeFirst(sealed.newcomers)
        for (root, count) in sealed.unseenEnds {
            let left = unseenEnds[root, default: 0] - count
            unseenEnds[root] = left > 0 ? left : nil
        }
    }

    /// How many entries at the front of each list belong to the sealed survey.
    private struct Sealed {
        var ended: Int
        var newcomers: Int
        var captured: Int
        var parents: Int
        var unseenEnds: [Int64: Int]
        /// When the survey was sealed.
        var at: Moment
    }
    private var sealed: Sealed?

    /// Builds the survey from the nodes: living cgroups first, then those that ended.
    private func rebuild() {
        var next = Survey()
        next.revision = survey.revision + 1
        nodes = []
        let endedBelow = Dictionary(grouping: ended) { $0.root ?? 0 }
        append(top, endedBelow, &next)
        for root in ended where root.isTenantRoot { append(endedRoot: root, endedBelow, &next) }
        let roots = Set(ended.lazy.filter(\.isTenantRoot).map(\.id))
        for node in ended where !node.isTenantRoot {
            if let root = node.root, byID[root] != nil || roots.contains(root) { continue }
            append(account: node, &next)
        }
        next.failed = failed
        next.unseenEnds = unseenEnds
        next.unaccounted = unaccounted
        next.twins = twins.isEmpty ? nil : twins
        survey = next
        isStale = false
    }

    /// Appends a node and everything below it.
    ///
    /// A tenant root gets two steps: one before all accounts below it and one after them.
    private func append(_ node: CgroupNode, _ ended: [Int64: [CgroupNode]], _ next: inout Survey) {
        if node !== top { next.seen.insert(node.id) }
        let ahead = nodes.count
        if node.isTenantRoot {
            add(node, &next)
            next.steps.append(.ahead(ahead))
        } else if node.kind == .inner, node !== top {
            add(node, &next)
            next.steps.append(.above(ahead))
        }
        if node.kind == .inner {
            for child in node.children.values.sorted(by: { $0.id < $1.id }) {
                append(child, ended, &next)
            }
        }
        if node.isTenantRoot {
            for node in ended[node.id] ?? [] { append(account: node, &next) }
            next.steps.append(.account(ahead))
        } else if node.isAccount {
            append(account: node, &next)
        }
    }

    /// Appends a tenant root that ended, with the accounts that ended below it.
    private func append(
        endedRoot root: CgroupNode, _ ended: [Int64: [CgroupNode]], _ next: inout Survey
    ) {
        let ahead = nodes.count
        add(root, &next)
        next.steps.append(.ahead(ahead))
        for node in ended[root.id] ?? [] { append(account: node, &next) }
        next.steps.append(.account(ahead))
    }

    private func append(account node: CgroupNode, _ next: inout Survey) {
        add(node, &next)
        next.steps.append(.account(nodes.count - 1))
    }

    /// Adds a node to the list of cgroups.
    ///
    /// A leaf that had children reports no birth: its counters include their usage, so they start
    /// anew.
    private func add(_ node: CgroupNode, _ next: inout Survey) {
        nodes.append(node)
        let beginsAnew = node.hadChildren && node.kind == .leaf && !node.isTenantRoot
        next.cgroups.append(
            FoundCgroup(
                path: node.path, id: node.id,
                role: node.isTenantRoot ? .tenantRoot : node.kind == .inner ? .inner : .container,
                root: node.root, isPopulated: node.isPopulated, isLeaf: node.kind != .inner,
                isWhole: node.kind == .whole, birth: beginsAnew ? nil : node.birth,
                hasEnded: node.isGone, hadChildren: beginsAnew))
    }

    /// Reads whether processes live in the cgroups for which the kernel sends no events.
    ///
    /// - Parameter all: also read whole containers. For these it only decides whether an idle
    ///   container gets a sample.
    private func refreshPopulated(all: Bool) {
        for (index, node) in nodes.enumerated()
        where !node.isNoticed && !node.isGone && (all || node.kind != .whole) {
            node.isPopulated = (try? node.directory())?.isPopulated(&buffer) ?? nil
            settle(node)
            survey.cgroups[index].isPopulated = node.isPopulated
            survey.cgroups[index].isWhole = node.kind == .whole
        }
    }

    /// What this host lacks to follow the tree cheaply, as sentences for the operator.
    public var shortages: [String] {
        var words: [String] = []
        if budget.wasShort {
            words.append(
                "too few open files are allowed to keep all cgroups open, which costs CPU time: "
                    + "raise LimitNOFILE")
        }
        if isKernel, events == nil || !unwatched.isEmpty {
            words.append(
                "inotify gives no more watches, so births are found by listing at each tick: raise "
                    + "fs.inotify.max_user_watches")
        }
        return words
    }
}
