import ArgumentParser
import CgroupFS
import Daemon
import Enforcing
import Glibc
import Limits
import Settings
import Store
import Synchronization
import Units

/// In which tree and store limits are changed.
struct LimitOptions: ParsableArguments {
    @OptionGroup var place: StoreOptions

    @Option(help: "The cgroup tree. Default: the one that was collected last.")
    var root: String?

    /// Opens the store and the tree.
    func tools(_ access: Store.Access = .write) throws(Fault) -> LimitTools {
        let store = try place.store(access)
        if access == .write { endOverdueBoosts(store) }
        var path = root
        if path == nil { path = try place.settings().cgroupRoot }
        if path == nil { path = try store.lastRoot() }
        let tree = LimitedTree(root: try CgroupRoot(opening: path))
        let changer = LimitChanger(
            tree: tree, store: store, boot: try Host.bootID(), now: Host.wallTime)
        let progress = ShrinkProgress()
        changer.onShrink = progress.show
        changer.isInterrupted = { isInterrupted.load(ordering: .relaxed) }
        return LimitTools(
            store: store, tree: tree, changer: changer, zone: try place.settings().zone)
    }
}

/// What commands on limits work with.
struct LimitTools {
    let store: Store
    let tree: LimitedTree
    let changer: LimitChanger
    let zone: BillingZone

    func targets() throws(Fault) -> LimitTargets { try LimitTargets(tree, store) }

    /// Says what a dead writer left that could not be taken back.
    func tellUnrecovered() {
        for fault in changer.unrecovered { printError("octroi: \(fault)") }
    }
}

/// Whether a signal to end came while memory shrank.
private let isInterrupted = Atomic(false)

/// How far memory has shrunk, on standard error: a line that moves on a terminal.
///
/// From the first line on, a signal to end is noted in place of ending the process, as memory.high would
/// stay low.
private final class ShrinkProgress {
    private let isOnTerminal = isTerminal(STDERR_FILENO)
    private var isHeld = false

    private func hold() {
        guard !isHeld else { return }
        isHeld = true
        for code in [SIGINT, SIGTERM] {
            signal(code) { _ in isInterrupted.store(true, ordering: .relaxed) }
        }
    }

    func show(_ current: Int64, _ target: Int64) {
        hold()
        let mebibyte: Int64 = 1 << 20
        let text = "memory.current \(current / mebibyte) MiB, wanted \(target / mebibyte) MiB"
        if isOnTerminal { writeError("\r\(text)\(current <= target ? "\n" : "\u{1B}[K")") }
    }
}

/// The words of limits to set, and how.
struct SettingOptions: ParsableArguments {
    @Flag(help: "Show each write, its owner, its values and its effect. Nothing is written.")
    var plan = false

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(
        help: ArgumentHelp(
            "Allow targets that belong to no tenant or hold the host's own services. Lower memory at once, "
                + "even below what is in use: the kernel may kill processes."))
    var force = false

    @Option(
        help: ArgumentHelp(
            "How long memory may take to shrink below a lower memory.max.",
            valueName: "time"))
    var deadline = "30s"
}

func specs(_ words: [String]) throws(Fault) -> [LimitSpec] {
    guard !words.isEmpty else {
        throw Fault(
            .wrongUse, at: "limit", problem: "no limit was given",
            suggestion: "Name one or more, such as cpu=1.5 or memory.max=512M")
    }
    var specs: [LimitSpec] = []
    for word in words { specs.append(try LimitSpec(parsing: word)) }
    return specs
}
