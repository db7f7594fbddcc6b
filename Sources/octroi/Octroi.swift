import ArgumentParser
import Glibc
import Units

/// The root command, which only lists the others.
///
/// Each command parses its words, calls one function of `App`, and prints the result.
struct Octroi: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octroi",
        abstract: "Meters what each tenant's containers use, prices it and invoices it.",
        discussion: """
            Every figure on an invoice can be traced back to a kernel counter.

            EXAMPLES
              octroi apply                          load tenants.yaml and prices.yaml
              octroi collect --for 60s              meter this host for a minute
              octroi usage --by container           show what was used this month
              octroi invoice issue --month 2026-10  issue last month's invoices
              octroi limit set acme cpu=1.5         cap a tenant, now
              octroi budget set acme 500.00         let it spend 500.00 in a month

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

/// Runs a command, and turns errors into messages and exit codes.
///
/// A `Fault` is printed on standard error; its kind is the exit code. Other errors come from
/// ArgumentParser, which has its own messages and codes.
@main
enum Main {
    static func main() async {
        // By default, a write to a pipe without a reader kills the process. The daemon must not
        // stop metering because nobody reads its log, and no command may die while it changes
        // limits.
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

    /// Prints what ArgumentParser says, and ends the process.
    ///
    /// Help and version are printed in full. An error may repeat a word of any length, so its first
    /// line is shortened.
    private static func refuse(_ error: any Error) -> Never {
        let code = Octroi.exitCode(for: error)
        guard code != .success else { Octroi.exit(withError: error) }
        // The first line repeats the wrong word; the lines after it are usage.
        let parts = Octroi.fullMessage(for: error).split(separator: "\n", maxSplits: 1)
            .map(String.init)
        if let first = parts.first {
            printError(([shortened(first, to: 300)] + parts.dropFirst()).joined(separator: "\n"))
        }
        exit(code.rawValue)
    }

    /// Moves common options from before the command to the end of the line.
    ///
    /// ArgumentParser accepts an option only after the command that declares it. With this, `octroi
    /// --db x usage` is the same as `octroi usage --db x`. After `--` there are no options, so they
    /// are put before it.
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
