import Store
import Units

/// Requires that `--head` is a hash in hexadecimal.
///
/// A mistyped hash would look as if the end of the record were missing.
///
/// - Throws: `wrongUse` for any other text.
func checkHash(_ head: String) throws(Fault) {
    guard !isHash(head) else { return }
    throw Fault(
        .wrongUse, at: "--head",
        problem: "\"\(escapingControlCharacters(String(head.prefix(80))))\"",
        suggestion: "Give the 64 hex digits that an earlier verify printed")
}

/// The fault for a hash that no entry of this store's chain has.
///
/// - Parameter what: what has hashes, such as `change` or `invoice`.
func noSuchHash(_ head: String, _ what: String, in store: Store) -> Fault {
    Fault(
        .failed, at: store.path, problem: "no such hash: no \(what) has \(head.lowercased())",
        suggestion:
            "Compare the digits with those you kept, and check that it is the same store. If "
            + "both are right, the end of the record is missing: compare with a backup")
}
