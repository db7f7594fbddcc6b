import Sealing

/// What an entry's rows come to: how many, their hash, and a checksum of each.
struct EntryContent {
    private let digest = Digest()
    private let keepsSums: Bool
    private(set) var sums: [UInt8] = []

    init(keepsSums: Bool = true) { self.keepsSums = keepsSums }

    var rowCount: Int { sums.count / 4 }

    mutating func add(_ row: CanonicalRow) {
        digest.add(row.bytes)
        guard keepsSums else { return }
        withUnsafeBytes(of: crc(row.bytes[...]).bigEndian) { sums += $0 }
    }

    func finish() -> [UInt8] { digest.finish() }
}
