/// The rules of a chain of records, in which each record confirms all records before it.
///
/// Records are numbered from 1 without gaps. The hash of a record covers its own bytes and the hash
/// of the record before it. Octroi keeps three such chains: the entries of the ledger, invoices,
/// and changes of limits. Whoever keeps the newest hash in a safe place can prove later that no
/// record before it was changed, removed or inserted.
package enum HashChain {
    /// The hash before the first record of a chain: 32 zero bytes.
    package static let start = [UInt8](repeating: 0, count: 32)

    /// What is wrong with a record of a chain.
    package enum Damage: Hashable {
        /// Numbers are missing: one record has the number `after`, and the next one `before`.
        case gap(after: Int64, before: Int64)
        /// The record names another previous hash than the record before it has.
        case otherPrevious
        /// The record's bytes do not have the hash that was recorded for them.
        case changed
    }
}

/// Walks along a chain and checks each record against its hash.
package struct HashChainWalk {
    /// The number of the last record.
    package private(set) var last: Int64
    /// The recorded hash of the last record.
    package private(set) var head: [UInt8]

    /// Starts a walk, by default at the beginning of the chain.
    ///
    /// - Parameters:
    ///   - last: the number before the first record.
    ///   - head: the hash before the first record.
    package init(after last: Int64 = 0, head: [UInt8] = HashChain.start) {
        (self.last, self.head) = (last, head)
    }

    /// Whether no record was seen since the beginning of the chain.
    package var isEmpty: Bool { head == HashChain.start }

    /// Checks the next record.
    ///
    /// The walk goes on from it even if it is damaged.
    ///
    /// - Parameters:
    ///   - number: the number of the record. A forger may have chosen any value.
    ///   - previous: the previous hash as this record names it; `nil` if the chain does not record
    ///     it.
    ///   - hash: the hash that was recorded for this record.
    ///   - computed: computes the hash of the record's bytes after a given previous hash.
    /// - Returns: everything that is wrong with the record; empty if it is intact.
    package mutating func step(
        _ number: Int64, previous: [UInt8]? = nil, hash: [UInt8],
        computed: (_ previous: [UInt8]) throws -> [UInt8]
    ) rethrows -> [HashChain.Damage] {
        var damage: [HashChain.Damage] = []
        let gap = number.subtractingReportingOverflow(last)
        let hasGap = gap.overflow || gap.partialValue != 1
        if hasGap { damage.append(.gap(after: last, before: number)) }
        if let previous, previous != head { damage.append(.otherPrevious) }
        // After a gap the previous hash is unknown, unless the record itself names it.
        if previous != nil || !hasGap, try computed(previous ?? head) != hash {
            damage.append(.changed)
        }
        (last, head) = (number, hash)
        return damage
    }
}
