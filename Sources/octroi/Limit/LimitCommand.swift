import ArgumentParser

struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Show and change limits, live.",
        discussion: """
            EXAMPLES
              octroi limit show acme
              octroi limit set acme cpu=1.5 memory.max=512M
            """,
        subcommands: [LimitShow.self, LimitSet.self])
}
