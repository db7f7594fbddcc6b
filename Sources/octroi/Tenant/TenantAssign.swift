import Metering
import App
import ArgumentParser
import Glibc
import Reporting
import Units

/// `octroi tenant assign`: adds rules (`App.addRules`), or moves past usage (`App.assignUsage`).
///
/// Rules decide about future usage. Usage before them stays where it is, unless `--container` moves
/// it. Several options are only for such a move.
struct TenantAssign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign",
        abstract: "Add rules to a tenant, or move past usage of a container to it.",
        discussion: """
            Without --container, it adds rules to the tenant. Rules decide about usage from now \
            on.

            With --container, past usage of the container moves to the tenant, from --from to \
            --to. The rules stay as they are, and decide again from the next full hour. If the \
            usage was invoiced, the next invoices of both tenants correct that. If the name \
            matches containers of several tenants, --from-tenant says whose usage moves.

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
            "The container whose past usage is moved: its path, the end of the path, or its name."))
    var container: String?

    @Option(
        help: "With --container: move only hours of this tenant (unattributed: of no tenant).")
    var fromTenant: String?

    @Option(help: "With --container: move usage from this hour on.")
    var from: String?

    @Option(help: "With --container: up to this hour, exclusive. Default: the next full hour.")
    var to: String?

    @Flag(
        help: "With --container: move only imported usage, not metered usage of the same name.")
    var imported = false

    @Option(help: "With --container: the reason, for the record.")
    var reason: String?

    @Flag(help: "With --container: show what would change. Nothing is written.")
    var plan = false

    @Argument(help: "The tenant's id.")
    var tenant: String

    /// Does one of the two.
    ///
    /// - Throws: `wrongUse` if there is no rule, or if an option of `--container` is given without
    ///   it.
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
                suggestion: "Give a rule, such as --slice or --label (see --help); or "
                    + "--container with --from")
        }
        try show(
            place.app.addRules(to: tenant, rules, keeping: which.keptSlices), output.format)
    }

    /// Moves past usage of a container to the tenant.
    ///
    /// - Throws: `wrongUse` without `--from`, and with a rule.
    private func assignHours(of container: String, _ rules: [Rule]) throws {
        guard let from, rules.isEmpty else {
            throw Fault(
                .wrongUse, at: "tenant assign --container",
                problem: rules.isEmpty ? "no --from" : "a rule as well",
                suggestion: "Give --container and --from, and no rule")
        }
        let words = HandOverWords(
            container: container, fromTenant: fromTenant, from: from, to: to, isImported: imported,
            reason: reason)
        let done = try place.app.assignUsage(to: tenant, words, isPlan: plan)
        try show(done.sheet, output.format)
    }
}

/// `octroi tenant unassign`: gives usage back (`App.unassignUsage`).
///
/// Without a number it lists what can be given back (`App.assignments`).
struct TenantUnassign: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unassign",
        abstract: "Undo an assignment: give hours back to their former tenant.",
        discussion: """
            Without a number it lists the assignments that can be undone. If the hours were \
            invoiced since, the next invoices correct that.

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
        let app = place.app
        guard let number else { return try show(assignmentSheet(app.assignments()), output.format) }
        try show(app.unassignUsage(number, isPlan: plan).sheet, output.format)
    }
}
