import Daemon
import Glibc
import Reporting
import Synchronization
import Units

/// One line on the terminal that keeps up with the collector, and a summary at its end.
final class Progress: Sendable {
    private struct Totals {
        var ticks = 0
        var printed: Instant?
        var cgroups = 0
        var cpu: Int128 = 0
    }

    private let totals = Mutex(Totals())
    /// Whether to print a line now and then where no terminal can keep one up to date.
    private let isSteady: Bool

    init(isSteady: Bool) { self.isSteady = isSteady }

    /// Takes note of a tick.
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

    /// Prints the summary.
    func finish() {
        let line = totals.withLock { summary($0) }
        writeError((isTerminal(STDERR_FILENO) ? "\r\u{1B}[K" : "") + "octroi: " + line + "\n")
    }

    private func summary(_ totals: Totals) -> String {
        "\(totals.ticks) readings; \(totals.cgroups) cgroups in the last one; "
            + "\(humanQuantity(totals.cpu, .cpuTime)) metered"
    }
}
