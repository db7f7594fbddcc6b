/// The limits that the kernel file `io.max` sets for one device.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "io.max". A line is a device and its limits per
/// second, such as `8:16 rbps=2097152 wbps=max riops=max wiops=120`.
public struct IOMax: Hashable, Sendable, CustomStringConvertible {
    /// The four limits of a device by the kernel's key, in the order of the file.
    public enum Field: String, Sendable, CaseIterable {
        /// Bytes read per second.
        case readBytes = "rbps"
        /// Bytes written per second.
        case writeBytes = "wbps"
        /// Read operations per second.
        case readOps = "riops"
        /// Write operations per second.
        case writeOps = "wiops"
    }

    /// The limits that are set; a field without an entry is unlimited.
    private var limits: [Field: Int64] = [:]

    /// No limit on any field.
    public init() {}

    /// The limit of one field.
    public subscript(field: Field) -> Limit {
        get { limits[field].map(Limit.at) ?? .max }
        set {
            switch newValue {
            case .max: limits[field] = nil
            case .at(let value): limits[field] = value
            }
        }
    }

    /// Parses the fields of one line, such as `rbps=max wbps=1048576`.
    ///
    /// Fields that are not named are unlimited; unknown keys are ignored.
    ///
    /// - Returns: `nil` if a word is not `key=value`, or if a field has no valid limit or two of
    ///   them.
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

    /// All four fields as the kernel writes them, without the device.
    public var description: String {
        Field.allCases.map { "\($0.rawValue)=\(self[$0])" }.joined(separator: " ")
    }

    /// The limits of one device according to the whole file; none if the device has no line.
    ///
    /// - Returns: `nil` if the device's line cannot be read, or if it has two. The limits are then
    ///   unknown, which is not the same as unlimited.
    public static func limits(of device: DeviceNumber, in text: String) -> IOMax? {
        var found: IOMax?
        for (number, fields) in lines(of: text) where number == device {
            guard found == nil, let limits = IOMax(fields: fields) else { return nil }
            found = limits
        }
        return found ?? IOMax()
    }

    /// The devices that have a line in the file.
    ///
    /// Lines that do not start with a device number are ignored.
    public static func devices(in text: String) -> Set<DeviceNumber> {
        Set(lines(of: text).map(\.device))
    }

    /// The lines of the file as a device and the text after it.
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
