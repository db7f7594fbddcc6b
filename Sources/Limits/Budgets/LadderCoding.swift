import Units

/// A step is stored with the words of `budgets.yaml`, and with exact numbers as text.
///
/// Example: `{"at": 80, "do": "cpu_cap", "cores": "2", "paced": true, "floor": "0.5"}`.
extension Ladder.Step: Codable {
    private enum CodingKeys: String, CodingKey {
        case at
        case action = "do"
        case afterMilliseconds
        case value
        case cores
        case paced
        case floor
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        let word = try box.decode(String.self, forKey: .action)
        let action: Ladder.Action =
            switch word {
            case "warn": .warn
            case "weight": .weight(try box.decode(Int64.self, forKey: .value))
            case "cpu_cap":
                .cpuCap(
                    cores: try box.decodeIfPresent(ExactNumber.self, forKey: .cores)?.value,
                    isPaced: try box.decode(Bool.self, forKey: .paced),
                    floor: try box.decode(ExactNumber.self, forKey: .floor).value)
            case "memory_high": .memoryHigh
            case "io_max": .ioMax(try box.decode(String.self, forKey: .value))
            case "no_forks": .noForks
            case "freeze": .freeze
            default:
                throw DecodingError.dataCorruptedError(
                    forKey: .action, in: box, debugDescription: "\"\(word)\" is no step's action")
            }
        self.init(
            at: try box.decode(Int64.self, forKey: .at), action,
            afterMilliseconds: try box.decodeIfPresent(Int64.self, forKey: .afterMilliseconds))
    }

    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(at, forKey: .at)
        try box.encode(action.word, forKey: .action)
        try box.encodeIfPresent(afterMilliseconds, forKey: .afterMilliseconds)
        switch action {
        case .weight(let weight): try box.encode(weight, forKey: .value)
        case .ioMax(let fields): try box.encode(fields, forKey: .value)
        case .cpuCap(let cores, let isPaced, let floor):
            try box.encodeIfPresent(cores.map(ExactNumber.init), forKey: .cores)
            try box.encode(isPaced, forKey: .paced)
            try box.encode(ExactNumber(value: floor), forKey: .floor)
        case .warn, .memoryHigh, .noForks, .freeze: break
        }
    }
}

/// A state is stored with all that the next comparison needs; exact numbers are text.
extension LadderState: Codable {
    private enum CodingKeys: String, CodingKey {
        case rung
        case since
        case periodStart
        case amount
        case pastSince
        case belowCount
        case cap
        case capSince
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        rung = try box.decode(Int.self, forKey: .rung)
        since = try box.decodeIfPresent(Instant.self, forKey: .since)
        periodStart = try box.decode(Instant.self, forKey: .periodStart)
        amount = try box.decode(ExactNumber.self, forKey: .amount).value
        pastSince = try box.decode([Instant?].self, forKey: .pastSince)
        belowCount = try box.decode(Int.self, forKey: .belowCount)
        cap = try box.decodeIfPresent(ExactNumber.self, forKey: .cap)?.value
        capSince = try box.decodeIfPresent(Instant.self, forKey: .capSince)
    }

    public func encode(to encoder: any Encoder) throws {
        var box = encoder.container(keyedBy: CodingKeys.self)
        try box.encode(rung, forKey: .rung)
        try box.encodeIfPresent(since, forKey: .since)
        try box.encode(periodStart, forKey: .periodStart)
        try box.encode(ExactNumber(value: amount), forKey: .amount)
        try box.encode(pastSince, forKey: .pastSince)
        try box.encode(belowCount, forKey: .belowCount)
        try box.encodeIfPresent(cap.map(ExactNumber.init), forKey: .cap)
        try box.encodeIfPresent(capSince, forKey: .capSince)
    }
}

/// A number as the text of its `description`: a decimal `0.5`, or a fraction `1/3`.
private struct ExactNumber: Codable {
    let value: Rational

    init(value: Rational) { self.value = value }

    init(from decoder: any Decoder) throws {
        value = try decoder.value(Self.read, "an exact number")
    }

    func encode(to encoder: any Encoder) throws { try encoder.text(value.description) }

    /// Reads a decimal or a fraction; `nil` for any other text, and for a denominator of 0.
    private static func read(_ text: String) -> Rational? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Rational(decimal: $0) }
        guard let first = numbers.first, let last = numbers.last, numbers.count == parts.count
        else { return nil }
        guard numbers.count == 2 else { return first }
        return last > .zero ? first / last : nil
    }
}
