import Reporting
import TestSupport
import Testing
import Units

/// Tables for people: what stands where.
@Suite struct TableTests {
    private func table(_ columns: [String], _ rows: [[Cell]]) -> String {
        Sheet(columns: columns, rows: rows).rendered(as: .table)
    }

    @Test func numbersStandRightAndTextsLeft() {
        let rows: [[Cell]] = [
            [.text("x"), .integer(5), .text("")], [.none, .none, .text("end")],
            [.text("yz"), .integer(-12), .flag(true)],
        ]
        #expect(
            table(["a_long_name", "n", "t"], rows) == """
                a long name    n  t
                x              5
                -              -  end
                yz           -12  yes

                """)
    }

    /// A column is one of numbers only if it has nothing else, besides missing values.
    @Test(
        arguments: [
            ([.integer(5), .integer(123)], ["  n", "  5", "123"]),
            ([.integer(5), .text("abc")], ["n", "5", "abc"]),
            ([.exact("0.50"), .fraction(Rational(1) / Rational(3))], ["   n", "0.50", " 1/3"]),
            ([.none, .exact("12.5")], ["   n", "   -", "12.5"]),
            ([.flag(false), .flag(true)], ["n", "no", "yes"]), ([.none, .none], ["n", "-", "-"]),
            ([.rational(Rational(5) / Rational(2)), .integer(1)], ["  n", "2.5", "  1"]),
            (
                [.integer(1500, display: "1.5 kB"), .rational(Rational(1), display: "1 B")],
                ["     n", "1.5 kB", "   1 B"]
            ),
        ] as [([Cell], [String])])
    func aColumnIsOfOneKind(cells: [Cell], lines: [String]) {
        #expect(table(["n"], cells.map { [$0] }) == lines.map { $0 + "\n" }.joined())
    }

    /// A letter with a combining accent, or a joined emoji, is one character wide.
    @Test(arguments: ["cafe\u{301}", "caf\u{E9}", "cafe", "a\u{301}\u{302}bcd"])
    func accentsTakeNoColumn(name: String) {
        #expect(
            table(["name", "n"], [[.text(name), .integer(1)], [.text("ab"), .integer(2)]]) == """
                name  n
                \(name)  1
                ab    2

                """)
    }

    /// Escapes are as wide as they are shown, and a row stays a line.
    @Test func aNewlineInANameIsShown() {
        #expect(
            table(["name", "n"], [[.text("a\nb"), .integer(1)], [.text("x"), .integer(2)]]) == """
                name     n
                a\\u{A}b  1
                x        2

                """)
    }

    @Test func onlyTheHeaderIsBold() {
        let sheet = Sheet(columns: ["a"], rows: [[.text("b")]], title: "Title")
        #expect(
            sheet.rendered(as: .table, onTerminal: true)
                == "Title\n\n\u{1B}[1ma\u{1B}[0m\nb\n")
        let empty = Sheet(columns: ["a"], rows: [], title: "Title")
        #expect(
            empty.rendered(as: .table, onTerminal: true) == "Title\n\nNothing to show.\n")
    }

    /// What a table leaves out or renames, csv and json have under their names.
    @Test func csvAndJSONHaveTheColumnsByName() {
        let sheet = Sheet(
            columns: ["a_b", "c_d", "e"], rows: [[.text("1"), .text("2"), .text("3")]],
            title: "Title", notInTable: ["c_d"], headings: ["e": "E_E"])
        #expect(sheet.rendered(as: .table) == "Title\n\na b  E_E\n1    3\n")
        #expect(sheet.rendered(as: .csv) == "a_b,c_d,e\n1,2,3\n")
        #expect(
            sheet.rendered(as: .json)
                == "[\n  {\"a_b\": \"1\", \"c_d\": \"2\", \"e\": \"3\"}\n]\n")
    }

    /// A sentence that several rows share is said once; without the column to begin with, none is.
    @Test func sentencesBelowAreSaidOnce() {
        var sheet = Sheet(
            columns: ["limit", "note", "way_out"],
            rows: [
                [.text("cpu"), .text("no effect"), .none],
                [.text("cpu"), .text("no effect"), .text("raise it")],
                [.text("io"), .text("no effect"), .none],
            ])
        sheet.below = (["note", "way_out", "unknown"], "limit")
        #expect(
            sheet.rendered(as: .table) == """
                limit
                cpu
                cpu
                io

                cpu: no effect
                cpu: raise it
                io: no effect

                """)
        sheet.below = (["note", "way_out"], "unknown")
        #expect(sheet.rendered(as: .table) == "limit\ncpu\ncpu\nio\n")
    }

    /// Every cell begins, or ends, where its column does; no line ends with a blank.
    @Test func cellsStandInTheirColumns() throws {
        var random = SeededRandom(seed: 41)
        let letters = ["a", "b ", "e\u{301}", "\u{E9}", "xyz", "-"]
        func text() -> String {
            "k"
                + (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    letters.randomElement(using: &random) ?? ""
                }.joined() + "k"
        }
        for _ in 0..<200 {
            let (left, right) = (
                (0..<5).map { _ in text() },
                (0..<5).map { _ in Int128.random(in: -9999...999_999, using: &random) }
            )
            let last = (0..<5).map { _ in text() }
            let lines = table(
                ["first", "n", "last"],
                (0..<5).map { [.text(left[$0]), .integer(right[$0]), .text(last[$0])] }
            ).split(separator: "\n").map { Array($0) }
            #expect(lines.count == 6 && lines.allSatisfy { $0.last != " " })
            // The header tells where the last column begins, and so where the numbers end.
            let header = String(lines[0])
            let start = try #require(header.firstRange(of: "last")).lowerBound
            let place = header.distance(from: header.startIndex, to: start)
            for row in 0..<5 {
                let line = lines[row + 1]
                #expect(String(line.prefix(left[row].count)) == left[row])
                #expect(String(line[place...]) == last[row])
                #expect(String(line[..<(place - 2)]).hasSuffix(" \(right[row])"))
            }
        }
    }
}

