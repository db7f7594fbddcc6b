import ArgumentParser
import Glibc
import Units

/// The command line: it parses words, calls one thing and prints.
struct Octroi: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octroi",
        abstract: "Meters what each tenant's containers use, prices it and invoices it.",
        discussion: """
            Every figure on an invoice walks back to a kernel counter.

            EXAMPLES
              octroi apply                          load tenants.yaml and prices.yaml
              octroi collect --for 60s              meter this host for a minute
              octroi usage --by container           what was used this month
              octroi invoice issue --month 2026-10  issue last month's invoices
              octroi limit set acme cpu=1.5         cap a tenant, now
              octroi budget set acme 500.00         the money it may spend in a month

            Exit codes: 0 done, 1 failed, 64 wrong use, 65 bad data, 69 a needed part is
            unavailable, 77 not permitted.
            """,
        version: "0.1.0",
        subcommands: [
            CollectCommand.self, DaemonCommand.self, ContainersCommand.self, TopCommand.self,
            AuditCommand.self, RecordCommand.self, ReplayCommand.self, DoctorCommand.self,
            ApplyCommand.self, TenantCommand.self, UsageCommand.self, PriceCommand.self,
            InvoiceCommand.self, ReportCommand.self, LimitCommand.self, BudgetCommand.self,
            SamplesCommand.self,
            StoreCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        // Who writes to a pipe that nobody reads any more is told so: a lost log is no reason to stop metering,
        // nor to die in the middle of a change of limits.
        signal(SIGPIPE, SIG_IGN)
        do {
            let words = Array(CommandLine.arguments.dropFirst())
            var command = try Octroi.parseAsRoot(hoisted(words))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let fault as Fault {
            printError("octroi: \(fault)")
            exit(fault.kind.rawValue)
        } catch {
            refuse(error)
        }
    }

    /// Ends with what ArgumentParser says: help whole, a complaint a screen at most.
    private static func refuse(_ error: any Error) -> Never {
        let code = Octroi.exitCode(for: error)
        guard code != .success else { Octroi.exit(withError: error) }
        // The first line repeats the word that is wrong; help and usage come behind it.
        let parts = Octroi.fullMessage(for: error).split(separator: "\n", maxSplits: 1)
            .map(String.init)
        if let first = parts.first {
            printError(([shortened(first, to: 300)] + parts.dropFirst()).joined(separator: "\n"))
        }
        exit(code.rawValue)
    }

    /// Moves common options that stand before the command, `octroi --db x usage`, behind it.
    static func hoisted(_ words: [String]) -> [String] {
        let common = ["--db", "--config", "--format"]
        var options: [String] = []
        var rest = words[...]
        while let word = rest.first {
            if common.contains(word), rest.count > 1 {
                options += rest.prefix(2)
                rest.removeFirst(2)
            } else if common.contains(where: { word.hasPrefix($0 + "=") }) {
                options.append(word)
                rest.removeFirst()
            } else {
                break
            }
        }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return rest[..<end] + options + rest[end...]
    }
}
