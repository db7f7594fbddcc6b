import TestSupport
import Testing
import Units

/// Eight invoices of half a cent, every second of which rounding shows as nothing.
@Suite struct FieldRoundingTests {
    private func host() throws -> FieldHost {
        let host = try FieldHost(
            prices: book(
                ["crate": "{ unit: item, price: \"0.005\", per: 1 item }"], "rounding: half-up")
        )
        let days = (1...8).map { "0\($0)" }
        try host.take(try days.map { try row(1, at: "2025-10-\($0)T00") })
        for (day, next) in zip(days, days.dropFirst() + ["09"]) {
            try host.must(
                "invoice", "issue", "--from", "2025-10-\(day)", "--to", "2025-10-\(next)")
        }
        return host
    }

    /// Every document says it in its own words, and all add up.
    @Test func whatIsCarriedIsALineOfEveryDocument() throws {
        let host = try host()
        for number in [2, 4, 6, 8] { try host.must("invoice", "credit", "OCT-00000\(number)") }
        // Four items are left at half a cent, of which four cents were billed; one comes again.
        try host.must(
            "invoice", "issue", "--from", "2025-10-02", "--to", "2025-10-03", "--again")
        let number = "OCT-CN-000005"
        let lines = try table(host.must("invoice", "show", number, "--format", "csv").output)
        #expect(lines.map { $0["meter"] } == ["crate", "rounding"])
        #expect(lines.map { $0["amount"] } == ["0.01", "-0.02"])
        #expect(lines.last?["kind"] == "correction" && lines.last?["exact_amount"] == "0")
        let explained = try host.must("invoice", "explain", number, "2").output
        #expect(explained.contains("what rounding held back of earlier invoices"), "\(explained)")
        #expect(explained.contains("-2 carried from earlier invoices"), "\(explained)")
        let page = try host.must("invoice", "export", number, "--format", "html").output
        #expect(page.contains("Rounding carried from earlier invoices"))
        let french = try host.must(
            "invoice", "export", number, "--format", "html", "--lang", "fr"
        ).output
        #expect(french.contains("Arrondi reporté des factures précédentes"))
        for version in ["1.2", "1.3", "1.4"] {
            let csv = try host.must(
                "invoice", "export", "--format", "focus", "--focus", version
            ).output
            let header = try #require(csv.split(separator: "\n").first)
            let rows = try table(csv)
            let columns = header.split(separator: ",").map(String.init)
            #expect(focusFaults(rows, columns: columns, version: version) == [])
            let carried = rows.filter { $0["ServiceName"] == "Rounding" }
            #expect(carried.map { $0["ChargeCategory"] } == ["Adjustment"])
            #expect(focusSum(carried, invoice: number) == Rational(decimal: "-0.02"))
        }
        try host.must("invoice", "verify")
    }

    /// A draft says what it leaves out, and refuses what issue refuses, in the same words.
    @Test func aDraftSaysWhatWasBilled() throws {
        let host = try host()
        let draft = try host.must(
            "invoice", "draft", "--from", "2025-10-08", "--to", "2025-10-11")
        #expect(
            draft.errors.contains(
                "tenant harbor was invoiced for 2025-10-08T00:00:00Z/2025-10-09T00:00:00Z already, "
                    + "OCT-000008; what came to light since is on its next invoice"),
            "\(draft.errors)")
        let all = try host.must("invoice", "draft", "--month", "2025-10")
        #expect(
            all.output == "Nothing to invoice.\n"
                && all.errors.contains("8 invoices from OCT-000001 to OCT-000008"), "\(all)")
        try host.must("invoice", "credit", "OCT-000008")
        let without = try host.must("invoice", "draft", "--month", "2025-10")
        #expect(without.errors.contains("OCT-000008, credited in full: --again drafts it anew"))
        #expect(without.output == "Nothing to invoice.\n")
        let again = try host.must("invoice", "draft", "--month", "2025-10", "--again")
        #expect(!again.errors.contains("credited in full"))
        #expect(again.output.contains("2025-10-08T00:00:00Z to 2025-10-09T00:00:00Z"))
        let cut = ["--from", "2025-10-07T12:00:00Z", "--to", "2025-10-12"]
        let refused = try ["draft", "issue"].map {
            try octroi(["invoice", $0] + cut, store: host.store, config: host.config)
        }
        #expect(refused.map(\.status) == [64, 64] && refused[0].errors == refused[1].errors)
        #expect(
            refused[0].errors.contains("--from 2025-10-08T00:00:00Z --to 2025-10-12T00:00:00Z"),
            "\(refused[0].errors)")
    }
}
