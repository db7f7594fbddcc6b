/// What the kernel file `io.max` says of one device: bytes and operations a second.
public struct IOMax: Hashable, Sendable, CustomStringConvertible {
    /// The words of the file, in its order.
    public enum Field: String, Sendable, CaseIterable {
        case readBytes = "rbps"
        case writeBytes = "wbps"
        case readOps = "riops"
        case writeOps = "wiops"
    }

    private var limits: [Field: Int64] = [:]

    /// No limit at all.
    public init() {}

    public subscript(field: Field) -> Limit {
        get { limits[field].map(Limit.at) ?? .max }
        set {
            switch newValue {
            case .max: limits[field] = nil
            case .at(let value): limits[field] = value
            }
        }
    }

    /// Parses `rbps=max wbps=1048576`; what is not named is not limited.
    public init?(fields text: some StringProtocol) {
        for word in text.split(whereSeparator: \.isWhitespace) {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let field = Field(rawValue: String(pair[0])),
                let limit = Limit(pair[1])
            else { return nil }
            self[field] = limit
        }
    }

    public var description: String {
        Field.allCases.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " ")
    }

    /// The lines of the whole file, by device; lines without a device number are passed over.
    public static func devices(in text: String) -> [DeviceNumber: IOMax] {
        var result: [DeviceNumber: IOMax] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard let device = DeviceNumber(String(parts[0])) else { continue }
            result[device] = parts.count > 1 ? IOMax(fields: parts[1]) : IOMax()
        }
        return result
    }
}
