/// The keys of a JSON object without nested objects or arrays; `nil` if the text is anything else.
func flatObjectKeys(_ text: String) -> [String]? {
    var rest = FlatJSON(rest: Array(text.utf8)[...])
    guard rest.skip("{") else { return nil }
    var keys: [String] = []
    if rest.skip("}") { return rest.isAtEnd ? keys : nil }
    repeat {
        guard let key = rest.string(), rest.skip(":"), rest.scalar() else { return nil }
        keys.append(key)
    } while rest.skip(",")
    return rest.skip("}") && rest.isAtEnd ? keys : nil
}

private struct FlatJSON {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool { rest.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) } }

    mutating func skip(_ token: String) -> Bool {
        let body = rest.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard body.starts(with: token.utf8) else { return false }
        rest = body.dropFirst(token.utf8.count)
        return true
    }

    /// Reads a string, with its escapes as they are written.
    mutating func string() -> String? {
        guard skip("\"") else { return nil }
        var text: [UInt8] = []
        while let byte = rest.popFirst(), byte >= 0x20 {
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            text.append(byte)
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escaped = rest.popFirst() else { return nil }
            text.append(escaped)
            guard escaped == UInt8(ascii: "u") else {
                if !"\"\\/bfnrt".utf8.contains(escaped) { return nil }
                continue
            }
            let hex = rest.prefix(4)
            guard hex.count == 4, hex.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
            else { return nil }
            text += hex
            rest = rest.dropFirst(4)
        }
        return nil
    }

    /// Reads a string, a number, true, false or null.
    mutating func scalar() -> Bool {
        if string() != nil { return true }
        if skip("true") || skip("false") || skip("null") { return true }
        let body = rest.drop { $0 == 0x20 }
        let number = body.prefix { "+-.0123456789eE".utf8.contains($0) }
        rest = body.dropFirst(number.count)
        return String(decoding: number, as: UTF8.self)
            .wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
    }
}
