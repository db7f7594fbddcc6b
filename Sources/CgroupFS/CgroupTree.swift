import Metering
import CgroupFormat
import Glibc
import SystemPackage
import Units

/// The cgroups of a tree, kept open and up to date from one tick to the next.
///
/// In the kernel's tree, births and ends come by inotify and a full scan now and then is the net
/// beneath; where watches run out, and in a plain folder, directories are listed at every survey.
public final class CgroupTree {
    /// The deepest level that is looked at.
    ///
    /// The kernel sets no bound, so this one is ours.
    public static var maximumDepth: Int { 128 }

    /// How often everything is listed anew, in µs, whatever was told.
    static let scanInterval: Int64 = 60_000_000

    public let path: String
    /// Whether this is the kernel's tree, where a file lives as long as its cgroup.
    public let isKernel: Bool
    let device: UInt64
    let clock: () -> Moment
    let top: CgroupNode
    let budget = DescriptorBudget.raised()
    var events: EventQueue?
    /// Nodes whose last reading was taken since the last acknowledgement.
    var captured: [CgroupNode] = []
    var plan = SurveyPlan(nesting: { _ in .byProcesses })
    var byID: [Int64: CgroupNode] = [:]
    var byWatch: [Int32: CgroupNode] = [:]
    /// Directories without a watch, which every survey lists.
    var unwatched: Set<Int64> = []
    /// Gone since the last survey that was acknowledged.
    var ended: [CgroupNode] = []
    var newcomers: [CgroupNode] = []
    /// Those that had children since.
    var parents: [CgroupNode] = []
    var failed: [String: Errno] = [:]
    var unseenEnds: [Int64: Int] = [:]
    /// The networks that containers hold, by inode.
    var namespaces: [Int64: WeakNamespace] = [:]
    /// When to look for the networks of new containers, soonest first.
    var networkLooks: [NetworkLook] = []
    /// Tenant roots below which one ended unread, to be read with all below them once no event waits.
    var rootsToRead: Set<Int64> = []
    /// What tenant roots and all below them last said together.
    var standings: [Int64: Standing] = [:]
    var isStale = true
    var nextScan: Int64 = .min
    var buffer = [UInt8](repeating: 0, count: 16_384)
    private var survey = Survey()
    /// The one that is read now.
    private var visited: CgroupNode?
    /// The nodes of the survey's cgroups.
    private var nodes: [CgroupNode] = []
    /// Inner cgroups outside tenant roots that hold processes of their own.
    var unaccounted: [String] = []
    /// Paths that lead to a cgroup that is known at another.
    var twins: [String] = []

    /// - Parameters:
    ///   - clock: the time of births and last readings.
    ///   - isKernel: whether to keep files open; default: if the root is the kernel's tree.
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

    /// Brings the tree up to date and says what there is to read.
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

    /// Reads a file of the survey's cgroup `index`; of one that has ended, from its last reading.
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

    func node(_ index: Int) -> CgroupNode { nodes[index] }

    /// How the survey's cgroup `index` ended; `nil` if it lives.
    public func end(of index: Int) -> CgroupEnd? { nodes[index].end }

    /// What an unread end's cpu counter must have been, in µs, by those around it.
    public func deducedCPU(of index: Int) -> Int64? { nodes[index].deducedCPU }

    /// When what `read` gives of the survey's cgroup `index` was true.
    public func moment(of index: Int) -> Moment {
        let node = nodes[index]
        if node.isGone, let last = node.last { return last.moment }
        return clock()
    }

    /// Starts a new peak of the survey's cgroup `index` (memory.peak, Linux 6.12).
    ///
    /// - Returns: whether the kernel has private peaks.
    public func resetPeak(of index: Int) -> Bool {
        guard let file = try? nodes[index].directory().descriptor(of: .memoryPeak) else {
            return false
        }
        return write(file, "r", 1) == 1
    }

    /// Whether the survey's cgroup `index` had children when last asked, right now.
    public func hasChildren(_ index: Int) -> Bool {
        (try? nodes[index].directory().hasChildren) ?? false
    }

    /// All that the last survey told of is read; what happens from now on is the next one's.
    public func seal() {
        visited?.closeTemporary()
        visited = nil
        sealed = Sealed(
            ended: ended.count, newcomers: newcomers.count, captured: captured.count,
            parents: parents.count, unseenEnds: unseenEnds, at: clock())
    }

    /// The last survey is committed: what it told of births and ends is told no more.
    public func acknowledge() {
        guard let sealed else { return }
        self.sealed = nil
        // All that lives was read: what an empty cgroup said before need not be kept.
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

    /// What the survey that is being committed told of: so much of each list.
    private struct Sealed {
        var ended: Int
        var newcomers: Int
        var captured: Int
        var parents: Int
        var unseenEnds: [Int64: Int]
        var at: Moment
    }
    private var sealed: Sealed?

    /// Rebuilds the survey from the nodes.
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

    /// A tenant root that is gone, with all below it, which is gone as well.
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

    /// Asks those of whom the kernel tells nothing whether processes live in them.
    ///
    /// - Parameter all: also whole containers, of which it decides nothing but whether an idle one
    ///   has a sample.
    private func refreshPopulated(all: Bool) {
        for (index, node) in nodes.enumerated()
        where !node.isNoticed && !node.isGone && (all || node.kind != .whole) {
            node.isPopulated = (try? node.directory())?.isPopulated(&buffer) ?? nil
            settle(node)
            survey.cgroups[index].isPopulated = node.isPopulated
            survey.cgroups[index].isWhole = node.kind == .whole
        }
    }

    /// What this host lacks to do this well, in words.
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
