import GRDB
import Sealing
import Units

/// The result of a check of the ledger's chain and the sealed samples.
public struct Verification: Sendable {
    /// The number of entries of the chain.
    public var entries: Int64 = 0
    /// The number of closed rows that were checked.
    public var rows: Int64 = 0
    /// The number of blocks of samples that were checked.
    public var blocks: Int64 = 0
    /// The number of usage rows that are not closed yet.
    ///
    /// Their hour is not over, or no collector runs.
    public var open: Int64 = 0
    /// The chain's last hash, in hex; kept elsewhere, it later proves that nothing was rewritten.
    public var head = ""
    /// Sentences about damage; empty for a sound store.
    public var damage: [String] = []
    /// A sentence about wrong sums of days; `nil` if they agree with the ledger.
    ///
    /// The sums are not part of the ledger: `rebuildDaySums` computes them again.
    public var daySums: String?
    /// Whether the given hash is in the chain; true if none was given.
    public var hasHead = true

    /// Creates a result without findings.
    public init() {}
}

extension Store {
    /// Recomputes every hash and checksum of the ledger and the sealed samples.
    ///
    /// - Parameters:
    ///   - head: a hash, in hex, that an earlier check printed as the chain's last.
    ///   - onProgress: called now and then with the number of rows and blocks checked so far.
    /// - Returns: all findings. Damage is not thrown; only a store that cannot be read throws.
    public func verify(
        head: String? = nil, onProgress: (Int64) -> Void = { _ in }
    ) throws(Fault) -> Verification {
        try read { db in
            var verifier = try LedgerVerifier(db)
            try verifier.checkChain(head)
            try verifier.checkRows(onProgress)
            try verifier.checkOwnersAndTerms()
            try verifier.checkDaySums()
            for table in [SampleTable.samples, .io] { try verifier.checkBlocks(table, onProgress) }
            return verifier.result
        }
    }
}

extension Store {
    /// Sentences about terms that were changed without Octroi: price books, tenants and more.
    ///
    /// The tenants of hours are checked, too. Rows of usage are not read, so this is fast.
    public func verifyTerms() throws(Fault) -> [String] { try read(Store.changedTerms) }

    /// Checks the terms inside a transaction (see `verifyTerms`).
    static func changedTerms(_ db: Database) throws -> [String] {
        var verifier = try LedgerVerifier(db)
        try verifier.checkChain(nil)
        try verifier.checkTermEntries()
        try verifier.checkOwnersAndTerms()
        return verifier.result.damage
    }
}

/// Checks the parts of a store one after another, and collects the findings in `result`.
private struct LedgerVerifier {
    /// The number of rows of an entry that are named; the others are only counted.
    private static let mostNamed = 10

    private let db: Database
    private var entries: [Int64: LedgerEntry] = [:]
    private(set) var result = Verification()

    init(_ db: Database) throws {
        self.db = db
        result.open = try db.value(Int64.self, "SELECT count(*) FROM usage_open") ?? 0
    }

    /// Checks the hash of each entry, and its link to the entry before.
    mutating func checkChain(_ head: String?) throws {
        var previous: LedgerEntry?
        let wanted = head?.lowercased()
        result.hasHead = wanted == nil
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM ledger_entry ORDER BY id")
        while let row = try rows.next() {
            var entry = LedgerEntry(row)
            check(entry, after: previous)
            if hex(entry.hash) == wanted { result.hasHead = true }
            // The checksums of all entries would need much memory. Those of damaged entries are
            // read again.
            entry.sums = []
            entries[entry.id] = entry
            previous = entry
        }
        result.entries = Int64(max(0, entries.count - 1))
        result.head = hex(previous?.hash ?? [])
        try checkEnd(previous?.lastTick ?? 0)
    }

