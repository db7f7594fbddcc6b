import GRDB
import Metering
@testable import Store
import TestSupport
import Testing

@Suite struct FastStatementTests {
    /// Whoever reads rows while another reads by the same words gets all of his own.
    @Test func readersOfTheSameWordsDoNotShareACursor() throws {
        try DatabaseQueue().write { db in
            let sql = "SELECT value FROM json_each('[1,2,3]') WHERE value > ?"
            var outer = try FastStatement(db, sql)
            outer.bind(0)
            var pairs: [[Int64]] = []
            while try outer.step() {
                var inner = try FastStatement(db, sql)
                inner.bind(1)
                while try inner.step() { pairs.append([outer.int64(0), inner.int64(0)]) }
            }
            #expect(pairs == [[1, 2], [1, 3], [2, 2], [2, 3], [3, 2], [3, 3]])
        }
    }
}

@Suite struct AssuranceTests {
    @Test func theStoresCodesAreTheProgramsOwn() throws {
        let folder = try TemporaryFolder()
        let store = try Store(at: "\(folder.path)/octroi.db", for: .write)
        let rows = try store.read { db in
            try Row.fetchAll(db, sql: "SELECT id, name FROM assurance ORDER BY id")
                .map { ($0["id"] as Int64, $0["name"] as String) }
        }
        #expect(rows.map(\.0) == Assurance.allCases.map(\.code).sorted())
        // Sums are kept by them, from 0 on.
        #expect(rows.map(\.0) == rows.indices.map(Int64.init))
        for (code, name) in rows { #expect(Assurance(code: code)?.rawValue == name) }
        #expect(Assurance(code: 99) == nil)
    }
}
