import ArgumentParser
import Enforcing
import Limits
import Reporting
import Store
import Units

struct LimitShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show limits: desired value, value in the file, effective value, and effect.",
        discussion: """
            wanted: the desired value, from a command, a contract, a boost or a budget. value: \
            what the kernel's file says. effective: the tightest of this cgroup and those above \
            it. bound_by: the cgroup that sets it. biting: how often or how long the limit took \
            effect since it was last changed.

            EXAMPLES
              octroi limit show acme
              octroi limit show docker-4f0c…scope
              octroi limit show acme --all        those too that limit nothing
            """)

    @OptionGroup var place: LimitOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "In a table, include limits that are not set.")
    var all = false

    @Argument(help: "A tenant's id, or a container by its path, the end of it, or its name.")
    var target: String

    func run() throws {
        let tools = try place.tools(.read)
        let targets = try tools.targets()
        var truths = try targets.truth(
            targets.find(target), tools.store, boot: tools.changer.boot)
        if output.format == .table, !all {
            truths.removeAll { truth in
                truth.written == truth.key.initial && truth.wanted == nil
                    && truth.effective?.value == truth.key.initial
            }
        }
        var sheet = Sheet(
            columns: [
                "cgroup", "limit", "value", "note", "wanted", "effective", "bound_by", "biting",
                "owner",
            ],
            rows: truths.map(row), headings: ["value": "written", "bound_by": "bound by"])
        let isOwn = truths.allSatisfy { $0.effective.map(\.binding) ?? [$0.path] == [$0.path] }
        if isOwn { sheet.notInTable = ["bound_by"] }
        (sheet.above, sheet.below) = (["cgroup", "owner"], (["note", "biting"], "limit"))
        try show(sheet, output.format)
    }

    private func row(_ truth: LimitStatus) -> [Cell] {
        var notes: [String] = []
        if let trouble = truth.trouble { notes.append(trouble) }
        if let wanted = truth.wanted,
            truth.written?.isSame(as: wanted, for: truth.key) == false
        {
            notes.append("not as wanted")
        }
        if let because = truth.because { notes.append("by a \(because)") }
        return [
            .text(truth.path), .text("\(truth.key)"), .optional(truth.written?.description),
            notes.isEmpty ? .none : .text(notes.joined(separator: "; ")),
            .optional(truth.wanted?.description), .optional(truth.effective?.value.description),
            .optional(truth.effective?.binding.joined(separator: " ")), .optional(truth.biting),
            .text("\(truth.owner)"),
        ]
    }
}
