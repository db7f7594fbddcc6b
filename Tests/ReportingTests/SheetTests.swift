import Metering
import Reporting
import TestSupport
import Testing
import Units

@Suite struct SheetTests {
    private let sheet = Sheet(
        columns: ["name", "amount"],
        rows: [
            [.text("a,\"b\"\nc"), .integer(5)], [.text("=1+1"), .exact("-0.50")], [.none, .none],
        ])

    @Test func csvQuotesAndDefusesFormulas() {
        #expect(sheet.rendered(as: .csv) == "name,amount\n\"a,\"\"b\"\"\nc\",5\n'=1+1,-0.50\n,\n")
    }

    @Test func jsonIsNumbersTextsAndNulls() {
        #expect(
            sheet.rendered(as: .json) == """
                [
                  {"name": "a,\\"b\\"\\nc", "amount": 5},
                  {"name": "=1+1", "amount": "-0.50"},
                  {"name": null, "amount": null}
                ]

                """)
        #expect(Sheet(columns: ["a"], rows: []).rendered(as: .json) == "[]\n")
    }

    @Test func tablesAlignAndHoldNoEscapes() {
        let sheet = Sheet(
            columns: ["name", "n"],
            rows: [[.text("\u{1B}[2Jx\u{202E}"), .integer(5)], [.text("y"), .integer(12_345)]])
        #expect(
            sheet.rendered(as: .table) == """
                name                    n
                \\u{1B}[2Jx\\u{202E}      5
                y                   12345

                """)
    }

    /// Columns of a report of one's own may have any name.
    @Test func headingsAreQuotedToo() throws {
        let sheet = Sheet(columns: ["a,b", "say \"c\"", "=1+1", "d"], rows: [])
        let csv = sheet.rendered(as: .csv)
        #expect(csv == "\"a,b\",\"say \"\"c\"\"\",'=1+1,d\n")
        #expect(try parseCSV(csv).map(\.fields) == [["a,b", "say \"c\"", "'=1+1", "d"]])
    }

    @Test func printedCSVIsReadBack() throws {
        var random = SeededRandom(seed: 7)
        let letters = ["a", ",", "\"", "\n", "\r\n", " ", "é", "x"]
        for _ in 0..<1000 {
            let rows = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                (0..<3).map { _ in
                    "k"
                        + (0..<Int.random(in: 0...5, using: &random)).map { _ in
                            letters.randomElement(using: &random) ?? ""
                        }.joined()
                }
            }
            let sheet = Sheet(columns: ["a", "b", "c"], rows: rows.map { $0.map(Cell.text) })
            #expect(try parseCSV(sheet.rendered(as: .csv)).dropFirst().map(\.fields) == rows)
        }
    }

    @Test(arguments: [
        (Int128(0), Meter.cpu, "0.000 vCPU-s"), (1_500_000, .cpu, "1.500 vCPU-s"),
        (7_200_000_000, .cpu, "2.000 vCPU-h"),
        (1 << 20, .memory, "1.000 MiB-s"), (1536, .ioReadBytes, "1.500 KiB"),
        (1_234_567, .ioReadOps, "1,234,567 op"),
        // 1.02777777: the same in a table, on a page and in FOCUS. A half goes to the even.
        (3_972_844_718_735, .memory, "1.028 GiB-h"), (1_000_500, .cpu, "1.000 vCPU-s"),
        (1_001_500, .cpu, "1.002 vCPU-s"), (-1_001_500, .cpu, "-1.002 vCPU-s"),
        (-400, .cpu, "0.000 vCPU-s"), (1_048_575, .ioReadBytes, "1,023.999 KiB"),
    ])
    func quantitiesForPeople(quantity: Int128, meter: Meter, text: String) {
        #expect(humanQuantity(quantity, meter.dimension) == text)
    }
}

@Suite struct UsageSheetTests {
    private func row(_ container: String?, _ month: String = "2026-10") throws -> Usage {
        Usage(
            period: try #require(Period(month: month)), tenant: "acme", container: container,
            meter: .cpu, quantity: 1_500_000, assurance: .conserved)
    }

    @Test func aTableSaysOnceWhatIsTheSame() throws {
        #expect(
            usageSheet([try row(nil)]).rendered(as: .table) == """
                2026-10-01T00:00:00Z to 2026-11-01T00:00:00Z

                tenant  meter      quantity  assurance
                acme    cpu    1.500 vCPU-s  conserved

                """)
        let two = usageSheet([try row("/a"), try row("/a", "2026-11")]).rendered(as: .table)
        #expect(two.hasPrefix("period start "))
    }

    @Test func csvHasEveryColumnAlways() throws {
        #expect(
            usageSheet([try row(nil)]).rendered(as: .csv) == """
                period_start,period_end,tenant,container,meter,quantity,unit,assurance
                2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,acme,,cpu,1500000,us,conserved

                """)
    }
}

