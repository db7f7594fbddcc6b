import App
import ArgumentParser
import Glibc
import Synchronization
import Units

/// In which tree and store limits are changed.
struct TreeOptions: ParsableArguments {
    @OptionGroup var place: StoreOptions

    @Option(help: "The cgroup tree. Default: the one that was collected last.")
    var root: String?

    var app: App { place.app }

    /// How a change is carried out: while memory shrinks, its line moves on a terminal.
    func options(reason: String? = nil, isForced: Bool = false) -> LimitOptions {
        var options = LimitOptions(root: root)
        (options.reason, options.isForced) = (reason, isForced)
        let progress = ShrinkProgress()
        options.onShrink = progress.show
        options.isInterrupted = { isInterrupted.load(ordering: .relaxed) }
        return options
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

    /// How the change is carried out in a tree.
    func options(_ tree: TreeOptions) throws(Fault) -> LimitOptions {
        var options = tree.options(reason: reason, isForced: force)
        options.deadlineMilliseconds = try milliseconds("--deadline", deadline)
        return options
    }
}
