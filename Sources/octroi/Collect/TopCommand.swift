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
            Shows the collector's last two samples: rates are over the time between them. On a \
            terminal it goes on until Ctrl-C; elsewhere, and with csv or json, it prints once. \
            Cpu is in percent of one core. If the collector has read nothing for more than three of \
            its intervals and a second, rates are not known, and it says since when.

            The cost is what this UTC hour has added to the tenant's month so far, before tax: the \
            prices, tiers, free parts, reservations and discounts of its invoice, without fixed fees \
            and the minimum. Its containers share it by what they used in the hour. The row without \
            a container is the tenant's sum: with it comes what its root itself and containers that \
            have ended used. Its throttling is that of all limits in it added up. --filter leaves it \
            out.

            EXAMPLES
              octroi top
              octroi top --sort memory --tenant acme
              octroi top --once --format csv
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions
    @OptionGroup var which: LiveOptions

    @Option(help: "What comes first: tenant, cpu, memory, io, net or cost.")
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
