import ArgumentParser
import Daemon
import Glibc
import Metering
import Reporting
import Settings
import Billing
import Store
import Units

struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch what containers use and cost now.",
        discussion: """
            Shows the difference between the collector's last two samples. On a terminal it \
            repeats until Ctrl-C; elsewhere, and with csv or json, it prints once. CPU is in \
            percent of one core. Rates are empty if the collector has read nothing for more than \
            three intervals and a second.

            The cost is what the current UTC hour adds to the tenant's month, before tax. It \
            uses the invoice's prices, tiers, free parts, reservations and discounts, without \
            fixed fees and the minimum. Containers share it by their usage in the hour. The row \
            without a container is the tenant's total: it includes the root itself, and \
            containers that have ended. --filter leaves it out.

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
        let store = try place.store(.read)
        try which.check(store)
        var pricing = HourPricing(store, in: try place.settings().zone)
        guard !once, output.format == .table, isTerminal(STDOUT_FILENO) else {
            return try show(sheet(store, &pricing), output.format)
        }
        while true {
            // From the top left corner, and nothing below.
            let text = try sheet(store, &pricing).rendered(as: .table, onTerminal: true)
            try outputStyled("\u{1B}[H\u{1B}[2J" + fitted(text))
            usleep(UInt32(clamping: wait * 1000))
        }
    }

    private func sheet(_ store: Store, _ pricing: inout HourPricing) throws(Fault) -> Sheet {
        let now = Host.wallTime()
        let (found, silence) = try pricedContainers(store, &pricing)
        tellSilence(silence, beside: output.format)
        let all = found.filter { which.includes(tenant: $0.live.tenant, path: $0.live.path) }
        let cgroups = all.filter { $0.live.kind != .tenant }
        let rates = cgroups.compactMap(\.live.cpuRate)
        let cpu = rates.isEmpty ? "" : ", \(rates.reduce(0, +) / 10_000) % of a core"
        return liveSheet(
            sorted(all.filter { $0.live.kind != .tenantRoot }, by: sort),
            title: (["\(now): \(cgroups.count) cgroups\(cpu)"] + [silence].compactMap(\.self))
                .joined(separator: "\n"))
    }

    /// As many lines and columns as the terminal has.
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
