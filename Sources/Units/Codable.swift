// Stored documents hold these as the text people write, so that they stay exact and readable.

extension Instant: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value(Instant.init(rfc3339:), "an RFC 3339 time")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}

extension Currency: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ Currency($0) }, "a currency code")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(code) }
}

extension UnitQuantity: Codable {
    public init(from decoder: any Decoder) throws {
        self = try decoder.value({ UnitQuantity($0) }, "a quantity with its unit")
    }

    public func encode(to encoder: any Encoder) throws { try encoder.text(description) }
}

extension Decoder {
    /// Reads one text and turns it into a value, or says what it is not.
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
    /// Writes one text as the whole value.
    public func text(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
