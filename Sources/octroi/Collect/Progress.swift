import Daemon
import Glibc
import Reporting
import Synchronization
import Units

/// One line on the terminal that keeps up with the collector, and a summary at its end.
final class Progress: Sendable {
    private struct Totals {
        var ticks = 0
        var cgroups = 0
        var cpu: Int128 = 0
    }

    private let totals = Mutex(Totals())

    /// Takes note of a tick.
    @Sendable func note(_ outcome: Collector.Outcome) {
        let line = totals.withLock { totals in
            totals.ticks += 1
            totals.cgroups = outcome.read
            totals.cpu += outcome.cpuMicroseconds
            return summary(totals)
        }
        if isTerminal(STDERR_FILENO) { writeError("\r\u{1B}[K\(line)") }
    }

    /// Prints the summary.
    func finish() {
        let line = totals.withLock { summary($0) }
        writeError((isTerminal(STDERR_FILENO) ? "\r\u{1B}[K" : "") + "octroi: " + line + "\n")
    }

    private func summary(_ totals: Totals) -> String {
        "\(totals.ticks) ticks, \(totals.cgroups) cgroups in the last, "
            + "\(humanQuantity(totals.cpu, .cpuTime)) metered"
    }
}
