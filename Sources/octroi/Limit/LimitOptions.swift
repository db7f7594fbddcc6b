import App
import ArgumentParser
import Glibc
import Synchronization
import Units

/// The options for the store and the cgroup tree whose limits are shown or changed.
struct TreeOptions: ParsableArguments {
    @OptionGroup var place: StoreOptions

    @Option(help: "The cgroup tree. Default: the one that the last collector read.")
    var root: String?

    var app: App { place.app }

    /// How a change is carried out.
    ///
    /// While memory shrinks, its size is shown on a terminal, and signals to end wait.
    func options(reason: String? = nil, isForced: Bool = false) -> LimitOptions {
        var options = LimitOptions(root: root)
        (options.reason, options.isForced) = (reason, isForced)
        let progress = ShrinkProgress()
        options.onShrink = progress.show
        options.isInterrupted = { isInterrupted.load(ordering: .relaxed) }
        return options
    }
}

/// Whether SIGINT or SIGTERM came while memory shrank.
private let isInterrupted = Atomic(false)

/// Shows how far memory has shrunk, and holds back signals meanwhile.
///
/// Memory shrinks because memory.high was lowered. If a signal ended the process then, memory.high
/// would stay low. So a signal only sets `isInterrupted`, and the change ends itself and restores
/// the old limits.
private final class ShrinkProgress {
    private let isOnTerminal = isTerminal(STDERR_FILENO)
    /// Whether the signals are held back already.
    private var isHeld = false

    /// Makes SIGINT and SIGTERM set `isInterrupted`, from the first report to the end of the
    /// process.
    private func hold() {
        guard !isHeld else { return }
        isHeld = true
        for code in [SIGINT, SIGTERM] {
            signal(code) { _ in isInterrupted.store(true, ordering: .relaxed) }
        }
    }

    /// Updates the line, if standard error is a terminal.
    ///
    /// - Parameters:
    ///   - current: memory in use, in bytes.
    ///   - target: the new limit, in bytes.
    func show(_ current: Int64, _ target: Int64) {
        hold()
        let mebibyte: Int64 = 1 << 20
        let text = "memory.current \(current / mebibyte) MiB, wanted \(target / mebibyte) MiB"
        if isOnTerminal { writeError("\r\(text)\(current <= target ? "\n" : "\u{1B}[K")") }
    }
}

/// The options of commands that set or remove limits.
struct SettingOptions: ParsableArguments {
    @Flag(help: "Show each write, its owner, its values and its effect. Nothing is written.")
    var plan = false

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(
        help: ArgumentHelp(
            "Also change targets that belong to no tenant or hold the host's own services. Lower "
                + "memory at once, even below the memory in use: the kernel may kill processes."))
    var force = false

    @Option(
        help: ArgumentHelp(
            "How long to wait until the memory in use is below a lower memory.max.",
            valueName: "time"))
    var deadline = "30s"

    /// How the change is carried out.
    ///
    /// - Throws: `wrongUse` if `--deadline` is no duration.
    func options(_ tree: TreeOptions) throws(Fault) -> LimitOptions {
        var options = tree.options(reason: reason, isForced: force)
        options.deadlineMilliseconds = try milliseconds("--deadline", deadline)
        return options
    }
}