    private mutating func check(_ entry: LedgerEntry, after previous: LedgerEntry?) {
        guard let before = previous else {
            if entry.id != 0 || entry.hash != HashChain.start
                || entry.lastTick != 0
            {
                damage("ledger entry 0, where the chain begins, is missing or changed")
            }
            return
        }
        var walk = HashChainWalk(after: before.id, head: before.hash)
        let found = walk.step(entry.id, hash: entry.hash) { entry.hash(after: $0) }
        for item in found {
            switch item {
            case .gap(let last, let next) where last.addingReportingOverflow(2) == (next, false):
                damage("ledger entry \(last + 1) is missing")
            case .gap(let last, let next):
                damage("the ledger entries between \(last) and \(next) are missing")
            case .changed, .otherPrevious:
                damage("ledger entry \(entry.id) of \(time(entry.hour)) was changed")
            }
        }
    }

    /// Checks that nothing is newer than the end of the chain that needs a later entry.
    private mutating func checkEnd(_ lastTick: Int64) throws {
        let sealed = try db.value(
            Bool.self,
            """
            SELECT EXISTS (SELECT 1 FROM sample_block WHERE last_tick > ?
                AND hour_s >= (SELECT max(hour_s) FROM sample_block))
            """, [lastTick])
        if sealed == true {
            damage("samples were sealed after the last ledger entry: later entries are missing")
        }
    }

    /// Checks that each entry's rows are those that it closed.
    mutating func checkRows(_ onProgress: (Int64) -> Void) throws {
        let contents = try contents(of: LedgerTable.all, onProgress)
        try compare(contents, with: entries.keys.filter { $0 > 0 })
    }

    /// Checks the entries that hold terms; they hold nothing else.
    mutating func checkTermEntries() throws {
        let contents = try contents(of: [.term]) { _ in }
        try compare(contents, with: Array(contents.keys))
        let empty = try db.values(
            Int64.self,
            """
            SELECT id FROM ledger_entry WHERE kind = 'terms' EXCEPT SELECT entry FROM term
            """)
        for entry in empty { damage("all rows of ledger entry \(entry) are missing") }
    }

    /// Checks that the sums of days agree with the ledger.
    mutating func checkDaySums() throws { result.daySums = try daySumsDamage(db) }

    /// The number and the hash of the rows of each entry.
    private mutating func contents(
        of tables: [LedgerTable], _ onProgress: (Int64) -> Void
    ) throws -> [Int64: EntryContent] {
        var contents: [Int64: EntryContent] = [:]
        var orphans: [Int64: (count: Int, first: String)] = [:]
        for table in tables {
            try table.read(db, table.closedRows, []) { entry, row, words in
                if entry < 1 || entries[entry] == nil {
                    orphans[entry, default: (0, words())].count += 1
                    return
                }
                contents[entry, default: EntryContent(keepsSums: false)].add(row)
                result.rows += 1
                if result.rows % 65_536 == 0 { onProgress(result.rows) }
            }
        }
        for (entry, rows) in orphans.sorted(by: { $0.key < $1.key }) {
            damage(
                "\(rows.count) rows of ledger entry \(entry), which does not exist: \(rows.first)")
        }
        return contents
    }

    private mutating func compare(
        _ contents: [Int64: EntryContent], with ids: [Int64]
    ) throws {
        let wrong = ids.compactMap { entries[$0] }.filter { entry in
            let content = contents[entry.id] ?? EntryContent()
            return content.finish() != entry.content
        }
        try name(Dictionary(uniqueKeysWithValues: wrong.map { ($0.id, $0) }))
    }

    /// Checks that the tenants of hours, and the terms, agree with the chain.
    mutating func checkOwnersAndTerms() throws {
        result.damage += try attributionDamage(db, most: Self.mostNamed)
        result.damage += try termDamage(db, most: Self.mostNamed)
    }

