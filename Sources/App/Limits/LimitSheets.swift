import Enforcing
import Limits
import Reporting
import Store
import Units

/// What a change of limits would do, and what it would cost.
///
/// Plans and changes have nearly the same columns, so that programs can read both in one way.
public struct LimitPlanAnswer {
    /// The writes, with their predictions.
    public var plan: LimitPlan
    /// The prices of the target's tenant.
    let prices: HourlyCost

    /// The writes, one row each, under the columns of `LimitChangeAnswer.sheet`.
    ///
    /// `after` and `verified` stay empty, because nothing was written.
    public var sheet: Sheet {
        var sheet = Sheet(
            columns: [
                "cgroup", "limit", "before", "wanted", "after", "verified", "owner", "effect",
                "cost_per_hour",
            ] + LimitFields.columns,
            rows: plan.writes.ordered.map(row),
            notInTable: Set(["after", "verified"] + LimitFields.columns))
        (sheet.above, sheet.below) = (["cgroup", "owner"], (["effect"], "limit"))
        return sheet
    }

    /// A planned write with its predictions and its cost.
    private func row(_ write: PlannedWrite) -> [Cell] {
        let item = plan.items.first { $0.write == write }
        let cells: [Cell] = [
            .text(write.path), .text("\(write.key)"), .text("\(write.before)"),
            .text("\(write.wanted)"), .none, .none, .text("\(write.owner)"),
            .optional(item.flatMap { $0.notes.isEmpty ? nil : $0.notes.joined(separator: "; ") }),
            .optional(item.flatMap { prices.words($0) }),
        ]
        return cells + LimitFields.cells(item, prices)
    }
}

extension LimitChangeAnswer {
    /// The values that were written and read back, one row for each cgroup and limit.
    public var sheet: Sheet {
        var sheet = Sheet(
            columns: [
                "cgroup", "limit", "before", "wanted", "after", "verified", "owner", "effect",
                "change",
            ] + LimitFields.columns,
            rows: set.changes.map(row), notInTable: Set(LimitFields.columns))
        // A verified value is the wanted one, so a table need not repeat it.
        if set.changes.allSatisfy(\.isVerified) { sheet.notInTable.insert("after") }
        (sheet.above, sheet.below) = (["change", "cgroup", "owner"], (["effect"], "limit"))
        return sheet
    }

    /// A written value, with the predictions of its plan.
    private func row(_ change: LimitChange) -> [Cell] {
        let item = plan?.items.first {
            $0.write.path == change.path && "\($0.write.key)" == change.key
        }
        let notes = item?.notes ?? []
        let cells: [Cell] = [
            .text(change.path), .text(change.key), .text(change.before), .text(change.wanted),
            .text(change.after), .flag(change.isVerified), .optional(change.owner),
            notes.isEmpty ? .none : .text(notes.joined(separator: "; ")),
            .integer(Int128(set.id)),
        ]
        return cells + LimitFields.cells(item)
    }
}

/// Limits as they are, one row each.
///
/// Columns that say nothing new are left out of the table.
public func limitSheet(_ all: [LimitStatus]) -> Sheet {
    var sheet = Sheet(
        columns: [
            "cgroup", "limit", "value", "note", "wanted", "effective", "bound_by", "biting",
            "owner",
        ],
        rows: all.map(row), headings: ["bound_by": "bound by"])
    // `bound_by` matters only if another cgroup binds somewhere.
    let isOwn = all.allSatisfy { $0.effective.map(\.binding) ?? [$0.path] == [$0.path] }
    if isOwn { sheet.notInTable = ["bound_by"] }
    (sheet.above, sheet.below) = (["cgroup", "owner"], (["note", "biting"], "limit"))
    return sheet
}

/// A limit, and how it differs from what is desired.
private func row(_ status: LimitStatus) -> [Cell] {
    var notes: [String] = []
    if let trouble = status.trouble { notes.append(trouble) }
    if let wanted = status.wanted,
        status.written?.isSame(as: wanted, for: status.key) == false
    {
        notes.append("not as wanted")
    }
    if let because = status.because { notes.append("by a \(because)") }
    return [
        .text(status.path), .text("\(status.key)"), .optional(status.written?.description),
        notes.isEmpty ? .none : .text(notes.joined(separator: "; ")),
        .optional(status.wanted?.description), .optional(status.effective?.value.description),
        .optional(status.effective?.binding.joined(separator: " ")), .optional(status.biting),
        .text("\(status.owner)"),
    ]
}

/// Changes of limits, one row for each cgroup and limit.
public func historySheet(_ sets: [LimitChangeSet]) -> Sheet {
    var sheet = Sheet(
        columns: [
            "change", "at", "user", "uid", "action", "outcome", "target", "tenant", "cgroup",
            "limit", "before", "wanted", "after", "verified", "owner", "reason", "undoes",
            "expires",
        ],
        rows: sets.flatMap(rows), notInTable: ["uid", "tenant", "owner", "wanted"])
    sheet.above = ["user", "target", "cgroup", "outcome", "verified", "undoes", "expires"]
    sheet.below = (["reason"], "change")
    return sheet
}

/// The rows of one change; a change without values has one row.
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

/// The result of checking the history of limits.
public struct LimitHistoryCheck: Sendable {
    /// What differs from what was recorded, as sentences; empty if nothing does.
    public var damage: [String]
    /// The fault if no change has the hash that was asked for.
    let missingHead: Fault?
    /// The path of the store, for the fault.
    let store: String

    /// The damage, one row each.
    public var sheet: Sheet { Sheet(columns: ["damage"], rows: damage.map { [.text($0)] }) }

    /// What is wrong, as a fault; `nil` if nothing is.
    public var fault: Fault? {
        guard !damage.isEmpty else { return missingHead }
        return Fault(
            .failed, at: store,
            problem: "\(damage.count) records of changes were altered",
            suggestion: "Compare with a backup: something other than Octroi wrote into the store")
    }
}

/// What this host can enforce, one row each.
public func findingSheet(_ findings: [LimitFinding]) -> Sheet {
    var sheet = Sheet(
        columns: ["what", "state", "found", "fix"],
        rows: findings.map {
            [
                .text($0.what), .text($0.state.rawValue), .text($0.found),
                .optional($0.suggestion),
            ]
        })
    sheet.below = (["fix"], "what")
    return sheet
}
