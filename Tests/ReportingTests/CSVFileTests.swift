import Foundation
@testable import Reporting
import TestSupport
import Testing
import Units

/// Sheets at random, with every kind of cell and with texts that would do harm.
private struct RandomSheet {
    var random: SeededRandom
    private let pieces = [
        "=", "-", "+", "@", "'", "\"", ",", "\n", "\r\n", "\r", "\t", " ", "\u{1B}[1m", "\\u{",
        "5", ".", "\u{E9}", "e\u{301}", "\u{200B}", "\u{1F600}", "x", "\\", "{", "}", "\u{2028}",
    ]

    mutating func text() -> String {
        (0..<Int.random(in: 0...5, using: &random)).map { _ in
            pieces.randomElement(using: &random) ?? ""
        }.joined()
    }

    mutating func cell() -> Cell {
        let whole = Int128.random(in: -(1 << 52)...(1 << 52), using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .none
        case 1: return .integer(whole, display: "=1+1")
        case 2: return .exact("-\(whole.magnitude).50")
        case 3: return .flag(Bool.random(using: &random))
        case 4: return .fraction(Rational(whole) / Rational(7))
        default: return .text(text())
        }
    }

    mutating func sheet(rows: Int) -> Sheet {
        let columns = (0..<3).map { "c\($0)" + text() }
        return Sheet(
            columns: columns, rows: (0..<rows).map { _ in columns.map { _ in cell() } })
    }
}

/// The value of a cell in words that no format changes.
private func value(_ cell: Cell) -> String {
    switch cell {
    case .none: ""
    case .text(let text): text
    case .integer(let number, _): "\(number)"
    case .exact(let text, _): text
    case .rational(let number, _), .fraction(let number): number.description
    case .flag(let flag): flag ? "true" : "false"
    }
}

private func isSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

@Suite struct SheetLawTests {
    /// What csv says is what the sheet holds, byte for byte, in rows and in the header.
    @Test func csvReadBackIsTheSheet() throws {
        var made = RandomSheet(random: SeededRandom(seed: 51))
        for count in 0..<120 {
            let sheet = made.sheet(rows: count % 5)
            var bytes = Array(sheet.rendered(as: .csv).utf8)
            var reader = CSVReader { () throws(Fault) in
                defer { bytes.removeFirst(min(11, bytes.count)) }
                return Array(bytes.prefix(11))
            }
            let header = try #require(try reader.next()).fields.map(textOfCSV)
            #expect(header.elementsEqual(sheet.columns, by: isSame))
            for row in sheet.rows {
                let read = try #require(try reader.next())
                for (field, cell) in zip(read.fields, row) {
                    // Only texts are guarded; numbers are as they are.
                    let isText = if case .text = cell { true } else { false }
                    let said = isText ? textOfCSV(field) : field
                    #expect(isSame(said, value(cell)), "\(quoted(field)) for \(cell)")
                }
                #expect(read.fields.count == row.count)
            }
            #expect(try reader.next() == nil)
        }
    }

    /// No field begins like a formula, but for negative numbers.
    @Test func noFieldIsAFormula() throws {
        var made = RandomSheet(random: SeededRandom(seed: 52))
        for _ in 0..<100 {
            var bytes = Array(made.sheet(rows: 4).rendered(as: .csv).utf8)
            var reader = CSVReader { () throws(Fault) in
                defer { bytes = [] }
                return bytes
            }
            while let row = try reader.next() {
                for field in row.fields {
                    guard let first = field.unicodeScalars.first else { continue }
                    if first == "-" {
                        // A fraction such as -5/7 and a decimal are numbers.
                        #expect(field.wholeMatch(of: /-[0-9]+([.\/][0-9]+)?/) != nil, "\(field)")
                    }
                    #expect(!["=", "+", "@", "\t", "\r", "\n", " "].contains(first), "\(field)")
                }
            }
        }
    }

    /// A missing value and an empty text are two things in csv and in json.
    @Test func nothingIsNotAnEmptyText() {
        let sheet = Sheet(columns: ["a", "b"], rows: [[.none, .text("")]])
        #expect(sheet.rendered(as: .csv) == "a,b\n,\"\"\n")
        #expect(sheet.rendered(as: .json) == "[\n  {\"a\": null, \"b\": \"\"}\n]\n")
        #expect(Cell.optional(nil as String?) == .none && Cell.optional("") == .text(""))
        #expect(Cell.optional(nil as Int128?) == .none && Cell.optional(0) == .integer(0))
    }

