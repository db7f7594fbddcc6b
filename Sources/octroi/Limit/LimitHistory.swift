import ArgumentParser
import Reporting
import Store
import Units

struct LimitHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show who changed which limit, when, why, and whether it held.",
        discussion: """
            Each change has a hash over itself and all changes before it. --verify prints the \
            last one, and the journal holds it. Keep it in a safe place. Later, --head HASH \
            proves that the record was not rewritten.

            EXAMPLES
              octroi limit history
              octroi limit history acme --limit 20
              octroi limit history --verify
              octroi limit history --head 6f1c…
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Option(help: ArgumentHelp("Show the last N changes.", valueName: "n"))
    var limit: Int?

    @Flag(help: "Check that no change was altered, removed or reordered.")
    var verify = false

    @Option(help: ArgumentHelp("A head hash that an earlier --verify printed.", valueName: "hash"))
    var head: String?

    @Argument(help: "A tenant, a container or a cgroup's path. Default: all.")
    var target: String?

    func run() throws {
        let store = try place.store(.read)
        if verify || head != nil { return try check(store) }
        let sets = try store.limitHistory(of: target, most: limit ?? .max)
        if sets.isEmpty, let target {
            printError(
                "octroi: no change of \(escapingControlCharacters(shortened(target, to: 120))) is written down"
            )
        }
        var sheet = Sheet(
            columns: [
                "change", "at", "user", "uid", "action", "outcome", "target", "tenant", "cgroup",
                "limit", "before", "wanted", "after", "verified", "owner", "reason", "undoes",
                "expires",
            ],
            rows: sets.flatMap(rows), notInTable: ["uid", "tenant", "owner", "wanted"])
        sheet.above = ["user", "target", "cgroup", "outcome", "verified", "undoes", "expires"]
        sheet.below = (["reason"], "change")
        try show(sheet, output.format)
    }

    private func check(_ store: Store) throws {
        if let head { try checkHash(head) }
        let found = try store.verifyLimitHistory(head: head)
        if output.format != .table || !found.damage.isEmpty {
            try show(
                Sheet(columns: ["damage"], rows: found.damage.map { [.text($0)] }), output.format)
        }
        printError("octroi: \(found.count) changes checked; the last hash is \(found.head)")
        if found.damage.isEmpty {
            if let head, !found.hasHead { throw noSuchHash(head, "change", in: store) }
            return
        }
        throw Fault(
            .failed, at: store.path,
            problem: "\(found.damage.count) changes are not as they were written down",
            suggestion: "Compare with a backup: somebody wrote into the store")
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
