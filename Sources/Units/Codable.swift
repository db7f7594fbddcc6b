// Stored documents contain these values as the text people write, not as numbers. That is exact,
// and readable without this program.

/// Stored as RFC 3339 text, `"2026-11-23T14:05:00Z"`.
extension Instant: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value(Instant.init(rfc3339:), "an RFC 3339 time")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}

/// Stored as the ISO 4217 code, `"EUR"`.
extension Currency: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ Currency($0) }, "a currency code")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(code) }
}

/// Stored as the text a price book contains, `"744 GiB-hour"`.
extension UnitQuantity: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ UnitQuantity($0) }, "a quantity with its unit")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}

extension Decoder {
    /// Decodes one string and converts it to a value.
    ///
    /// - Parameters:
    ///   - read: converts the string; it returns `nil` if the string is not acceptable.
    ///   - expected: what the string should have been, for the error: "an RFC 3339 time".
    /// - Throws: `DecodingError.dataCorrupted` with the string and what was expected.
    public func value<Value>(_ read: (String) -> Value?, _ expected: String) throws -> Value {
        let container = try singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = read(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is not \(expected)")
        }
        return value
    }
}

extension Encoder {
    /// Encodes one string as the whole value.
    public func text(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
