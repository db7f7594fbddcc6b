import ArgumentParser
import BigInt
import Daemon
import Glibc
import Metering
import Reporting
import Settings
import Billing
import Store
import Units

struct TenantAssign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign",
        abstract: "Add rules to a tenant, or move past usage of a container to it.",
        discussion: """
            With --container, past usage of the container moves to the tenant; the rules stay as \
            they are and decide again from the next full hour. What was invoiced is corrected on \
            the next invoices of both tenants. If the name fits containers of several tenants, \
            --from-tenant says whose usage moves.

            The output says how many hours move, and what each tenant's months cost before and \
            after. octroi tenant unassign undoes it.

            EXAMPLES
              octroi tenant assign acme --label octroi.tenant=acme --unit "acme-*.service"
              octroi tenant assign acme --container web --from 2026-10-01T00:00:00Z
              octroi tenant assign acme --container web --from-tenant lab --from 2026-10-01
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var which: RuleOptions
    @OptionGroup var output: FormatOptions

    @Option(
        help: ArgumentHelp(
            "The path of a container, the end of its path, or its name: its past hours change hands."
        ))
    var container: String?

    @Option(
        help: "With --container: only hours of this tenant, or those of nobody (unattributed).")
    var fromTenant: String?

    @Option(help: "With --container: from this hour on.")
    var from: String?

    @Option(help: "With --container: up to this hour, exclusive. Default: the next full hour.")
    var to: String?

    @Flag(
        help: "With --container: only imported hours, not those metered under the same name.")
    var imported = false

    @Option(help: "With --container: why, for the record.")
    var reason: String?

    @Flag(help: "With --container: show what would change. Nothing is written.")
    var plan = false

    @Argument(help: "The tenant's id.")
    var tenant: String

    func run() throws {
        let rules = try which.rules()
        if let container { return try assignHours(of: container, rules) }
        let ofHours: [(String, Bool)] = [
            ("--from", from != nil), ("--to", to != nil), ("--from-tenant", fromTenant != nil),
            ("--imported", imported), ("--reason", reason != nil), ("--plan", plan),
        ]
        let alone = ofHours.filter(\.1).map(\.0)
        guard !rules.isEmpty, alone.isEmpty else {
            throw Fault(
                .wrongUse, at: "tenant assign",
                problem: alone.isEmpty
                    ? "no rule" : "\(alone.joined(separator: ", ")) without --container",
                suggestion: "Give --slice, --root, --label, --namespace, --unit or --cgroup; or "
                    + "--container with --from")
        }
        let store = try place.store(.write)
        guard var found = try store.tenants().first(where: { $0.id == tenant }) else {
            throw unknownTenant(tenant)
        }
        found.match += rules.filter { !found.match.contains($0) }
        try change(found, store, which)
    }

    private func assignHours(of container: String, _ rules: [Rule]) throws {
        guard let from, rules.isEmpty else {
            throw Fault(
                .wrongUse, at: "tenant assign --container",
                problem: rules.isEmpty ? "no --from" : "a rule as well",
                suggestion: "Give --container and --from, and no rule")
        }
        let now = Host.wallTime()
        let next = now.startOfHour.advanced(bySeconds: 3600)
        let zone = try place.settings().zone
        func wholeHour(_ option: String, _ text: String) throws(Fault) -> Instant {
            let hour = try readTime(option, text, in: zone)
            guard zone.isLedgerHour(hour) else {
                throw Fault(
                    .wrongUse, at: option, problem: quoted(text),
                    suggestion: "Write a whole UTC hour, such as 2026-10-01T00:00:00Z, or a date")
            }
            return hour
        }
        let end = try to.map { text throws(Fault) in try wholeHour("--to", text) } ?? next
        guard let period = Period(start: try wholeHour("--from", from), end: min(end, next)) else {
            throw Fault(
                .wrongUse, at: "--to", problem: "no hour between --from and it",
                suggestion: "Make it later than --from. Future hours are decided by rules")
        }
        let request = HandOverRequest(
            container, from: fromTenant, to: tenant, over: period, isImported: imported,
            reason: reason,
            uid: Int64(getuid()))
        let done = try place.store(.write).assign(request, isPlan: plan, in: zone, at: now)
        try show(done, output.format)
        printError(
            plan
                ? planned
                : "octroi: this is assignment \(done.number); octroi tenant unassign "
                    + "\(done.number) takes it back")
    }
}

struct TenantUnassign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unassign",
        abstract: "Undo an assignment: give hours back to their former tenant.",
        discussion: """
            Without a number it lists the assignments that can be undone. What was invoiced \
            since is corrected on the next invoices.

            EXAMPLES
              octroi tenant unassign
              octroi tenant unassign 3 --plan
            """)

    @OptionGroup var place: StoreOptions
    @OptionGroup var output: FormatOptions

    @Flag(help: "Show what would change. Nothing is written.")
    var plan = false

    @Argument(help: "The number of the assignment.")
    var number: Int64?

    func run() throws {
        guard let number else { return try list() }
        let zone = try place.settings().zone
        let done = try place.store(.write).unassign(
            number, isPlan: plan, in: zone, at: Host.wallTime())
        try show(done, output.format)
        printError(plan ? planned : "octroi: assignment \(number) is taken back")
    }

    private func list() throws {
        let all = try place.store(.read).assignments()
        try show(
            Sheet(
                columns: ["assignment", "at", "uid", "container", "tenant", "reason"],
                rows: all.map {
                    [
                        .integer(Int128($0.number)), .time($0.at), .integer(Int128($0.uid)),
                        .text($0.container), .text($0.tenant), .optional($0.reason),
                    ]
                }), output.format)
    }
}

/// Prints whose hours moved, how many, and what that does to each tenant's months.
private func show(_ done: HandOver, _ format: Format) throws {
    let rows = done.sides.map { side -> [Cell] in
        let money = side.money
        func cell(_ amount: BigInt?) -> Cell {
            guard let currency = money?.currency, let amount else { return .none }
            return .exact(currency.text(amount))
        }
        return [
            .text(side.tenant), .integer(Int128(side.hours)), cell(money?.before),
            cell(money?.after), .optional(money?.currency.code),
        ]
    }
    try show(
        Sheet(
            columns: ["tenant", "hours", "net_before", "net_after", "currency"], rows: rows,
            title: done.period.map {
                "\(done.accounts) container\(done.accounts == 1 ? "" : "s"), \($0.start) to \($0.end); net of the months it touches"
            }), format)
}

private let planned = "octroi: this was a plan; nothing was written"