/// Gives the bytes of a text a few at a time.
private func pieces(_ text: String, of count: Int) -> () throws(Fault) -> [UInt8] {
    var rest = Array(text.utf8)[...]
    return { () throws(Fault) in
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}

private func parseCSV(_ text: String, by count: Int = 7) throws -> [CSVRow] {
    var reader = CSVReader(pieces(text, of: count))
    var rows: [CSVRow] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
}

private func parseUsageImport(_ text: String) throws -> [ImportedUsage] {
    var reader = try UsageImportReader(pieces(text, of: 100))
    var rows: [ImportedUsage] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
}

@Suite struct UsageImportTests {
    /// However the bytes come, the rows are the same.
    @Test(arguments: 1...9)
    func piecesMakeNoDifference(count: Int) throws {
        let text = "\u{FEFF}a,\"b\"\"\n\u{E9}\"\r\n\r\nc,\r,\"\"\n"
        let rows = try parseCSV(text, by: count)
        #expect(rows.map(\.fields) == [["a", "b\"\n\u{E9}"], ["c", ""], ["", ""]])
        #expect(rows.map(\.line) == [1, 4, 5])
    }

    @Test func aFieldWithoutAnEndIsNotReadToTheEnd() {
        let text = "\"" + String(repeating: "x", count: 3 << 20)
        #expect(throws: Fault.self) { try parseCSV(text, by: 65_536) }
        var reader = CSVReader { () throws(Fault) in [0x61, 0xFF, 0x2C] }
        #expect(throws: Fault.self) { try reader.next() }
    }

    private let header = "start,end,tenant,container,meter,quantity\n"
    private let good = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,gpu-1,gpu,3600\n"

    @Test func aByteOrderMarkIsPassedOver() throws {
        #expect(try parseUsageImport("\u{FEFF}" + header + good).count == 1)
    }

    @Test func readsRowsInAnyColumnOrder() throws {
        let text =
            "quantity,meter,container,tenant,end,start\n5,cpu,\"a,b\",acme,2026-10-01T01:00:00Z,2026-10-01T00:00:00Z\n"
        let row = try #require(try parseUsageImport(text).first)
        #expect(row.container == "a,b" && row.quantity == 5 && row.meter == .cpu && row.row == 2)
    }

    @Test(arguments: [
        ("2026-10-01T,2026-10-01T01:00:00Z,acme,g,gpu,1", "line 3, start"),
        ("1969-10-01T00:00:00Z,1969-10-01T01:00:00Z,acme,g,gpu,1", "line 3, start"),
        ("2026-10-01T01:00:00Z,2026-10-01T01:00:00Z,acme,g,gpu,1", "line 3, end"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,Acme,g,gpu,1", "line 3, tenant"),
        ("0001-01-01T00:00:00Z,9999-12-31T00:00:00Z,acme,g,gpu,1", "line 3, start"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,,gpu,1", "line 3, container"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,g,GPU!,1", "line 3, meter"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,g,memory_current,1", "line 3, meter"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,g,gpu,1.5", "line 3, quantity"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,g,gpu,-1", "line 3, quantity"),
        ("2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,g,gpu", "line 3"),
        ("\"2026-10-01T00:00:00Z,", "line 3"), ("a\"b,c,d,e,f,g", "line 3"),
    ])
    func namesTheBadRow(row: String, place: String) {
        #expect { try parseUsageImport(header + good + row + "\n") } throws: {
            ($0 as? Fault)?.location == place
        }
    }

    /// The words fit the fault: a reserved name is a meter's name by its letters.
    @Test(arguments: [
        ("g", "memory_current", "reserved"), ("g", "memory_working_set", "memory: working_set"),
        ("g", "memory_unreclaimable", "Write memory"), ("g", "GPU!", "a-z, 0-9 and _"),
        ("a\u{0}b", "gpu", "NUL"), ("", "gpu", "1 to 4096 bytes"),
    ])
    func saysWhatIsWrongWithAName(container: String, meter: String, said: String) throws {
        let row = "2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,acme,\(container),\(meter),1\n"
        let fault = try #require(throws: Fault.self) { try parseUsageImport(header + row) }
        #expect("\(fault)".contains(said), "\(fault)")
    }

    @Test(arguments: ["", "a,b\n", "start,end,tenant,container,meter,meter\n"])
    func namesABadHeader(text: String) {
        #expect { try parseUsageImport(text) } throws: { ($0 as? Fault)?.location == "line 1" }
    }

    @Test func aTableSaysOnceWhatIsTheSameAndSentencesBelow() {
        var sheet = Sheet(
            columns: ["cgroup", "limit", "owner", "note"],
            rows: [
                [.text("/a"), .text("cpu"), .text("file"), .text("no effect now")],
                [.text("/a"), .text("pids"), .text("file"), .none],
            ])
        (sheet.above, sheet.below) = (["cgroup", "owner"], (["note"], "limit"))
        #expect(
            sheet.rendered(as: .table)
                == "cgroup /a, owner file\n\nlimit\ncpu\npids\n\ncpu: no effect now\n")
        #expect(sheet.rendered(as: .csv).hasPrefix("cgroup,limit,owner,note\n/a,cpu,file,"))
        sheet.rows[1][0] = .text("/b")
        #expect(
            sheet.rendered(as: .table)
                == "owner file\n\ncgroup  limit\n/a      cpu\n/b      pids\n\ncpu: no effect now\n")
        sheet.rows = [[.text("/a"), .text("cpu"), .none, .none]]
        #expect(sheet.rendered(as: .table) == "cgroup /a\n\nlimit\ncpu\n")
        sheet.rows = []
        #expect(sheet.rendered(as: .table) == "Nothing to show.\n")
    }
}
