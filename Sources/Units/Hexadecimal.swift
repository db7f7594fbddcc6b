/// The bytes as text, two lower-case hexadecimal digits each.
public func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Whether a text has the form of a SHA-256 hash: 64 hexadecimal digits, in either case.
public func isHash(_ text: String) -> Bool {
    text.utf8.count == 64
        && text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                // Setting bit 0x20 turns A-F into a-f.
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
        }
}
