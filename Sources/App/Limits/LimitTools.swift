import CgroupFS
import Enforcing
import Host
import Limits
import Settings
import Store
import Units

/// How limits are changed.
public struct LimitOptions {
    /// The cgroup tree; `nil` for the one that was collected last.
    public var root: String?
    /// Why, for the record.
    public var reason: String?
    /// Whether targets that are no tenant's are allowed, and memory is lowered at once, though the kernel may kill.
    public var isForced = false
    /// How long memory may take to shrink below a lower memory.max, in ms.
    public var deadlineMilliseconds: Int64 = 30_000
    /// Takes memory.current and what it shall shrink to, in bytes, while it shrinks.
    public var onShrink: (_ current: Int64, _ target: Int64) -> Void = { _, _ in }
    /// Whether to stop waiting for memory to shrink.
    public var isInterrupted: () -> Bool = { false }

    public init(root: String? = nil) { self.root = root }
}

/// The store, the tree and who changes it, opened for one verb.
struct LimitTools {
    let store: Store
    let tree: LimitedTree
    let changer: LimitChanger
    let zone: BillingZone
    let options: LimitOptions

    func targets() throws(Fault) -> LimitTargets { try LimitTargets(tree, store) }

    /// A plan of what some words ask for.
    ///
    /// - Parameter isShown: whether a person looks at the plan: then what is used is watched for a moment.
    func plan(
        _ specs: [LimitSpec], for target: LimitTarget, isShown: Bool = false
    ) throws(Fault) -> LimitPlan {
        try changer.plan(
            specs, for: target, targets(), isForced: options.isForced,
            watchingMilliseconds: isShown ? 300 : 0)
    }
}

extension App {
    /// Opens the store and the tree; to write, boosts whose time is over are ended first.
    func limitTools(
        _ access: Store.Access, _ options: LimitOptions
    ) throws(Fault) -> LimitTools {
        let store = try store(access)
        if access == .write { endOverdueBoosts(store) }
        let settings = try settings()
        var path = options.root ?? settings.cgroupRoot
        if path == nil { path = try store.lastRoot() }
        let tree = LimitedTree(root: try CgroupRoot(opening: path))
        let changer = LimitChanger(
            tree: tree, store: store, boot: try Host.bootID(), now: Host.wallTime)
        changer.onShrink = options.onShrink
        changer.isInterrupted = options.isInterrupted
        changer.deadline = options.deadlineMilliseconds
        return LimitTools(
            store: store, tree: tree, changer: changer, zone: settings.zone, options: options)
    }

    /// Says what a dead writer left that could not be taken back.
    func notifyUnrecovered(_ tools: LimitTools) {
        for fault in tools.changer.unrecovered { notify("\(fault)") }
    }
}

/// Reads limits as `NAME=VALUE`.
///
/// - Throws: `wrongUse` for none, an unknown limit, or a value out of its range.
func limitSpecs(_ words: [String]) throws(Fault) -> [LimitSpec] {
    guard !words.isEmpty else {
        throw Fault(
            .wrongUse, at: "limit", problem: "no limit was given",
            suggestion: "Name one or more, such as cpu=1.5 or memory.max=512M")
    }
    var specs: [LimitSpec] = []
    for word in words { specs.append(try LimitSpec(parsing: word)) }
    return specs
}
