import Host
import Reporting
import Store
import Units

/// What checks of the store found.
public struct StoreFindings: Sendable {
    /// What was looked at.
    public var verification: Verification
    /// All that is not as it was written, a line each.
    public var damage: [String]
    /// That the hash that was asked for is in no entry; `nil` if it is, or none was asked for.
    var missingHead: Fault?

    public var sheet: Sheet { Sheet(columns: ["damage"], rows: damage.map { [.text($0)] }) }

    /// What is wrong; `nil` if nothing is.
    public var fault: Fault? {
        guard !damage.isEmpty else { return missingHead }
        return Fault(
            .failed, at: "the store",
            problem: "\(damage.count) places are not as they were written",
            suggestion: "Keep the file as it is for whoever looks into it, and go on from a backup")
    }
}

extension App {
    /// Checks every hash of the ledger and every checksum of the samples.
    ///
    /// - Parameters:
    ///   - head: a head hash that an earlier verification gave.
    ///   - progress: takes the number of rows and blocks that have been checked, now and then.
    /// - Throws: `wrongUse` for a head that is no hash.
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

    /// The same, and lets SQLite check its pages, indexes, constraints and references.
    public func checkStore(progress: (Int64) -> Void = { _ in }) throws(Fault) -> StoreFindings {
        let store = try store(.read)
        let integrity = try store.integrity()
        let found = try store.verify(onProgress: progress)
        notify(of: found)
        return StoreFindings(verification: found, damage: integrity + found.damage)
    }

    private func notify(of found: Verification) {
        notify(
            "\(found.entries) ledger entries, \(found.rows) rows and \(found.blocks) blocks checked, "
                + "\(found.open) rows of usage not closed yet; the last hash is \(found.head)")
    }

    /// Copies the store into a new file while it is in use, and verifies the copy.
    ///
    /// - Throws: `failed` if the copy is damaged, as the store then is.
    public func backUpStore(to file: String) throws(Fault) {
        try store(.read).backup(to: file)
        let found = try Store(at: file, for: .read).verify()
        guard found.damage.isEmpty else {
            throw Fault(
                .failed, at: escapingControlCharacters(file),
                problem: "the copy is whole, and damaged as the store is: "
                    + escapingControlCharacters(found.damage[0]),
                suggestion:
                    "octroi store check names all that is damaged; go on from an older backup")
        }
        notify("\(escapingControlCharacters(file)): \(found.entries) ledger entries, all sound")
    }

    /// Removes old samples, in whole hours that are sealed; usage and invoices are kept.
    ///
    /// - Parameters:
    ///   - age: of samples that are kept, in ms.
    ///   - isPlan: whether nothing is removed.
    public func pruneStore(olderThan age: Int64, isPlan: Bool = false) throws(Fault) -> PruneAnswer
    {
        let time = Instant(milliseconds: Host.wallTime().milliseconds - age)
        // Only a store that is there has something to prune.
        let store = try store(.read)
        let pruned =
            try isPlan ? store.prunable(before: time) : self.store(.write).prune(before: time)
        return PruneAnswer(pruned: pruned, before: time.startOfHour, isDone: !isPlan)
    }

    /// Makes a copied, restored or moved store this host's own, so that it changes limits again.
    ///
    /// - Returns: why it was not; `nil` if it was this host's own already.
    public func adoptStore() throws(Fault) -> String? {
        // Only a store that is there can be adopted; for writing, it would be made.
        let known = try store(.read)
        let original = try known.original()
        let why = try Store(at: known.path, for: .write).adopt(at: Host.wallTime())
        if why != nil, let original {
            notify(
                "its original is still at \(escapingControlCharacters(original)), and is this host's own as well: "
                    + "let only one of the two keep limits")
        }
        return why
    }

    /// Sizes, bytes for each sample, and the oldest and newest data.
    public func storeInfo() throws(Fault) -> StoreAnswer {
        let store = try store(.read)
        try tellWhoseItIs(store)
        return StoreAnswer(
            path: store.path, info: try store.info(), isOwn: try store.whyNotOwn() == nil)
    }
}

/// What `App.pruneStore` removed, or would remove.
public struct PruneAnswer: Sendable {
    public var pruned: Pruned
    public var before: Instant
    public var isDone: Bool

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

/// What is in a store.
public struct StoreAnswer: Sendable {
    public var path: String
    public var info: StoreInfo
    /// Whether it may change limits of this host.
    public var isOwn: Bool

    public var sheet: Sheet {
        let rows = info.tables.map { table -> [Cell] in
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
