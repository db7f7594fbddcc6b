import Foundation
import TestSupport
import Testing

/// What commands used to pass over in silence.
@Suite struct SlipCommandTests {
    private let desk: Desk

    init() throws {
        desk = try Desk()
        #expect(try desk.run("apply").status == 0)
    }

    private func importUsage(_ rows: String...) throws -> ProcessResult {
        let text = rows.map { "\($0)\n" }.joined()
        let file = try desk.file("u.csv", "start,end,tenant,container,meter,quantity\n" + text)
        return try desk.run("usage", "import", file)
    }

    @Test(arguments: [
        ["invoice", "list"], ["invoice", "export"], ["invoice", "export", "--format", "focus"],
        ["invoice", "export", "--format", "html"], ["invoice", "draft"],
        ["invoice", "issue", "--month", "2026-10"], ["report", "invoices"],
        ["report", "usage-by-tenant"], ["report", "price-compare"], ["usage"], ["top"],
        ["containers"],
    ])
    func anUnknownTenantIsNeverNothingToShow(words: [String]) throws {
        let result = try octroi(words + ["--tenant", "nobody"], store: desk.store)
        #expect(result.status == 65, "\(result.errors)")
        #expect(result.errors.contains("nobody") && result.errors.contains("no such tenant"))
        #expect(result.output == "")
    }

    /// A tenant that left has invoices still, and hours of nobody are asked for by a name of their own.
    @Test func whoLeftAndNobodyCanBeAskedFor() throws {
        #expect(try desk.run("tenant", "remove", "acme").status == 0)
        for words in [["invoice", "list"], ["usage"], ["report", "invoices"]] {
            let left = try octroi(words + ["--tenant", "acme"], store: desk.store)
            #expect(left.status == 0, "\(words): \(left.errors)")
        }
        #expect(try desk.run("usage", "--tenant", "unattributed").status == 0)
    }

    @Test(arguments: [
        (["--imported"], "--imported without --container", Int32(64)),
        (["--from", "2026-10-01", "--plan"], "--from, --plan without --container", 64),
        (
            ["--container", "a", "--from", "2026-08-01", "--imported"],
            "nothing was imported under that path or name", 65
        ),
        (
            ["--container", "a", "--from", "2026-08-01"],
            "no container of that path or name in the store", 65
        ),
    ])
    func hoursToAssignAreNamedRightly(words: [String], said: String, status: Int32) throws {
        let result = try octroi(
            ["tenant", "assign", "acme"] + words, store: desk.store)
        #expect(result.errors.contains(said), "\(result.errors)")
        #expect(result.status == status)
    }

    /// An invoice over two months is in the first of them, wherever invoices are chosen by time.
    @Test func everyInvoiceIsInTheExportOfOneMonth() throws {
        let row = "2026-08-20T00:00:00Z,2026-08-20T01:00:00Z,acme,a,cpu,36000000000"
        #expect(try importUsage(row).status == 0)
        let issued = try desk.run(
            "invoice", "issue", "--from", "2026-08-16", "--to", "2026-09-16", "--tenant", "acme")
        #expect(issued.status == 0, "\(issued.errors)")
        #expect(try desk.run("invoice", "credit", "OCT-000001").status == 0)
        func numbers(_ words: [String], _ month: String) throws -> Set<String> {
            let text = try octroi(
                words + ["--month", month, "--format", "csv"], store: desk.store
            ).output
            return Set(try table(text).compactMap { $0["invoice"] })
        }
        for words in [["invoice", "list"], ["invoice", "export"], ["report", "invoices"]] {
            #expect(try numbers(words, "2026-07") == [], "\(words)")
            #expect(try numbers(words, "2026-08") == ["OCT-000001", "OCT-CN-000001"], "\(words)")
            #expect(try numbers(words, "2026-09") == [], "\(words)")
        }
        // One that is named is there, whatever else leaves it out; nothing is printed before that is known.
        for (words, said) in [
            (["OCT-000001", "--month", "2026-09"], "begins on 2026-08-16"),
            (["OCT-000001", "--tenant", "lab"], "it is of tenant acme"),
            (["OCT-CN-000001", "OCT-000009"], "no such invoice"),
        ] {
            for format in ["csv", "json", "focus", "html"] {
                let result = try octroi(
                    ["invoice", "export", "--format", format] + words, store: desk.store)
                #expect([64, 65].contains(result.status) && result.output == "", "\(words)")
                #expect(result.errors.contains(said), "\(result.errors)")
            }
        }
        let focus = try desk.run("invoice", "export", "--month", "2026-08", "--format", "focus")
        #expect(focus.output.contains("OCT-000001") && focus.output.contains("OCT-CN-000001"))
    }

