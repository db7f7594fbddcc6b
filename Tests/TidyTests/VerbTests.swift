import Foundation
import TestSupport
import Testing

/// Whatever a person can do has one function in App: the commands beside the functions that they call.
@Suite struct VerbTests {
    /// The function of App behind each command.
    private static let verbs = [
        "containers": "containers", "top": "liveView", "audit": "audit", "doctor": "doctor",
        "apply": "apply", "samples": "streamSamples",
        "tenant list": "tenants", "tenant show": "tenant", "tenant add": "addTenant",
        "tenant assign": "assignUsage", "tenant unassign": "unassignUsage",
        "tenant remove": "removeTenant",
        "usage show": "usage", "usage import": "importUsage",
        "price show": "prices", "price check": "checkPrices", "price compare": "comparePrices",
        "invoice list": "invoices", "invoice draft": "draftInvoices",
        "invoice issue": "issueInvoices", "invoice show": "invoice",
        "invoice export": "exportInvoices", "invoice explain": "explainInvoice",
        "invoice verify": "verifyInvoices", "invoice credit": "creditInvoice",
        "report run": "report", "report list": "reports",
        "limit show": "limits", "limit set": "setLimits", "limit unset": "unsetLimits",
        "limit boost": "boostLimits", "limit undo": "undoLimits",
        "limit history": "limitHistory", "limit doctor": "limitFindings",
        "budget set": "setBudget", "budget list": "budgets", "budget show": "budget",
        "budget remove": "removeBudget", "budget simulate": "simulateBudgets",
        "store info": "storeInfo", "store check": "checkStore", "store verify": "verifyStore",
        "store backup": "backUpStore", "store prune": "pruneStore", "store rebuild": "rebuildStore",
        "store adopt": "adoptStore",
    ]

    /// Commands that run the services of Daemon, which no page and no API does.
    private static let services: Set = ["collect", "daemon", "record", "replay"]

    @Test func everyCommandHasItsFunction() throws {
        var commands: Set<String> = []
        let page = try String(contentsOfFile: "\(repository)/docs/commands.md", encoding: .utf8)
        for section in page.split(separator: "\n## octroi ").dropFirst() {
            // A command with verbs of its own is a group.
            guard !section.contains("\nSUBCOMMANDS:") else { continue }
            commands.insert(String(section.prefix { $0 != "\n" }))
        }
        #expect(commands.subtracting(Self.services) == Set(Self.verbs.keys))
        let app = try text(of: "Sources/App")
        let commandLine = try text(of: "Sources/octroi")
        for (command, function) in Self.verbs {
            #expect(
                app.contains("public func \(function)("), "\(command): App has no \(function)")
            #expect(
                commandLine.contains("app.\(function)("),
                "octroi \(command) does not call \(function)")
        }
    }

    /// No SQL, no rules and no arithmetic in the command line: it sees App, and shapes of what it prints.
    @Test func theCommandLineSeesOnlyApp() throws {
        let allowed: Set = [
            "App", "ArgumentParser", "Glibc", "Foundation", "Reporting", "ReportFiles", "Units",
            "Synchronization", "Metering", "Invoicing", "Store", "Settings", "Daemon", "Logging",
            "UnixSignals",
        ]
        let text = try text(of: "Sources/octroi")
        for match in text.matches(of: /(?m)^import (\w+)/) {
            #expect(allowed.contains(String(match.1)), "octroi imports \(match.1)")
        }
    }

    private func text(of folder: String) throws -> String {
        let root = "\(repository)/\(folder)"
        let files = try #require(FileManager.default.enumerator(atPath: root))
        return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }
            .map { try String(contentsOfFile: "\(root)/\($0)", encoding: .utf8) }
            .joined(separator: "\n")
    }
}
