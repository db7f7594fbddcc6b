import Host
import Reporting
import Store
import Units

/// The result of checking the store.
public struct StoreFindings: Sendable {
    /// What was checked.
    public var verification: Verification
    /// What differs from what was written, as sentences; empty if nothing does.
    public var damage: [String]
    /// The fault if no ledger entry has the hash that was asked for.
    ///
    /// `nil` if one has it, or if none was asked for.
    var missingHead: Fault?

    /// The damage, one row each; the sums of days come last.
    public var sheet: Sheet {
        let rows = damage + [verification.daySums].compactMap(\.self)
        return Sheet(columns: ["damage"], rows: rows.map { [.text($0)] })
    }

    /// What is wrong, as a fault; `nil` if nothing is.
    public var fault: Fault? {
        guard !damage.isEmpty else { return missingHead ?? daySumsFault }
        return Fault(
            .failed, at: "the store",
            problem: "\(damage.count) places were changed without Octroi, or are damaged",
            suggestion: "Keep the file as it is for whoever looks into it, and go on from a backup")
    }

    /// The fault for sums of days that the ledger does not make; the ledger itself is whole.
    private var daySumsFault: Fault? {
        verification.daySums.map {
            Fault(
                .failed, at: "the store", problem: $0,
                suggestion:
                    "Run octroi store rebuild. The ledger is sound, and no invoice uses these sums"
            )
        }
    }
}

extension App {
    /// Checks every hash of the ledger and every checksum of the samples.
    ///
    /// A notice has the newest hash. Kept in a safe place, it proves later that the ledger was not
    /// rewritten.
    ///
    /// - Parameters:
    ///   - head: a hash that an earlier check printed, in hexadecimal.
    ///   - progress: called now and then with the number of rows and blocks checked so far.
    /// - Throws: `wrongUse` for a `head` that is not a hash. Damage is not thrown.
    public func verifyStore(
        head: String? = nil, progress: (Int64) -> Void = { _ in }
    ) throws(Fault) -> StoreFindings {
        if let head { try checkHash(head) }
        let store = try store(.read)
        let found = try store.verify(head: head, onProgress: progress)
        notify(of: found)
        let missing = found.hasHead ? nil : head.map { noSuchHash($0, "ledger entry", in: store) }
        return StoreFindings(verification: found, damage: found.damage, missingHead: missing)
    }

    /// Checks hashes and checksums, and lets SQLite check its pages, indexes and references.
    ///
    /// - Parameter progress: called now and then with the number of rows and blocks checked so far.
    public func checkStore(progress: (Int64) -> Void = { _ in }) throws(Fault) -> StoreFindings {
        let store = try store(.read)
        let integrity = try store.integrity()
        let found = try store.verify(onProgress: progress)
        notify(of: found)
        return StoreFindings(verification: found, damage: integrity + found.damage)
    }

    /// Gives notice of how much was checked, and of the newest hash.
    private func notify(of found: Verification) {
        notify(
            "\(found.entries) ledger entries, \(found.rows) rows and \(found.blocks) blocks checked, "
                + "\(found.open) rows of usage not closed yet; the last hash is \(found.head)")
    }

    /// Sums the ledger by days anew, so that questions over months are fast.
    ///
    /// It is needed once for a store that an earlier Octroi made, and after a change of the billing
    /// zone. Nobody else can write meanwhile: about 3 s for 7 million rows.
    ///
    /// - Returns: the number of sums.
    /// - Throws: `unavailable` if there is no store.
    public func rebuildStore() throws(Fault) -> Int {
        // Opening for writing would create a missing store.
        _ = try store(.read)
        return try store(.write).rebuildDaySums(in: try zone())
    }

    /// Copies the store into a new file while it is in use, and verifies the copy.
    ///
    /// - Parameter file: the path of the copy, which must not exist yet.
    /// - Throws: `failed` if the file exists or cannot be written, or if the copy is damaged. A
    ///   damaged copy means that the store itself is damaged.
    public func backUpStore(to file: String) throws(Fault) {
        try store(.read).backup(to: file)
        let found = try Store(at: file, for: .read).verify()
        guard found.damage.isEmpty else {
            throw Fault(
                .failed, at: escapingControlCharacters(file),
                problem: "the copy is complete, and damaged as the store is: "
                    + escapingControlCharacters(found.damage[0]),
                suggestion:
                    "octroi store check names all damage; continue with an older backup")
        }
        notify("\(escapingControlCharacters(file)): \(found.entries) ledger entries, no damage")
    }