    @Test func anAmountThatIsTooLargeNamesWhoAndWhat() throws {
        let most = Int64.max
        let rows = (0..<4).map {
            "2026-10-01T0\($0):00:00Z,2026-10-01T0\($0 + 1):00:00Z,acme,big,q,\(most)"
        }
        let prices = try desk.file(
            "prices.yaml",
            """
            books:
              - id: standard
                currency: EUR
                effective: 2026-01-01T00:00:00Z
                unpriced: show
                meters: { q: { unit: item, per: 1 item, price: "1" } }

            """)
        #expect(try desk.run("apply", prices).status == 0)
        #expect(try importUsage(rows[0], rows[1], rows[2], rows[3]).status == 0)
        let result = try desk.run("invoice", "issue", "--month", "2026-10")
        #expect(result.status == 65)
        for part in ["tenant acme over 2026-10", "for q of \"big\"", "EUR"] {
            #expect(result.errors.contains(part), "\(result.errors)")
        }
    }

    /// What `closing: { parties: block }` stops is said by the draft before.
    @Test func aDraftSaysWhatTheInvoiceWillLack() throws {
        let row = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,a,cpu,3600000000"
        #expect(try importUsage(row).status == 0)
        _ = try desk.file("strict/octroi.yaml", "closing: { parties: block }\n")
        let strict = "\(desk.folder.path)/strict"
        let words = ["--month", "2026-10", "--tenant", "acme"]
        // One that left is billed still.
        #expect(try desk.run("tenant", "remove", "acme").status == 0)
        let draft = try octroi(["invoice", "draft"] + words, store: desk.store, config: strict)
        let line = "octroi: tenant acme, parties: no seller (seller: in octroi.yaml)"
        #expect(draft.status == 0 && draft.errors.contains(line), "\(draft.errors)")
        #expect(draft.output.contains("   1  usage"), "\(draft.output)")
        let issue = try octroi(["invoice", "issue"] + words, store: desk.store, config: strict)
        #expect(issue.status == 65 && issue.errors.contains("no seller"), "\(issue.errors)")
    }

    @Test func aFileWithoutPriceBooksIsNotCompared() throws {
        let file = try desk.file("t.yaml", "tenants:\n  - { id: acme }\n")
        for command in ["compare", "check"] {
            let result = try desk.run("price", command, file)
            #expect(result.status == 65 && result.errors.contains("t.yaml: no price book"))
        }
    }

    /// A price agreed on for next year is meant; one for the year 9999 is a slip of the key.
    @Test(arguments: [("2999-01-01", true), ("2026-01-01", false)])
    func pricesOfAFarTimeAreSaid(day: String, isFar: Bool) throws {
        let file = try desk.file(
            "p.yaml",
            """
            books:
              - id: late
                currency: EUR
                effective: \(day)
                meters: { cpu: { per: 1 vCPU-hour, price: "1" } }
                discounts: [ { percent: "5", from: \(day), until: 9999-01-01 } ]

            """)
        for words in [["price", "check"], ["apply", "--plan"], ["apply"]] {
            let result = try octroi(words + [file], store: desk.store)
            #expect(result.status == 0, "\(result.errors)")
            let said = result.errors.contains(
                "price book late takes effect on 2999-01-01T00:00:00Z")
            #expect(said == isFar, "\(words): \(result.errors)")
            let isDiscountSaid = result.errors.contains("has a discount from 2999-01-01T00:00:00Z")
            #expect(isDiscountSaid == isFar, "\(words): \(result.errors)")
        }
    }

    @Test func aBudgetThatIsNoAmountSaysWhere() throws {
        let result = try desk.run("budget", "set", "acme", "1e3")
        #expect(result.status == 64)
        #expect(result.errors.contains("budget of acme, amount: \"1e3\""), "\(result.errors)")
    }

    /// A credit note's lines lead to those they take back, with their prices.
    @Test func aCreditNoteIsExplainedByTheInvoice() throws {
        let row = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,a,cpu,36000000007"
        #expect(try importUsage(row).status == 0)
        #expect(try desk.run("invoice", "issue", "--month", "2026-10").status == 0)
        let credit = try desk.run(
            "invoice", "credit", "OCT-000001", "--line", "1", "--reason", "a test")
        #expect(credit.status == 0, "\(credit.errors)")
        let shown = try desk.run("invoice", "show", "OCT-CN-000001")
        #expect(shown.errors.contains("octroi: it credits OCT-000001, \"a test\""))
        let text = try desk.run("invoice", "explain", "OCT-CN-000001", "1").output
        for part in [
            "takes back OCT-000001, line 1", "imported a", "price book  standard from ",
            "taken back as line 1 of OCT-000001 was rounded",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        #expect(!text.contains("of what was left"))
        let all = try desk.run("invoice", "explain", "OCT-CN-000001").output
        #expect(!all.contains("price book  \n"), "\(all)")
    }

    /// An empty answer says of what time it is, and where imported usage is not to be looked for.
    @Test func emptyAnswersSayWhere() throws {
        let row = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,a,cpu,36000000007"
        #expect(try importUsage(row).status == 0)
        let usage = try desk.run("usage", "--month", "2026-09")
        #expect(
            usage.output == """
                2026-09-01T00:00:00Z to 2026-10-01T00:00:00Z

                Nothing to show.

                """)
        let samples = try desk.run("samples", "--container", "a")
        #expect(samples.status == 65)
        #expect(samples.errors.contains("imported usage has no samples"), "\(samples.errors)")
    }
}
