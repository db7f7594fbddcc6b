import Foundation
import GRDB
import TestSupport
import Testing
import Units

private let fixtures = "\(repository)/Tests/Fixtures/invoice"

/// A store with three invoices and two credit notes: tiers, a free part, minimum, fee, discount,
/// two versions of a book, an unpriced meter, and names that would do harm.
private struct Office {
    let folder: TemporaryFolder
    private var store: String { "\(folder.path)/octroi.db" }

    init() throws {
        folder = try TemporaryFolder()
        _ = try run("apply", "\(fixtures)/prices.yaml", "\(fixtures)/tenants.yaml")
        _ = try run("usage", "import", "\(fixtures)/usage.csv")
        _ = try run("invoice", "issue", "--month", "2026-10")
        _ = try run("invoice", "credit", "OCT-000001", "--line", "2", "--line", "36")
        _ = try run("invoice", "credit", "OCT-000003", "--reason", "=1+1")
        let late = """
            start,end,tenant,container,meter,quantity
            2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,acme,late,cpu,7200000000
            2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,acme,web,cpu,3600000000

            """
        try folder.write(late, to: "late.csv")
        _ = try run("usage", "import", "\(folder.path)/late.csv")
        _ = try run(
            "invoice", "issue", "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-03T00:00:00Z")
    }

    @discardableResult
    func run(_ words: String..., config: String = "\(fixtures)/config") throws -> ProcessResult {
        let result = try octroi(words, store: store, config: config)
        #expect(result.status == 0, "\(words): \(result.errors)")
        return result
    }
}

