import App
import ArgumentParser
import Glibc
import Reporting
import Units

/// `octroi top`: shows running containers again and again (`App.liveView`).
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch what containers use and cost now.",
        discussion: """
            Rates are computed from the collector's last two readings. On a terminal the command \
            repeats until Ctrl-C; elsewhere, and with csv or json, it prints once. CPU is in \
            percent of one core. Rates are empty if the last reading is older than three \
            intervals and a second.

            The cost is what the current UTC hour adds to the tenant's month, before tax. It is \
            computed like an invoice, with tiers, free quantities, reserved quantities and \
            discounts, but without fixed fees and the minimum. It is divided among the containers \
            by their usage in the hour. The row without a container is the tenant's total: it \
            includes the tenant root itself, and containers that have ended. With --filter there \
            are no totals.

            EXAMPLES
              octroi top
              octroi top --sort memory --tenant acme
              octroi top --once --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var which: LiveOptions

    @Option(help: "The column to sort by: tenant, cpu, memory, io, net or cost.")
    var sort: LiveOrder = .cpu

    @Option(help: "How often to look again.")
    var interval = "2s"

    @Flag(help: "Print once and end.")
    var once = false

    func run() throws {
        let wait = try milliseconds("--interval", interval)
        var view = try place.app.liveView(which.query(by: sort))
        guard !once, output.format == .table, isTerminal(STDOUT_FILENO) else {
            let (sheet, silence) = try view.look()
            tellSilence(silence, beside: output.format)
            return try show(sheet, output.format)
        }
        while true {
            // Escape sequences of terminals: to the top left corner, then clear the screen.
            let text = try view.look().sheet.rendered(
                as: .table, onTerminal: hasStyles(STDOUT_FILENO))
            try outputStyled("\u{1B}[H\u{1B}[2J" + fitted(text))
            usleep(UInt32(clamping: wait * 1000))
        }
    }

    /// Cuts a table to the size of the terminal, so that it does not scroll.
    ///
    /// The bold header line keeps its length, because cutting it could lose the sequence that ends
    /// bold.
    private func fitted(_ text: String) -> String {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 1 else {
            return text
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.prefix(Int(size.ws_row) - 1)
            .map { $0.contains("\u{1B}") ? $0 : $0.prefix(Int(size.ws_col)) }
            .joined(separator: "\n")
    }
}