    /// Says which rows of damaged entries were changed, added or deleted.
    private mutating func name(_ wrong: [Int64: LedgerEntry]) throws {
        guard !wrong.isEmpty else { return }
        var found: [Int64: [(sum: UInt32, words: String)]] = [:]
        for table in LedgerTable.all {
            try table.read(db, table.closedRows, []) { entry, row, words in
                guard wrong[entry] != nil else { return }
                found[entry, default: []].append((crc(row.bytes[...]), words()))
            }
        }
        for id in wrong.keys.sorted() {
            let sums = try db.row(
                "SELECT * FROM ledger_entry WHERE id = ?", [id])
            let lines = differences(found[id] ?? [], sums.map { LedgerEntry($0).rowSums } ?? [])
            for line in lines.prefix(Self.mostNamed) { damage("ledger entry \(id): \(line)") }
            if lines.count > Self.mostNamed {
                damage("ledger entry \(id): \(lines.count - Self.mostNamed) more rows")
            }
        }
    }

    /// Checks the checksum of each block of samples.
    mutating func checkBlocks(_ table: SampleTable, _ onProgress: (Int64) -> Void) throws {
        let tag = table.keys + ["first_tick", "last_tick", "hour_s", "samples"]
        let fields = Int32(tag.count)
        var statement = try FastStatement(
            db,
            """
            SELECT \(tag.map { "r." + $0 }.joined(separator: ", ")), c.path, r.data,
                (SELECT count(*) FROM tick WHERE id BETWEEN r.first_tick AND r.last_tick)
            FROM \(table.sealed) r LEFT JOIN container c ON c.id = r.container
            """)
        while try statement.step() {
            let tag = (0..<fields).map { statement.integer($0) ?? 0 }
            func words() -> String {
                let path = String(decoding: statement.bytes(fields), as: UTF8.self)
                return "\(table.sealed) of \(path) from \(time(tag[Int(fields) - 2]))"
            }
            do throws(BlockError) {
                _ = try SampleColumns(
                    statement.bytes(fields + 1), tag: tag, isSample: !table.hasDevice)
                if statement.integer(fields + 2) ?? 0 < tag.last ?? 0 {
                    damage("\(words()): rows of table tick are missing for some of its samples")
                }
            } catch {
                damage("\(words()): \(error)")
            }
            result.blocks += 1
            if result.blocks % 4096 == 0 { onProgress(result.rows + result.blocks) }
        }
    }

    private mutating func damage(_ words: String) { result.damage.append(words) }
}

/// Sentences about the differences between rows and the checksums of the rows that were closed.
///
/// A changed row looks like one added row and one missing row. So the first added row and the first
/// missing row are reported as one changed row, and so on.
private func differences(_ rows: [(sum: UInt32, words: String)], _ sums: [UInt32]) -> [String] {
    var left: [UInt32: Int] = [:]
    for sum in sums { left[sum, default: 0] += 1 }
    let added = rows.indices.filter { index in
        guard let count = left[rows[index].sum], count > 0 else { return true }
        left[rows[index].sum] = count - 1
        return false
    }
    var there: [UInt32: Int] = [:]
    for row in rows { there[row.sum, default: 0] += 1 }
    // For each missing row, the number of rows before it that are still there.
    var (missing, before): ([Int], Int) = ([], 0)
    for sum in sums {
        if let count = there[sum], count > 0 {
            there[sum] = count - 1
            before += 1
        } else {
            missing.append(before)
        }
    }
    let changed = added.prefix(missing.count).map { "\(rows[$0].words): it was changed" }
    let new = added.dropFirst(missing.count).map { "\(rows[$0].words): it was added" }
    let gone = missing.dropFirst(added.count).map { offset in
        offset > 0
            ? "a row is missing behind \(rows[min(offset, rows.count) - 1].words)"
            : "its first row is missing"
    }
    let lines = changed + new + gone
    return lines.isEmpty ? ["its rows differ from those that it closed"] : lines
}

extension LedgerEntry {
    /// The checksums of its rows, in order.
    fileprivate var rowSums: [UInt32] {
        stride(from: 0, to: sums.count - sums.count % 4, by: 4).map { start in
            sums[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
