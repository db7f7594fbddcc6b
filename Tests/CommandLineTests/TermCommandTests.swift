import GRDB
import TestSupport
import Testing

/// What another hand does to prices and tenants, as the commands say it.
@Suite struct TermCommandTests {
    private let desk: Desk

    init() throws { desk = try Desk() }

    private func book(_ price: String) -> String {
        """
        books:
          - id: standard
            currency: EUR
            effective: "2026-01-01T00:00:00Z"
            taxes: [ { code: vat, name: VAT, rate: "20" } ]
            meters:
              cpu: { price: "\(price)", per: vCPU-hour }
              memory: { price: "0", per: GiB-hour }
        tenants:
          - { id: acme, price_book: standard, match: [ { root: /tenant-acme.slice } ] }
          - { id: lab, price_book: standard, match: [ { cgroup: /other } ] }

        """
    }

    private func apply(_ price: String) throws {
        let applied = try desk.run("apply", desk.file("all.yaml", book(price)))
        #expect(applied.status == 0, "\(applied.errors)")
    }

    @Test(arguments: [
        (
            "UPDATE price_book SET definition = replace(definition, '0.36', '0.30')",
            "price_book 1, \"standard\" from 2026-01-01T00:00:00Z, was changed"
        ),
        (
            "UPDATE tenant SET until_s = 0 WHERE id = 'lab'",
            "tenant lab was changed: until_s is 1970"
        ),
        ("DELETE FROM tenant_rule WHERE tenant = 'lab'", "tenant lab was changed: rules is none"),
    ])
    func verifyAndAuditSayWhatWasDone(_ deed: String, _ words: String) throws {
        try apply("0.36")
        for command in [["store", "verify"], ["audit"], ["invoice", "verify"]] {
            let sound = try octroi(command, store: desk.store)
            #expect(sound.status == 0, "\(command): \(sound.errors)")
        }
        try desk.database().write { try $0.execute(sql: deed) }
        let verified = try desk.run("store", "verify")
        #expect(verified.status == 1 && verified.output.contains(words), "\(verified.output)")
        #expect(verified.errors.contains("go on from a backup"))
        let audit = try desk.run("audit", "--format", "csv")
        #expect(audit.status == 1 && audit.errors.contains("octroi: \(words)"), "\(audit.errors)")
        #expect(audit.errors.contains("the store: 1 place that decides an amount is not"))
        #expect(audit.errors.contains("go on from a backup; octroi apply --plan says"))
        #expect(audit.output.hasPrefix("tenant,root,meter"))
        #expect(try desk.run("invoice", "verify").status == 1)
    }

    /// While a collector runs, processes change prices and tenants again and again.
    @Test func processesThatChangeThemAtOnceAreNeverTakenForAForger() throws {
        try apply("0.36")
        let collector = try desk.startCollector()
        defer { collector.kill() }
        try desk.awaitBaseline(of: "/other")
        let files = try (1...6).map { try desk.file("\($0).yaml", book("0.3\($0)")) }
        for _ in 0..<3 {
            let runs = try files.map { try startOctroi(["apply", $0], store: desk.store) }
            for run in runs { #expect(run.end() == 0, "\(run.said())") }
            let verified = try desk.run("store", "verify")
            #expect(verified.status == 0, "\(verified.output)")
        }
        #expect(try desk.run("tenant", "remove", "lab").status == 0)
        #expect(try desk.run("audit").status == 0)
        #expect(try desk.run("store", "check").status == 0)
    }
}