    /// JSON that another reader reads has the values of the sheet.
    @Test func jsonReadBackIsTheSheet() throws {
        var made = RandomSheet(random: SeededRandom(seed: 53))
        for count in 0..<100 {
            let sheet = made.sheet(rows: count % 4)
            let json = sheet.rendered(as: .json)
            let read = try #require(
                try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
            #expect(read.count == sheet.rows.count)
            for (object, row) in zip(read, sheet.rows) {
                for (column, cell) in zip(sheet.columns, row) {
                    let member = try #require(object[column])
                    switch cell {
                    case .none: #expect(member is NSNull)
                    case .integer(let number, _):
                        #expect((member as? NSNumber)?.int64Value == Int64(number))
                    case .flag(let flag): #expect((member as? NSNumber)?.boolValue == flag)
                    default: #expect(isSame(member as? String ?? "nothing", value(cell)))
                    }
                }
            }
        }
    }

    /// Row by row, a stream prints what the whole sheet would.
    @Test(arguments: [Format.csv, .json], 0...3)
    func aStreamIsTheSheet(format: Format, rows: Int) {
        var made = RandomSheet(random: SeededRandom(seed: UInt64(54 + rows)))
        for _ in 0..<20 {
            let sheet = made.sheet(rows: rows)
            var stream = SheetStream(columns: sheet.columns, as: format)
            var text = stream.heading
            for row in sheet.rows { text += stream.text(of: row) }
            #expect(isSame(text + stream.ending, sheet.rendered(as: format)))
        }
    }

    /// A table is not known before its last row, so its stream is csv.
    @Test func aStreamOfATableIsCSV() {
        var stream = SheetStream(columns: ["a"], as: .table)
        let text = stream.heading + stream.text(of: [.text("=b")]) + stream.ending
        #expect(text == "a\n'=b\n")
    }
}

@Suite struct CSVReaderTests {
    private func rows(_ bytes: [UInt8], by count: Int = 3) throws -> [CSVRow] {
        var rest = bytes[...]
        var reader = CSVReader { () throws(Fault) in
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        var rows: [CSVRow] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    @Test(arguments: [
        ("a\nb,\"c\nd\n", 2), ("a\n\"x\"y\n", 2), ("a\nb\"c\n", 2), ("\"a\nb\"c\n", 2),
        ("a\rb\"c", 2), ("a\r\n\r\nb\"c", 3), ("\"", 1), ("a,\"", 1), ("\"\"\"", 1),
        ("\u{FEFF}a\n\nb,c\"\"\n", 3), ("a\n\" \"\" \"x", 2),
    ])
    func aMistakeIsNamedByItsLine(text: String, line: Int) throws {
        for count in 1...4 {
            let fault = try #require(throws: Fault.self) {
                try rows(Array(text.utf8), by: count)
            }
            #expect(fault.kind == .badData && fault.location == "line \(line)", "\(fault)")
            #expect(fault.suggestion.contains("quote"))
        }
    }

    @Test(arguments: [
        [0xFF], [0xC3], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
    ])
    func bytesThatAreNoTextAreRefused(bytes: [UInt8]) throws {
        let fault = try #require(throws: Fault.self) {
            try rows(Array("a\nb,".utf8) + bytes + Array("\n".utf8))
        }
        #expect(fault.kind == .badData && fault.location == "line 2")
        #expect(fault.suggestion.contains("UTF-8"))
    }

    /// 1 MiB is the most that a row may hold.
    @Test func aRowHasALimit() throws {
        let most = 1 << 20
        let plain = Array(repeating: UInt8(ascii: "x"), count: most)
        #expect(try rows(plain, by: 1 << 16).first?.fields.first?.utf8.count == most)
        let fault = try #require(throws: Fault.self) {
            try rows(Array("a\n".utf8) + plain + Array("x".utf8), by: 1 << 16)
        }
        #expect(fault.location == "line 2" && fault.problem.contains("1 MiB"))
    }

    @Test(
        arguments: [
            ("", []), ("\n\r\n\r", []), ("\u{FEFF}", []), (",", [["", ""]]),
            ("a", [["a"]]), ("a,\n", [["a", ""]]), ("\"a\"\r\"b\"", [["a"], ["b"]]),
            (" a , \"b", nil), ("\"a,\"\"b\"\"\"", [["a,\"b\""]]), ("'a'", [["'a'"]]),
            ("a\u{FEFF}", [["a\u{FEFF}"]]),
        ] as [(String, [[String]]?)])
    func rowsAsTheyAre(text: String, fields: [[String]]?) throws {
        let read = try? rows(Array(text.utf8))
        #expect(read?.map(\.fields) == fields)
    }
}
