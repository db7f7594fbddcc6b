import CgroupFS
import Enforcing
import Host
import Limits
import Settings
import Store
import Units

/// How to change limits, and where.
public struct LimitOptions {
    /// The path of the cgroup tree.
    ///
    /// `nil` stands for the one in octroi.yaml, then the one that was collected last, then the
    /// host's.
    public var root: String?
    /// Why, for the record.
    public var reason: String?
    /// Whether to do what may harm.
    ///
    /// That is to limit cgroups that belong to no tenant, and to lower memory at once, although the
    /// kernel may kill processes.
    public var isForced = false
    /// How long to wait for memory to shrink below a lower `memory.max`, in ms.
    public var deadlineMilliseconds: Int64 = 30_000
    /// Called while memory shrinks, with the memory in use and the new limit, in bytes.
    public var onShrink: (_ current: Int64, _ target: Int64) -> Void = { _, _ in }
    /// Checked while memory shrinks; true rolls the change back.
    public var isInterrupted: () -> Bool = { false }

    /// Options without force or reason, and with 30 s for memory to shrink.
    public init(root: String? = nil) { self.root = root }
}

/// What a function about limits needs: the store, the tree and the changer of limits.
struct LimitTools {
    let store: Store
    let tree: LimitedTree
    let changer: LimitChanger
    /// The billing zone, for prices.
    let zone: BillingZone
    let options: LimitOptions

    /// The tenants and containers that can be limited now.
    func targets() throws(Fault) -> LimitTargets { try LimitTargets(tree, store) }

    /// A plan for what some words ask for.
    ///
    /// - Parameter isShown: whether a person will read the plan. Then CPU use is watched for 0.3 s,
    ///   so that the effect can be predicted.
    /// - Throws: as `LimitChanger.plan` does.
    func plan(
        _ specs: [LimitSpec], for target: LimitTarget, isShown: Bool = false
    ) throws(Fault) -> LimitPlan {
        try changer.plan(
            specs, for: target, targets(), isForced: options.isForced,
            watchingMilliseconds: isShown ? 300 : 0)
    }
}

extension App {
    /// Opens the store and the tree.
    ///
    /// - Parameters:
    ///   - access: to write, overdue boosts are ended first.
    ///   - keepsBoosts: leaves overdue boosts to the caller.
    func limitTools(
        _ access: Store.Access, _ options: LimitOptions, keepsBoosts: Bool = false
    ) throws(Fault) -> LimitTools {
        let store = try store(access)
        if access == .write, !keepsBoosts { endOverdueBoosts(store) }
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

    /// Gives notice of unfinished changes of dead processes that could not be rolled back.
    func notifyUnrecovered(_ tools: LimitTools) {
        for fault in tools.changer.unrecovered { notify("\(fault)") }
    }
}

/// Parses limits that are written as `NAME=VALUE`.
///
/// - Throws: `wrongUse` for no words, an unknown limit, or a value that the limit does not take.
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
