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

    /// Parses `rbps=max wbps=1048576`; what is not named is not limited, other keys are left.
    ///
    /// - Returns: `nil` if a field has no limit behind it, or two.
    public init?(fields text: some StringProtocol) {
        var named: Set<Field> = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { return nil }
            guard let field = Field(rawValue: String(pair[0])) else { continue }
            guard let limit = Limit(pair[1]), named.insert(field).inserted else { return nil }
            self[field] = limit
        }
    }

    public var description: String {
        Field.allCases.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " ")
    }

    /// What the whole file says of a device, which has no limit if it has no line.
    ///
    /// - Returns: `nil` if its line is odd, or there are two: that is not known, and not no limit.
    public static func limits(of device: DeviceNumber, in text: String) -> IOMax? {
        var found: IOMax?
        for (number, fields) in lines(of: text) where number == device {
            guard found == nil, let limits = IOMax(fields: fields) else { return nil }
            found = limits
        }
        return found ?? IOMax()
    }

    /// The devices that have a line in the file; lines without a device number are passed over.
    public static func devices(in text: String) -> Set<DeviceNumber> {
        Set(lines(of: text).map(\.device))
    }

    private static func lines(of text: String) -> [(device: DeviceNumber, fields: Substring)] {
        text.split(separator: "\n").compactMap {
            line -> (device: DeviceNumber, fields: Substring)? in
            let parts = line.split(separator: " ", maxSplits: 1)
            guard let first = parts.first, let device = DeviceNumber(String(first)) else {
                return nil
            }
            return (device, parts.count > 1 ? parts[1] : "")
        }
    }
}
