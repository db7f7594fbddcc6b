import Sealing

/// A summary of an entry's rows: their number, one hash of all, and a checksum of each.
struct EntryContent {
    private let digest = Digest()
    private let keepsSums: Bool
    private(set) var sums: [UInt8] = []

    /// Starts without rows; without `keepsSums`, only the hash is computed.
    init(keepsSums: Bool = true) { self.keepsSums = keepsSums }

    var rowCount: Int { sums.count / 4 }

    /// Adds a row; the order of rows matters.
    mutating func add(_ row: CanonicalRow) {
        digest.add(row.bytes)
        guard keepsSums else { return }
        withUnsafeBytes(of: crc(row.bytes[...]).bigEndian) { sums += $0 }
    }

    /// The SHA-256 of all rows.
    func finish() -> [UInt8] { digest.finish() }
}
