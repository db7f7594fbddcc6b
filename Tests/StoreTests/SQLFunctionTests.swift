import Foundation
import GRDB
import TestSupport
import Testing
import Units

@testable import Store

/// What SQL counts with Octroi's own functions is what Swift counts in 128 bits.
@Suite struct SQLFunctionTests {
    private let rig: StoreRig

    init() throws { rig = try StoreRig() }

    /// The value of an expression; `x` is a row of the numbers.
    private func value(_ expression: String, of numbers: [Int64?]) throws -> DatabaseValue {
        let list = numbers.map { $0.map(String.init) ?? "NULL" }.joined(separator: "), (")
        let rows =
            numbers.isEmpty
            ? "(SELECT 1 AS x WHERE FALSE)" : "(SELECT column1 AS x FROM (VALUES (\(list))))"
        return try rig.store.read { db in
            try #require(
                try DatabaseValue.fetchOne(db, sql: "SELECT \(expression) FROM \(rows)"))
        }
    }

    /// A number as SQL is to give it: an integer if it fits, otherwise text.
    private func said(_ number: Int128) -> DatabaseValue {
        Int64(exactly: number)?.databaseValue ?? String(number).databaseValue
    }

    /// Small numbers, numbers at the ends of 64 bits, and any others.
    private func number(_ random: inout SeededRandom) -> Int64 {
        switch Int.random(in: 0...2, using: &random) {
        case 0: .random(in: -3...3, using: &random)
        case 1: [.min, .min + 1, .max - 1, .max].randomElement(using: &random) ?? 0
        default: .random(in: .min ... .max, using: &random)
        }
    }

    @Test func sumsAreExactBeyondSixtyFourBits() throws {
        var random = SeededRandom(seed: 51)
        var texts = 0
        for _ in 0..<200 {
            let numbers = (0..<Int.random(in: 1...8, using: &random)).map { _ -> Int64? in
                Int.random(in: 0...5, using: &random) == 0 ? nil : number(&random)
            }
            let sum = numbers.reduce(Int128(0)) { $0 + Int128($1 ?? 0) }
            if Int64(exactly: sum) == nil { texts += 1 }
            #expect(try value("exact_sum(x)", of: numbers) == said(sum), "\(numbers)")
        }
        #expect(texts > 20)
        #expect(try value("exact_sum(x)", of: []) == 0.databaseValue)
        #expect(try value("exact_sum(x)", of: [nil]) == 0.databaseValue)
    }

    @Test func aNumberOfTwoColumnsIsReadAsOne() throws {
        var random = SeededRandom(seed: 52)
        for _ in 0..<200 {
            let (high, low) = (number(&random), number(&random))
            let below = low < 0 ? Int128(low) + (Int128(1) << 64) : Int128(low)
            let whole = Int128(high) * (Int128(1) << 64) + below
            // Always text: whoever reads it need not ask for the type.
            #expect(
                try value("int128(\(high), \(low))", of: [0]) == String(whole).databaseValue)
        }
        for parts in ["NULL, 1", "1, NULL", "'x', 1"] {
            #expect(try value("int128(\(parts))", of: [0]).isNull)
        }
    }

    /// Halves of 32 bits are summed apart, so that the sums stay within 64 bits.
    @Test func sumsOfHalvesMakeTheSum() throws {
        var random = SeededRandom(seed: 53)
        for _ in 0..<200 {
            let numbers = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int64.random(in: 0 ... .max, using: &random)
                    >> Int64.random(in: 0...50, using: &random)
            }
            let sum = numbers.reduce(Int128(0)) { $0 + Int128($1) }
            #expect(
                try value("wide(sum(x >> 32), sum(x & 0xffffffff))", of: numbers) == said(sum))
        }
        #expect(try value("wide(NULL, 1)", of: [0]).isNull)
    }

    @Test func bitsAreCountedAndCollected() throws {
        var random = SeededRandom(seed: 54)
        for _ in 0..<200 {
            let numbers = (0..<Int.random(in: 1...6, using: &random)).map { _ in number(&random) }
            let all = numbers.reduce(Int64(0), |)
            #expect(try value("or_bits(x)", of: numbers) == all.databaseValue)
            // Kernighan's way, which looks at no table.
            var (rest, count) = (UInt64(bitPattern: all), Int64(0))
            while rest != 0 { (rest, count) = (rest & (rest - 1), count + 1) }
            #expect(try value("bit_count(or_bits(x))", of: numbers) == count.databaseValue)
        }
        #expect(try value("or_bits(x)", of: []) == 0.databaseValue)
        #expect(try value("bit_count(-1)", of: [0]) == 64.databaseValue)
    }

    /// Each group has bits of its own, though SQLite reuses the memory.
    @Test func groupsDoNotShareBits() throws {
        let found = try rig.store.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT k || ' ' || or_bits(x) FROM (SELECT column1 AS k, column2 AS x
                        FROM (VALUES ('a', 1), ('b', 2), ('a', 4), ('c', 0), ('b', 16)))
                    GROUP BY k ORDER BY k
                    """)
        }
        #expect(found == ["a 5", "b 18", "c 0"])
    }

    @Test(arguments: [
        "0", "0.00", "1", "20", "0.04048", "123456789012345678901234567890.5", "0.1",
        "0.000011574074074074074074", "9999999999999999999",
    ])
    func aPriceComesBackAsItWasWritten(text: String) throws {
        let price = "'\(text)'"
        let again = "decimal(price_digits(\(price)), price_scale(\(price)))"
        #expect(try value(again, of: [0]) == text.databaseValue)
        let places = text.split(separator: ".").dropFirst().first?.count ?? 0
        #expect(try value("price_scale(\(price))", of: [0]) == Int64(places).databaseValue)
    }

    @Test(arguments: [
        "price_digits('1,5')", "price_scale('x')", "price_digits('1e5')", "price_digits(NULL)",
        "decimal(NULL, 0)", "decimal(x'', 0)", "decimal(x'0201', 0)", "decimal(x'0001', -1)",
        "decimal(x'0001', 101)", "sha256(NULL)", "priced_files(NULL)",
    ])
    func whatIsNoPriceIsNull(expression: String) throws {
        #expect(try value(expression, of: [0]).isNull)
    }

    /// The example of FIPS 180-2, and text beyond ASCII as its bytes.
    @Test func hashesAreThoseOfTheStandard() throws {
        #expect(
            try value("sha256('abc')", of: [0])
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".databaseValue)
        #expect(
            try value("sha256('')", of: [0])
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".databaseValue)
    }

    /// Days of a zone one hour east of Greenwich that moves to two hours on 1970-01-11.
    @Test(
        arguments: [
            (0, -3600, 82_800, "1970-01-01"), (-3600, -3600, 82_800, "1970-01-01"),
            (-3601, -90_000, -3600, "1969-12-31"), (82_799, -3600, 82_800, "1970-01-01"),
            (82_800, 82_800, 169_200, "1970-01-02"),
            // The day of the change has 23 hours.
            (864_000, 860_400, 943_200, "1970-01-11"), (943_199, 860_400, 943_200, "1970-01-11"),
            (943_200, 943_200, 1_029_600, "1970-01-12"),
        ] as [(Int64, Int64, Int64, String)])
    func daysAreThoseOfTheZone(at: Int64, start: Int64, end: Int64, date: String) throws {
        let zone = BillingZone(
            name: "Test/East",
            offsets: [
                .init(since: Instant(seconds: -1_000_000), seconds: 3600),
                .init(since: Instant(seconds: 867_600), seconds: 7200),
            ])
        var rows: [[ReportValue]] = []
        try rig.store.report(
            "SELECT day_start(\(at)), day_end(\(at)), day_date(\(at)), day_date(NULL)",
            ReportParameters(period: Period(monthOf: StoreRig.start), zone: zone), place: "x",
            seconds: 60, begin: { _ in }, row: { rows.append($0) })
        let row = try #require(rows.first)
        guard case .integer(let first) = row[0], case .integer(let last) = row[1],
            case .text(let text) = row[2], case .none = row[3]
        else {
            Issue.record("\(row)")
            return
        }
        #expect(first == start && last == end && text == date)
    }
}
