import ArgumentParser

struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Show and change limits, live.",
        subcommands: [LimitShow.self, LimitSet.self])
}
