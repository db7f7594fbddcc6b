/// The rules of a chain of records: numbers without a gap from 1, and each record's hash over its own bytes
/// and the hash of the record before it.
///
/// Three chains follow them: the ledger's entries, invoices, and changes of limits. Whoever keeps the newest
/// hash elsewhere can show later that no record before it was changed, removed or added.
package enum HashChain {
    /// What stands before the first hash of a chain.
    package static let start = [UInt8](repeating: 0, count: 32)

    /// What is wrong with a record of a chain.
    package enum Damage: Hashable {
        /// The numbers between two records are missing; both are given.
        case gap(after: Int64, before: Int64)
        /// The hash that it was chained to is not the one of the record before it.
        case otherPrevious
        /// Its bytes are not those that were hashed.
        case changed
    }
}

/// Walks along a chain and compares each record with its hash.
package struct HashChainWalk {
    /// The number of the last record.
    package private(set) var last: Int64
    /// The hash of the last record.
    package private(set) var head: [UInt8]

    /// - Parameters:
    ///   - last: the number before the first record.
    ///   - head: the hash before the first record.
    package init(after last: Int64 = 0, head: [UInt8] = HashChain.start) {
        (self.last, self.head) = (last, head)
    }

    /// Whether any record was seen.
    package var isEmpty: Bool { head == HashChain.start }

    /// Goes to the next record.
    ///
    /// - Parameters:
    ///   - number: ids only rise here, but a forger may choose any.
    ///   - previous: the hash before it as it was written down; `nil` where a chain keeps none.
    ///   - hash: its own, as it was written down.
    ///   - computed: the hash of its bytes after a hash.
    package mutating func step(
        _ number: Int64, previous: [UInt8]? = nil, hash: [UInt8],
        computed: (_ previous: [UInt8]) throws -> [UInt8]
    ) rethrows -> [HashChain.Damage] {
        var damage: [HashChain.Damage] = []
        let gap = number.subtractingReportingOverflow(last)
        let hasGap = gap.overflow || gap.partialValue != 1
        if hasGap { damage.append(.gap(after: last, before: number)) }
        if let previous, previous != head { damage.append(.otherPrevious) }
        // Behind a gap, a chain that keeps no hash before a record cannot be computed.
        if previous != nil || !hasGap, try computed(previous ?? head) != hash {
            damage.append(.changed)
        }
        (last, head) = (number, hash)
        return damage
    }
}
