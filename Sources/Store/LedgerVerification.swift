import GRDB
import Sealing
import Units

/// What a check of the chain and the blocks found.
public struct Verification: Sendable {
    public var entries: Int64 = 0
    public var rows: Int64 = 0
    public var blocks: Int64 = 0
    /// The chain's last hash, in hex: noted elsewhere, it shows a later rewriting of the whole chain.
    public var head = ""
    /// What is wrong, in words; empty if nothing is.
    public var damage: [String] = []

    public init() {}
}

extension Store {
    /// Recomputes every hash and checksum of the ledger and the sealed samples.
    ///
    /// - Parameters:
    ///   - head: a hash that was the chain's last once, in hex.
    ///   - onRow: called now and then with how many rows and blocks were looked at.
    public func verify(
        head: String? = nil, onProgress: (Int64) -> Void = { _ in }
    ) throws(Fault) -> Verification {
        try read { db in
            var verifier = try LedgerVerifier(db)
            verifier.checkChain(head)
            try verifier.checkRows(onProgress)
            for table in [SampleTable.samples, .io] { try verifier.checkBlocks(table, onProgress) }
            return verifier.result
        }
    }
}

private struct LedgerVerifier {
    /// Of one entry, so many rows are named; the rest is counted.
    private static let mostNamed = 10

    private let db: Database
    private var entries: [Int64: LedgerEntry] = [:]
    private(set) var result = Verification()

    init(_ db: Database) throws {
        self.db = db
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM ledger_entry")
        while let row = try rows.next() { entries[row["id"]] = LedgerEntry(row) }
    }

    /// Whether each entry is what its hash says, and follows the one before it.
    mutating func checkChain(_ head: String?) {
        var previous: LedgerEntry?
        for entry in entries.values.sorted(by: { $0.id < $1.id }) {
            defer { previous = entry }
            guard let before = previous else {
                if entry.id != 0 || entry.hash != [UInt8](repeating: 0, count: 32) {
                    damage("ledger entry 0, where the chain begins, is missing or changed")
                }
                continue
            }
            for id in (before.id + 1)..<max(entry.id, before.id + 1) {
                damage("ledger entry \(id) is missing")
            }
            if entry.id == before.id + 1, entry.hash(after: before.hash) != entry.hash {
                damage("ledger entry \(entry.id) of \(Instant(seconds: entry.hour)) was changed")
            }
        }
        result.entries = Int64(max(0, entries.count - 1))
        result.head = hex(previous?.hash ?? [])
        if let head, !entries.values.contains(where: { hex($0.hash) == head.lowercased() }) {
            damage(
                "the hash \(head) is not in the chain: it was written anew, or is another store's")
        }
    }

    /// Whether each entry's rows are those that it closed.
    mutating func checkRows(_ onProgress: (Int64) -> Void) throws {
        var contents: [Int64: EntryContent] = [:]
        var orphans: [Int64: (count: Int, first: String)] = [:]
        for table in LedgerTable.all {
            try table.read(db, table.closedRows, []) { entry, row, words in
                if entries[entry] == nil {
                    orphans[entry, default: (0, words())].count += 1
                    return
                }
                contents[entry, default: EntryContent()].add(row)
                result.rows += 1
                if result.rows % 65_536 == 0 { onProgress(result.rows) }
            }
        }
        for (entry, rows) in orphans.sorted(by: { $0.key < $1.key }) {
            damage("\(rows.count) rows of ledger entry \(entry), which is missing: \(rows.first)")
        }
        let wrong = entries.values.filter { entry in
            guard entry.id > 0 else { return false }
            let content = contents[entry.id] ?? EntryContent()
            return content.finish() != entry.content
        }
        try name(Dictionary(uniqueKeysWithValues: wrong.map { ($0.id, $0) }))
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
        for (id, entry) in wrong.sorted(by: { $0.key < $1.key }) {
            let lines = differences(found[id] ?? [], entry.rowSums)
            for line in lines.prefix(Self.mostNamed) { damage("ledger entry \(id): \(line)") }
            if lines.count > Self.mostNamed {
                damage("ledger entry \(id): \(lines.count - Self.mostNamed) more rows")
            }
        }
    }

    /// Whether each block is what was sealed.
    mutating func checkBlocks(_ table: SampleTable, _ onProgress: (Int64) -> Void) throws {
        let keys = table.keys.map { "r." + $0 }.joined(separator: " || ':' || ")
        var statement = try FastStatement(
            db,
            """
            SELECT r.first_tick, r.last_tick, r.samples, r.hour_s, \(keys), c.path, r.data
            FROM \(table.sealed) r LEFT JOIN container c ON c.id = r.container
            """)
        while try statement.step() {
            let said = (0..<3).map { statement.integer($0) ?? 0 }
            func words() -> String {
                let path = String(decoding: statement.bytes(5), as: UTF8.self)
                let hour = Instant(seconds: statement.integer(3) ?? 0)
                return "\(table.sealed) of \(path) from \(hour)"
            }
            do throws(BlockError) {
                let columns = try SampleColumns(statement.bytes(6), isSample: table.keys.count == 1)
                let ticks = columns.columns.first?.values ?? []
                if [ticks.first, ticks.last, Int64(ticks.count)] != said {
                    damage("\(words()): it holds other samples than its row says")
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

/// What was done to rows whose checksums were `sums`, in words.
///
/// A row that is not what it was looks like one that came and one that went: the first of each are
/// taken together.
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
    // Of each row that is missing, how many of those before it are there.
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
    return lines.isEmpty ? ["its rows are not those that it closed"] : lines
}

extension LedgerEntry {
    /// The checksums of its rows, in order.
    fileprivate var rowSums: [UInt32] {
        stride(from: 0, to: sums.count, by: 4).map { start in
            sums[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