@Suite struct SheetPageTests {
    private func page(_ cell: Cell, title: String? = nil) -> String {
        Sheet(columns: ["a_b"], rows: [[cell]], title: title).page
    }

    @Test(
        arguments: [
            (.none, "<td>–</td>"), (.text("x"), "<td><bdi>x</bdi></td>"),
            (.integer(5), "<td class=\"r\">5</td>"), (.exact("0.50"), "<td class=\"r\">0.50</td>"),
            (.integer(5, display: "5 <B>"), "<td class=\"r\">5 &lt;B&gt;</td>"),
            (.fraction(Rational(1) / Rational(3)), "<td class=\"r\">1/3</td>"),
            (.flag(true), "<td>yes</td>"),
            (.text("<b>&\"'"), "<td><bdi>&lt;b&gt;&amp;&quot;&#39;</bdi></td>"),
            // With an accent on it, a sign of markup is still one.
            (.text("<\u{338}script>"), "<td><bdi>&lt;\u{338}script&gt;</bdi></td>"),
            (.text("a\u{202E}b"), "<td><bdi>a\\u{202E}b</bdi></td>"),
        ] as [(Cell, String)])
    func aValueIsACell(cell: Cell, html: String) {
        #expect(page(cell).contains("<tr>\(html)</tr>"))
    }

    @Test func titlesAndHeadingsAreEscaped() {
        let html = Sheet(
            columns: ["<a>", "b", "c"], rows: [[.text("1"), .text("2"), .text("3")]],
            title: "<script>", notInTable: ["b"], headings: ["c": "C & D"]
        ).page
        #expect(html.contains("<title>&lt;script&gt;</title>"))
        #expect(html.contains("<h1>&lt;script&gt;</h1>"))
        #expect(
            html.contains(
                "<tr><th scope=\"col\">&lt;a&gt;</th><th scope=\"col\">C &amp; D</th></tr>"))
        #expect(html.contains("<tr><td><bdi>1</bdi></td><td><bdi>3</bdi></td></tr>"))
        #expect(!html.contains("<script") && page(.none).contains("<title>Report</title>"))
    }

    /// A page forbids to load anything, and a name cannot make it try.
    @Test func aPageLoadsNothing() {
        let html = page(.text("<img src=https://example.org/x.png onerror=alert(1)>"))
        #expect(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""))
        #expect(!html.contains("<img") && !html.contains("src=\""))
    }
}
