import App
import Foundation
import Metering
import Reporting
import Store
import TestSupport
import Testing
import Units

/// A store that is checked, copied, pruned and measured.
@Suite struct StoreCareTests {
    private let firm: Firm

    init() throws {
        firm = try Firm()
        try firm.use("acme", "web", 10 * coreHour, over: month(1))
        _ = firm.notices.take()
    }

    /// Lets two hours be metered; the second one seals the samples of the first.
    private func meter() throws {
        let start = try hours(12, 1).start
        let ticks = try Ticks(firm, at: start)
        let row = try ticks.add("/acme/app", cpu: 1, used: 0, at: start)
        for seconds in [10, 20, 3600] as [Int64] {
            _ = try ticks.add(
                "/acme/app", row: row, cpu: 1000 * seconds, used: 10,
                at: start.advanced(bySeconds: seconds))
        }
    }

    /// Changes a row of the ledger behind Octroi's back.
    private func damage() throws {
        for name in try firm.sql(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'usage'"
        ) { try firm.forge("DROP TRIGGER \(name)") }
        try firm.forge(
            "UPDATE usage SET quantity = quantity + 7 "
                + "WHERE hour_s = (SELECT min(hour_s) FROM usage)")
    }

    @Test func aSoundStoreHasNoDamage() throws {
        try meter()
        for isWhole in [false, true] {
            let found = try isWhole ? firm.app.checkStore() : firm.app.verifyStore()
            #expect(found.fault == nil && found.damage.isEmpty && found.sheet.rows.isEmpty)
            let checked = found.verification
            // The samples of the first hour are sealed, and the second hour is still open.
            #expect(checked.blocks == 1 && checked.open == 1)
            #expect(checked.entries > 2 && checked.rows > 744 && checked.hasHead)
            #expect(
                firm.notices.take() == [
                    "\(checked.entries) ledger entries, \(checked.rows) rows and 1 blocks checked, "
                        + "1 rows of usage not closed yet; the last hash is \(checked.head)"
                ])
        }
    }

    @Test func aHashThatWasKeptIsFound() throws {
        let head = try firm.app.verifyStore().verification.head
        try firm.use("lab", "job", 5, over: month(1))
        #expect(try firm.app.verifyStore(head: head.uppercased()).fault == nil)
        let other = String(repeating: "ab", count: 32)
        let fault = try #require(try firm.app.verifyStore(head: other).fault)
        #expect(fault.kind == .failed && fault.location == firm.store)
        #expect(fault.problem.contains("no ledger entry has \(other)"))
    }

    /// Damage is a finding and not an error, and it is worse than a hash that is not there.
    @Test func changedRowsAreFound() throws {
        try damage()
        let found = try firm.app.verifyStore(head: String(repeating: "ab", count: 32))
        #expect(!found.damage.isEmpty)
        #expect(found.sheet.columns == ["damage"] && found.sheet.rows.count >= found.damage.count)
        let fault = try #require(found.fault)
        #expect(fault.kind == .failed && fault.problem.contains("\(found.damage.count) places"))
    }

    /// Sums of days are no part of the ledger: they are made anew, and nothing else is in doubt.
    @Test func wrongSumsOfDaysAreMadeAnew() throws {
        try firm.forge("UPDATE usage_day SET high = high + 1")
        let found = try firm.app.verifyStore()
        #expect(found.damage.isEmpty && found.verification.daySums != nil)
        #expect(found.fault?.suggestion.contains("octroi store rebuild") == true)
        #expect(found.sheet.rows.count == 1)
        // The days of January.
        #expect(try firm.app.rebuildStore() == 31)
        #expect(try firm.app.verifyStore().fault == nil)
    }

    @Test func aCopyIsMadeOnceAndVerified() throws {
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        #expect(firm.notices.take() == ["\(copy): 2 ledger entries, no damage"])
        let app = firm.other(store: copy)
        #expect(try app.usage(over: month(1), by: .tenant).usage.map(\.quantity) == [10 * coreHour])
        try refusal(.failed, at: copy) { try firm.app.backUpStore(to: copy) }
        let nowhere = "\(firm.folder.path)/nowhere/copy.db"
        try refusal(.unavailable, at: nowhere) { try firm.app.backUpStore(to: nowhere) }
        #expect(firm.notices.take() == [])
    }

    @Test func aCopyOfADamagedStoreIsSaidToBeOne() throws {
        try damage()
        let copy = "\(firm.folder.path)/copy.db"
        let fault = try refusal(.failed, at: copy) { try firm.app.backUpStore(to: copy) }
        #expect(fault.problem.contains("damaged as the store is"))
        #expect(FileManager.default.fileExists(atPath: copy), "it may be all that is left")
    }

    /// A copy belongs to the host once it is adopted, and then its original is named.
    @Test func aCopyIsAdoptedOnce() throws {
        #expect(try firm.app.adoptStore() == nil)
        let copy = "\(firm.folder.path)/copy.db"
        try firm.app.backUpStore(to: copy)
        _ = firm.notices.take()
        let app = firm.other(store: copy)
        #expect(try !app.storeInfo().isOwn)
        let told = firm.notices.take()
        #expect(told.count == 1 && told[0].contains("store adopt"))
        #expect(try app.adoptStore()?.contains("a backup of") == true)
        let said = firm.notices.take()
        #expect(said.count == 1 && said[0].hasPrefix("its original is still at "))
        #expect(try app.storeInfo().isOwn)
        #expect(try app.adoptStore() == nil)
        #expect(firm.notices.take() == [])
    }

    @Test func oldSamplesArePruned() throws {
        try meter()
        let usage = try firm.app.usage(over: month(1), by: .container).usage
        let plan = try firm.app.pruneStore(olderThan: 0, isPlan: true)
        #expect(plan.pruned.samples == 3 && plan.pruned.blocks == 1 && !plan.isDone)
        #expect(plan.before == plan.before.startOfHour)
        #expect(
            plan.sheet.columns == ["samples", "blocks", "bytes", "ticks", "before", "done"])
        #expect(plan.sheet.rows[0][0] == .integer(3) && plan.sheet.rows[0][5] == .flag(false))
        let done = try firm.app.pruneStore(olderThan: 0)
        #expect(done.isDone && done.pruned == plan.pruned)
        #expect(try firm.app.pruneStore(olderThan: 0).pruned == Pruned())
        // Usage and the ledger are kept.
        #expect(try firm.app.usage(over: month(1), by: .container).usage == usage)
        #expect(try firm.app.verifyStore().fault == nil)
        // Nothing is as old as a hundred years.
        #expect(
            try firm.app.pruneStore(olderThan: 100 * 365 * 86_400_000, isPlan: true).pruned
                == Pruned())
    }

    @Test func aStoreIsMeasured() throws {
        try meter()
        let answer = try firm.app.storeInfo()
        #expect(answer.path == firm.store && answer.isOwn)
        #expect(firm.notices.take() == [])
        let sheet = answer.sheet
        #expect(
            sheet.columns == [
                "table", "rows", "bytes", "samples", "bytes_per_sample", "oldest", "newest",
            ])
        #expect(sheet.title?.hasPrefix("\(firm.store): \(answer.info.bytes) bytes") == true)
        #expect(sheet.title?.hasSuffix("; this host's own") == true)
        func row(_ table: String) throws -> [Cell] {
            try #require(sheet.rows.first { $0[0] == .text(table) })
        }
        let usage = try row("usage")
        #expect(usage[1] == .integer(745) && usage[3] == .none && usage[4] == .none)
        #expect(usage[5] == .text("2025-01-01T00:00:00Z"))
        #expect(usage[6] == .text("2025-01-31T23:00:00Z"))
        let blocks = try row("sample_block")
        #expect(blocks[1] == .integer(1) && blocks[3] == .integer(3))
        guard case .integer(let bytes, _) = blocks[2], case .exact(let each, _) = blocks[4] else {
            Issue.record("no sizes")
            return
        }
        #expect(each == "\(bytes * 10 / 3 / 10).\(bytes * 10 / 3 % 10)")
        #expect(try row("tick")[1] == .integer(4))
    }
}
