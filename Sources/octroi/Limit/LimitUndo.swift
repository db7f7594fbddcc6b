import ArgumentParser
import Daemon
import Enforcing
import Reporting
import Store
import Units

struct LimitUndo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo",
        abstract: "Restore the values before a change, unless somebody changed them since.",
        discussion: """
            EXAMPLES
              octroi limit undo acme          its last change
              octroi limit undo 12            change 12 of octroi limit history
            """)

    @OptionGroup var place: LimitOptions
    @OptionGroup var output: FormatOptions

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(
        help: ArgumentHelp(
            "Lower memory below what is in use, though the kernel may kill; end a boost whose value "
                + "somebody changed since, and leave that."))
    var force = false

    @Argument(help: "A change's number, or a tenant or container, for its last change.")
    var change: String

    func run() throws {
        let tools = try place.tools()
        let set = try tools.changer.withExclusiveLock { () throws(Fault) in
            let targets = try tools.targets()
            return try tools.changer.undo(
                find(tools, targets), targets, reason: reason, isForced: force)
        }
        tools.tellUnrecovered()
        try show(sheet(set), output.format)
        if set.changes.isEmpty, let reason = set.reason {
            printError("octroi: \(escapingControlCharacters(reason))")
        }
    }

    private func find(
        _ tools: LimitTools, _ targets: LimitTargets
    ) throws(Fault) -> LimitChangeSet {
        guard let number = Int64(change) else {
            return try tools.changer.lastChange(of: targets.find(change))
        }
        if let found = try tools.store.limitChangeSet(number) { return found }
        throw Fault(
            .wrongUse, at: "change \(number)", problem: "there is none of that number",
            suggestion: "octroi limit history lists them")
    }
}

struct LimitExpire: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract: "End the boosts whose time is over; systemd's timers run it.",
        shouldDisplay: false)

    @OptionGroup var place: LimitOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let tools = try place.tools()
        // It is tried again: what does not shrink is not to be held low for long.
        tools.changer.deadline = 3000
        let result = try tools.changer.withExclusiveLock { () throws(Fault) in
            try tools.changer.endOverdueBoosts(tools.targets())
        }
        for (_, fault) in result.failed { printError("octroi: \(fault)") }
        for set in result.ended { try show(sheet(set), output.format) }
        if let first = result.failed.first { throw first.fault }
    }
}