/// Compares with a golden file; with `OCTROI_GOLDEN=write` in the environment, writes it.
private func isGolden(_ text: String, _ name: String) throws -> Bool {
    let path = "\(fixtures)/golden/\(name)"
    if ProcessInfo.processInfo.environment["OCTROI_GOLDEN"] == "write" {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    return try String(contentsOfFile: path, encoding: .utf8) == text
}

@Suite struct InvoiceFormatTests {
    private let office: Office

    init() throws { office = try Office() }

    @Test func csvIsAsItWasAndAddsUp() throws {
        let csv = try office.run("invoice", "export").output
        #expect(try isGolden(csv, "lines.csv"))
        let rows = try table(csv)
        for number in Set(rows.compactMap { $0["invoice"] }) {
            let own = rows.filter { $0["invoice"] == number }
            let sum = own.compactMap { Rational(decimal: $0["amount"] ?? "") }
                .reduce(Rational.zero, +)
            let listed = try table(office.run("invoice", "list", "--format", "csv").output)
                .first { $0["invoice"] == number }
            #expect(sum == Rational(decimal: listed?["total"] ?? ""), "\(number)")
        }
        // What would be a formula is text, and no line breaks out of its row.
        #expect(csv.contains(",'=cmd|' /C calc'!A0,"))
        #expect(rows.allSatisfy { $0.count == 18 })
    }

    @Test func jsonSaysWhatCsvSays() throws {
        let json = try office.run("invoice", "export", "--format", "json").output
        let objects = try #require(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
        let rows = try table(office.run("invoice", "export").output)
        #expect(objects.count == rows.count)
        for (object, row) in zip(objects, rows) {
            #expect(object["amount"] as? String == row["amount"])
            #expect(object["exact_amount"] as? String == row["exact_amount"])
            #expect(Set(object.keys) == Set(row.keys))
        }
        // The schema in docs/ names every member, and no other.
        let schema = try #require(
            try JSONSerialization.jsonObject(
                with: Data(
                    contentsOf: URL(fileURLWithPath: "\(repository)/docs/invoice.schema.json")))
                as? [String: Any])
        let item = try #require(schema["items"] as? [String: Any])
        let members = try #require(item["properties"] as? [String: Any])
        #expect(Set(members.keys) == Set(objects[0].keys))
    }

    @Test(arguments: ["1.2", "1.3", "1.4"])
    func focusIsStrict(version: String) throws {
        let csv = try office.run("invoice", "export", "--format", "focus", "--focus", version)
            .output
        let header = try #require(csv.split(separator: "\n").first)
        let rows = try table(csv)
        #expect(
            focusFaults(
                rows, columns: header.split(separator: ",").map(String.init), version: version)
                == [])
        let listed = try table(office.run("invoice", "list", "--format", "csv").output)
        #expect(listed.count == 6)
        for invoice in listed {
            #expect(
                focusSum(rows, invoice: invoice["invoice"] ?? "")
                    == Rational(decimal: invoice["total"] ?? ""))
        }
        let kinds = Set(rows.compactMap { $0["ChargeCategory"] })
        #expect(kinds.isSuperset(of: ["Usage", "Tax", "Credit"]))
        #expect(rows.contains { $0["ChargeClass"] == "Correction" })
    }

    @Test func invoiceDetailOf14AgreesWithCostAndUsage() throws {
        func rows(_ dataset: String) throws -> [[String: String]] {
            try table(
                office.run(
                    "invoice", "export", "--format", "focus", "--focus", "1.4", "--dataset", dataset
                ).output)
        }
        let (cost, detail) = (try rows("cost-and-usage"), try rows("invoice-detail"))
        #expect(detail.count == cost.count)
        for (a, b) in zip(cost, detail) {
            for column in ["InvoiceDetailId", "InvoiceId", "BilledCost", "ChargeCategory"] {
                #expect(a[column] == b[column])
            }
        }
        let notes = detail.filter { $0["InvoiceId"]?.hasPrefix("OCT-CN") == true }
        #expect(
            Set(notes.compactMap { $0["ReferenceInvoiceId"] }) == ["OCT-000001", "OCT-000003"])
        #expect(detail.allSatisfy { $0["InvoiceIssueStatus"] == "Issued" })
        let periods = try rows("billing-period")
        #expect(Set(periods.map { "\($0)" }).count == periods.count)
        for row in periods {
            let (created, updated) = (
                row["BillingPeriodCreated"] ?? "", row["BillingPeriodLastUpdated"] ?? ""
            )
            #expect(created <= updated && row.values.allSatisfy { !$0.isEmpty })
        }
        let refused = try octroi(
            ["invoice", "export", "--format", "focus", "--dataset", "invoice-detail"],
            store: "\(office.folder.path)/octroi.db")
        #expect(refused.status == 64)
    }

    /// An option of another format is refused, so that nobody takes the file for what it is not.
    @Test(arguments: [
        ["--focus", "1.4"], ["--dataset", "billing-period"], ["--lang", "fr"],
        ["--format", "focus", "--lang", "fr"], ["--format", "html", "--focus", "1.3"],
    ])
    func optionsOfOtherFormatsAreRefused(words: [String]) throws {
        let refused = try octroi(
            ["invoice", "export"] + words, store: "\(office.folder.path)/octroi.db")
        #expect(refused.status == 64 && refused.output.isEmpty)
        #expect(refused.errors.contains("has no such option"), "\(refused.errors)")
    }

    /// A head that is missing is named beside invoices that differ.
    @Test func aMissingHeadIsNamed() throws {
        let copy = "\(office.folder.path)/copy.db"
        _ = try office.run("store", "backup", copy)
        try DatabaseQueue(path: copy).write { db in
            let triggers = try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for trigger in triggers { try db.execute(sql: "DROP TRIGGER \(trigger)") }
            try db.execute(sql: "UPDATE invoice_line SET amount_minor = amount_minor + 1")
        }
        let head = String(repeating: "0", count: 64)
        let refused = try octroi(["invoice", "verify", "--head", head], store: copy)
        #expect(refused.status == 1 && refused.output.contains("OCT-000001"))
        #expect(refused.errors.contains("no such hash"), "\(refused.errors)")
        try FileManager.default.removeItem(atPath: copy)
    }

    /// The page, but for what is another in each run: the day, hashes.
    @Test(arguments: ["en", "fr"])
    func thePageIsAsItWas(language: String) throws {
        let page = try office.run(
            "invoice", "export", "OCT-000001", "--format", "html", "--lang", language
        ).output
        let plain = page.replacing(/[0-9a-f]{64}/, with: "HASH")
            .replacing(/<dd>20\d\d-\d\d-\d\d<\/dd>/, with: "<dd>DAY</dd>")
        #expect(try isGolden(plain, "page-\(language).html"))
        #expect(!page.contains("<script>") && page.contains("&lt;script&gt;alert(1)"))
        #expect(!page.contains("http://") && !page.contains("https://"))
        let note = try office.run("invoice", "export", "OCT-CN-000002", "--format", "html").output
        #expect(note.contains("Credit note") && note.contains("OCT-000003"))
        #expect(note.contains("Invoice hash") && !note.contains("A draft has no proof"))
        #expect(note.contains("Soci\u{E9}t\u{E9} G\u{E9}n\u{E9}rale &lt;b&gt;"))
    }

    @Test func aTenantMayBringItsOwnPage() throws {
        try office.folder.write(
            "{{number}} {{total}} {{seller.name}}", to: "own/reports/invoice.html.mustache")
        let own = "\(office.folder.path)/own"
        let page = try office.run(
            "invoice", "export", "OCT-000002", "--format", "html", config: own)
        #expect(page.output == "OCT-000002 24.00 Votre soci\u{E9}t\u{E9}")
        try office.folder.write("{{#x}}", to: "own/reports/invoice.html.mustache")
        let broken = try octroi(
            ["invoice", "export", "OCT-000002", "--format", "html"],
            store: "\(office.folder.path)/octroi.db", config: own)
        #expect(broken.status == 65 && broken.errors.contains("invoice.html.mustache"))
        let many = try octroi(
            ["invoice", "export", "--format", "html"],
            store: "\(office.folder.path)/octroi.db", config: "\(fixtures)/config")
        #expect(many.status == 64 && many.output.isEmpty)
    }

    @Test func linesAreExplained() throws {
        let text = try office.run("invoice", "explain", "OCT-000001", "2").output
        for part in [
            "ledger     240 rows, 3870967741935 byte",
            "3771382679694 × 0.09 ÷ 1 GB (1000000000 byte) = 339.42444117246",
            "> 2       up to 10240000000000", "remainder 0.444117246", "339.42 EUR",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        let rows = try table(
            office.run("invoice", "explain", "OCT-000001:2", "--format", "csv").output)
        let sum = rows.compactMap { Int128($0["quantity"] ?? "") }.reduce(0, +)
        #expect(rows.count == 240 && sum == 3_870_967_741_935)
        // Every line has something to say, of every document.
        for number in ["OCT-000001", "OCT-CN-000001", "OCT-000004"] {
            _ = try office.run("invoice", "explain", number)
        }
    }

    @Test func everyReportRunsInEveryFormat() throws {
        let listed = try table(office.run("report", "list", "--format", "csv").output)
        #expect(listed.count >= 13)
        for report in listed.compactMap({ $0["report"] }) {
            for format in ["table", "csv", "json", "html"] {
                _ = try office.run("report", report, "--month", "2026-10", "--format", format)
            }
        }
        let daily = try table(
            office.run("report", "daily-cost", "--month", "2026-10", "--format", "csv").output)
        let sum = daily.filter { $0["invoice"] == "OCT-000001" }
            .compactMap { Int($0["amount_minor"] ?? "") }.reduce(0, +)
        #expect(sum == 1_066_772, "days add up to the invoice")
        let idle = try office.run("report", "top-containers", "--month", "2026-10", "--limit", "1")
        #expect(idle.output.contains("83.9 %"))
    }

    @Test func aReportOfOnesOwn() throws {
        let own = "\(office.folder.path)/own"
        try office.folder.write(
            """
            -- title: Mine
            -- column: cents: display=money(currency)
            SELECT :tenant AS who, 1234 AS cents, 'EUR' AS currency

            """, to: "own/reports/mine.sql")
        let listed = try office.run("report", "list", config: own).output
        #expect(listed.contains("mine"))
        let shown = try office.run("report", "mine", "--tenant", "acme", config: own).output
        #expect(shown.contains("12.34") && shown.contains("acme"))
        let raw = try office.run("report", "mine", "--format", "csv", config: own).output
        #expect(raw == "who,cents,currency\n,1234,EUR\n")
        try office.folder.write(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            to: "own/reports/endless.sql")
        for (words, status, said) in [
            (["report", "endless", "--timeout", "1s"], Int32(1), "no end after 1 s"),
            (["report", "mine", "--limit", "3"], 64, "does not know it"),
            (["report", "nope"], 64, "no report of that name"),
        ] {
            let result = try octroi(
                words, store: "\(office.folder.path)/octroi.db", config: own)
            #expect(result.status == status && result.errors.contains(said), "\(result.errors)")
        }
    }

    @Test func pricesAreCompared() throws {
        let tariffs = ["railway", "aws-fargate-x86"].map {
            "\(repository)/config/tariffs/\($0).yaml"
        }
        let rows = try table(
            office.run(
                "price", "compare", "--month", "2026-10", "--tenant", "acme", "--format", "csv",
                tariffs[0], tariffs[1]
            ).output)
        #expect(rows.map { $0["book"] } == ["standard", "aws-fargate-x86", "railway"])
        #expect(rows[0]["own"] == "true" && rows[1]["own"] == "false")
        // 400 reserved vCPU-hours; what has no reservation is named, not free in silence.
        #expect(rows[1]["net"] == "16.19" && rows[1]["unpriced"]?.contains("memory") == true)
        #expect(try office.run("invoice", "verify").output.contains("all figures agree"))
    }

    @Test func everyMistakeOfAPriceFileIsTold() throws {
        try office.folder.write(
            """
            books:
              - id: s
                currency: EURO
                effective: 2026-01-01T00:00:00Z
                meters:
                  cpu: { price: 1, per: 1 vCPU-hour }
                  memory: { price: "1", per: 1 parsec-hour }

            """, to: "bad.yaml")
        let result = try octroi(
            ["price", "check", "\(office.folder.path)/bad.yaml"],
            store: "\(office.folder.path)/octroi.db")
        #expect(result.status == 65)
        for part in [
            "bad.yaml:3: books[0].currency", "bad.yaml:6: books[0].meters.cpu.price",
            "bad.yaml:7: books[0].meters.memory.per",
        ] { #expect(result.errors.contains(part), "\(result.errors)") }
    }
}

/// CSV rows by their header.
func table(_ csv: String) throws -> [[String: String]] {
    var rows = csvRows(csv)
    guard !rows.isEmpty else { return [] }
    let header = rows.removeFirst()
    return rows.map { row in
        Dictionary(zip(header, row)) { first, _ in first }
    }
}

/// A reader of RFC 4180 that shares no code with the writer.
private func csvRows(_ text: String) -> [[String]] {
    var (rows, row, field, quoted) = ([[String]](), [String](), "", false)
    var characters = Array(text.unicodeScalars)[...]
    while let scalar = characters.popFirst() {
        switch (scalar, quoted) {
        case ("\"", true) where characters.first == "\"":
            field.unicodeScalars.append(scalar)
            characters.removeFirst()
        case ("\"", _): quoted.toggle()
        case (",", false): (row, field) = (row + [field], "")
        case ("\n", false):
            rows.append(row + [field])
            (row, field) = ([], "")
        default: field.unicodeScalars.append(scalar)
        }
    }
    return rows
}
