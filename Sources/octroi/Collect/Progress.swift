import Daemon
import Glibc
import Reporting
import Synchronization
import Units

/// Shows on standard error how far a collector is.
///
/// A terminal has one line, which every tick updates. Elsewhere a line is printed every 5 s, if
/// `isSteady` is set.
final class Progress: Sendable {
    /// What the line says.
    private struct Totals {
        /// The number of ticks so far.
        var ticks = 0
        /// When a line was printed last.
        var printed: Instant?
        /// The number of cgroups that the last tick read.
        var cgroups = 0
        /// The CPU time metered so far, in µs.
        var cpu: Int128 = 0
    }

    /// The counts; ticks arrive on the collector's thread.
    private let totals = Mutex(Totals())
    /// Whether lines are printed where there is no terminal.
    private let isSteady: Bool

    /// Creates a progress.
    ///
    /// - Parameter isSteady: set for a run of limited time. A collector that runs on, such as a
    ///   service, would fill its log.
    init(isSteady: Bool) { self.isSteady = isSteady }

    /// Counts a tick, and shows the line if it is due.
    @Sendable func note(_ outcome: TickOutcome) {
        let line: String? = totals.withLock { totals in
            totals.ticks += 1
            totals.cgroups = outcome.read
            totals.cpu += outcome.cpuMicroseconds
            let now = outcome.moment.wall
            let isDue = totals.printed.map { $0.advanced(bySeconds: 5) <= now } ?? true
            guard isTerminal(STDERR_FILENO) || (isSteady && isDue) else { return nil }
            totals.printed = now
            return summary(totals)
        }
        guard let line else { return }
        writeError(isTerminal(STDERR_FILENO) ? "\r\u{1B}[K\(line)" : "octroi: \(line)\n")
    }

    /// Prints the summary on a line of its own.
    func finish() {
        let line = totals.withLock { summary($0) }
        writeError((isTerminal(STDERR_FILENO) ? "\r\u{1B}[K" : "") + "octroi: " + line + "\n")
    }

    /// The counts in words.
    private func summary(_ totals: Totals) -> String {
        "\(totals.ticks) readings; \(totals.cgroups) cgroups in the last one; "
            + "\(humanQuantity(totals.cpu, .cpuTime)) metered"
    }
}
