import Store
import Units

/// Checks that `--head` is a hash at all, before anything is held against it.
func checkHash(_ head: String) throws(Fault) {
    guard !isHash(head) else { return }
    throw Fault(
        .wrongUse, at: "--head",
        problem: "\"\(escapingControlCharacters(String(head.prefix(80))))\"",
        suggestion: "Give the 64 hex digits that an earlier verify printed")
}

/// A hash that is in no chain of this store: a finding, and nobody's guilt.
///
/// - Parameter what: what has hashes, `change` or `invoice`.
func noSuchHash(_ head: String, _ what: String, in store: Store) -> Fault {
    Fault(
        .failed, at: store.path, problem: "no such hash: no \(what) has \(head.lowercased())",
        suggestion:
            "Compare the digits with those you kept, and check that it is the same store. If "
            + "both are right, the end of the record is missing: compare with a backup")
}
