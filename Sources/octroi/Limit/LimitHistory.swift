import ArgumentParser
import Reporting
import Store
import Units

struct LimitHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Who changed which limit, when, why, from what to what, and whether it held.",
        discussion: """
            EXAMPLES
              octroi limit history
              octroi limit history acme --limit 20
              octroi limit history --verify        walk the chain of hashes
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("The newest so many changes.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Check that no change was altered, removed or reordered.")
    var verify = false

    @Argument(help: "A tenant, a container or a cgroup's path. Default: all.")
    var target: String?

    func run() throws {
        let store = try place.store(.read)
        if verify {
            let (count, fault) = try store.verifyLimitHistory()
            guard let fault else {
                return try octroi.output("\(count) changes, the chain is whole\n")
            }
            throw Fault(
                .failed, at: store.path, found: fault,
                cure: "Compare with a backup: somebody wrote into the store")
        }
        let sets = try store.limitHistory(of: target, most: limit ?? .max)
        try show(
            Sheet(
                columns: [
                    "change", "at", "user", "uid", "action", "outcome", "target", "tenant",
                    "cgroup",
                    "limit", "before", "wanted", "after", "verified", "owner", "reason", "undoes",
                    "expires",
                ],
                rows: sets.flatMap(rows), notInTable: ["uid", "tenant", "owner", "wanted"]),
            output.format)
    }

    private func rows(_ set: LimitChangeSet) -> [[Cell]] {
        func row(_ change: LimitChange?) -> [Cell] {
            [
                .integer(Int128(set.id)), .time(set.at), .text(set.user), .integer(Int128(set.uid)),
                .text(set.action.rawValue), .text(set.outcome.rawValue), .text(set.target),
                .optional(set.tenant), .optional(change?.path), .optional(change?.key),
                .optional(change?.before), .optional(change?.wanted), .optional(change?.after),
                change.map { .flag($0.isVerified) } ?? .none, .optional(change?.owner),
                .optional(set.reason), .optional(set.undoes.map { Int128($0) }),
                set.expires.map { .time($0) } ?? .none,
            ]
        }
        return set.changes.isEmpty ? [row(nil)] : set.changes.map(row)
    }
}
