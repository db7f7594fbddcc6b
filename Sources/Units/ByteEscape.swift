/// A way to write any byte in text: a backslash, a marker, and a fixed number of digits.
///
/// Example: `ByteEscape.hexadecimal.decode(#"web\x2d1"#) { _ in true }` holds the bytes of `web-1`.
public struct ByteEscape: Sendable {
    /// `\x` and two digits, as systemd writes names of units (systemd-escape(1)).
    public static let hexadecimal = ByteEscape(
        marker: "x", digits: "0123456789abcdef" + "0123456789ABCDEF", radix: 16, count: 2)
    /// `\x` and two digits, of which letters are upper case.
    public static let upperHexadecimal = ByteEscape(
        marker: "x", digits: "0123456789ABCDEF", radix: 16, count: 2)
    /// `\` and three digits, as the kernel writes paths in `/proc/self/mountinfo`.
    public static let octal = ByteEscape(marker: "", digits: "01234567", radix: 8, count: 3)

    private let marker: [UInt8]
    private let digits: [UInt8]
    private let radix: Int
    private let count: Int

    private init(marker: String, digits: String, radix: Int, count: Int) {
        (self.marker, self.digits) = (Array(marker.utf8), Array(digits.utf8))
        (self.radix, self.count) = (radix, count)
    }

    /// Decodes the escapes in a text; everything else stays as it is.
    ///
    /// - Parameter isDecoded: whether the escape of this byte is decoded.
    public func decode(_ text: some StringProtocol, _ isDecoded: (UInt8) -> Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let value = value(rest), isDecoded(value) {
                bytes.append(value)
                rest.removeFirst(marker.count + count)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    /// The byte that is written here; `nil` if no escape begins here.
    private func value(_ rest: ArraySlice<UInt8>) -> UInt8? {
        let code = rest.dropFirst(marker.count).prefix(count)
        guard rest.starts(with: marker), code.count == count else { return nil }
        var value = 0
        for digit in code {
            guard let number = digits.firstIndex(of: digit) else { return nil }
            // The second half of the digits is another way to write those of the first.
            value = value * radix + number % radix
        }
        return UInt8(exactly: value)
    }
}