    /// Removes old samples, in whole hours that are sealed.
    ///
    /// Usage, control totals and invoices are kept.
    ///
    /// - Parameters:
    ///   - age: the age from which samples are removed, in ms.
    ///   - isPlan: whether to only count them.
    /// - Throws: `unavailable` if there is no store.
    public func pruneStore(olderThan age: Int64, isPlan: Bool = false) throws(Fault) -> PruneAnswer
    {
        let time = Instant(milliseconds: Host.wallTime().milliseconds - age)
        // Opening for writing would create a missing store, and there is nothing to prune in that.
        let store = try store(.read)
        let pruned =
            try isPlan ? store.prunable(before: time) : self.store(.write).prune(before: time)
        return PruneAnswer(pruned: pruned, before: time.startOfHour, isDone: !isPlan)
    }

    /// Makes a copied, restored or moved store belong to this host, so that it may change limits.
    ///
    /// A notice warns if the original is still on this host: two stores must not keep the same
    /// limits.
    ///
    /// - Returns: why the store did not belong to this host; `nil` if it did already.
    /// - Throws: `unavailable` if there is no store.
    public func adoptStore() throws(Fault) -> String? {
        // Opening for writing would create a missing store.
        let known = try store(.read)
        let original = try known.original()
        let why = try Store(at: known.path, for: .write).adopt(at: Host.wallTime())
        if why != nil, let original {
            notify(
                "its original is still at \(escapingControlCharacters(original)), and belongs to this host, too: "
                    + "let only one of the two set limits")
        }
        return why
    }

    /// The size of each table, the bytes for each sample, and the oldest and newest data.
    public func storeInfo() throws(Fault) -> StoreAnswer {
        let store = try store(.read)
        try tellWhoseItIs(store)
        return StoreAnswer(
            path: store.path, info: try store.info(), isOwn: try store.whyNotOwn() == nil)
    }
}

/// The samples that were removed, or would be.
public struct PruneAnswer: Sendable {
    /// How many samples, blocks, bytes and ticks.
    public var pruned: Pruned
    /// The start of the first hour that is kept.
    public var before: Instant
    /// Whether they were removed; false for a plan.
    public var isDone: Bool

    /// The numbers in one row.
    public var sheet: Sheet {
        Sheet(
            columns: ["samples", "blocks", "bytes", "ticks", "before", "done"],
            rows: [
                [
                    .integer(Int128(pruned.samples)), .integer(Int128(pruned.blocks)),
                    .integer(Int128(pruned.bytes)), .integer(Int128(pruned.ticks)), .time(before),
                    .flag(isDone),
                ]
            ])
    }
}

/// What is in a store, and whether it belongs to this host.
public struct StoreAnswer: Sendable {
    /// The path of the store.
    public var path: String
    /// The sizes.
    public var info: StoreInfo
    /// Whether the store belongs to this host, and may change its limits.
    public var isOwn: Bool

    /// The tables, one row each.
    public var sheet: Sheet {
        let rows = info.tables.map { table -> [Cell] in
            // Whole-number arithmetic with one decimal: tenths of a byte for each sample.
            let tenths = table.samples.flatMap { $0 > 0 ? table.bytes * 10 / $0 : nil }
            return [
                .text(table.name), .integer(Int128(table.rows)), .integer(Int128(table.bytes)),
                .optional(table.samples.map { Int128($0) }),
                tenths.map { .exact("\($0 / 10).\($0 % 10)") } ?? .none,
                table.oldest.map(Cell.time) ?? .none, table.newest.map(Cell.time) ?? .none,
            ]
        }
        return Sheet(
            columns: ["table", "rows", "bytes", "samples", "bytes_per_sample", "oldest", "newest"],
            rows: rows,
            title:
                "\(path): \(info.bytes) bytes, \(info.free) of them free; schema \(info.schema); "
                + (isOwn ? "this host's own" : "not this host's own"))
    }
}
