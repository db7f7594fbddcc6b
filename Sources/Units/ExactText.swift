/// A text that is equal to another only if all bytes are equal.
///
/// Swift's `String` treats composed and decomposed letters as equal: "é" as one scalar equals "e"
/// and a combining accent. SQLite compares bytes. Keys that are looked up in both must be compared
/// as SQLite does, and this type does that.
public struct ExactText: Hashable, Comparable, Sendable {
    /// The text itself.
    public let text: String

    public init(_ text: String) { self.text = text }

    public static func == (a: ExactText, b: ExactText) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }

    /// Orders by UTF-8 bytes, as SQLite's `BINARY` collation does.
    public static func < (a: ExactText, b: ExactText) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
