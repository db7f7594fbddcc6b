/// A block device by the numbers the kernel prints, `8:0`.
public struct DeviceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let major: Int64
    public let minor: Int64

    public init(major: Int64, minor: Int64) { (self.major, self.minor) = (major, minor) }

    /// Reads `8:0`; `nil` if the text is no such pair.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span, 0..<bytes.count)
    }

    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        guard let colon = firstIndex(of: UInt8(ascii: ":"), in: text, range),
            let major = number(text, range.lowerBound..<colon),
            let minor = number(text, colon + 1..<range.upperBound)
        else { return nil }
        self.init(major: major, minor: minor)
    }

    public var description: String { "\(major):\(minor)" }

    public static func < (a: DeviceNumber, b: DeviceNumber) -> Bool {
        (a.major, a.minor) < (b.major, b.minor)
    }
}

/// The counters of one device; `nil` where the kernel printed none.
public struct IOCounters: Hashable, Sendable {
    public var readBytes: Int64?
    public var writeBytes: Int64?
    public var readOps: Int64?
    public var writeOps: Int64?

    public init() {}

    public init(readBytes: Int64?, writeBytes: Int64?, readOps: Int64?, writeOps: Int64?) {
        (self.readBytes, self.writeBytes) = (readBytes, writeBytes)
        (self.readOps, self.writeOps) = (readOps, writeOps)
    }
}

/// The kernel file `io.stat` (cgroup-v2.rst, "IO Interface Files").
///
/// A line may be bare (`7:7`), end after its device, or begin with `(unknown)`; a device that
/// went away has no line. An empty file is right: no device was used yet.
public struct IOStat: Hashable, Sendable {
    public var devices: [DeviceNumber: IOCounters]
    /// Lines whose device the kernel could not name.
    public var unknownDevices: Int

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        devices = [:]
        unknownDevices = 0
        var cursor = LineCursor()
        while let line = try cursor.next(in: text) {
            let end = firstIndex(of: UInt8(ascii: " "), in: text, line) ?? line.upperBound
            if matches(text, line.lowerBound..<end, "(unknown)") {
                unknownDevices += 1
                continue
            }
            guard let device = DeviceNumber(text, line.lowerBound..<end),
                let counters = IOCounters(text, end..<line.upperBound)
            else {
                throw FormatError(
                    line: cursor.line, found: quoted(text, line),
                    expected: "\"major:minor key=unsigned-integer ...\"")
            }
            devices[device] = counters
        }
    }
}

extension IOCounters {
    /// Parses ` rbytes=1 wbytes=2 …`; unknown keys may hold any value.
    fileprivate init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        var position = range.lowerBound
        while position < range.upperBound {
            if text[position] == UInt8(ascii: " ") {
                position += 1
                continue
            }
            let rest = position..<range.upperBound
            let end = firstIndex(of: UInt8(ascii: " "), in: text, rest) ?? range.upperBound
            guard let equals = firstIndex(of: UInt8(ascii: "="), in: text, position..<end) else {
                return nil
            }
            guard take(text, position..<equals, number(text, equals + 1..<end)) else { return nil }
            position = end
        }
    }

    /// Takes one pair; false if a known key has no number.
    private mutating func take(_ text: Span<UInt8>, _ key: Range<Int>, _ value: Int64?) -> Bool {
        if matches(text, key, "rbytes") {
            readBytes = value
        } else if matches(text, key, "wbytes") {
            writeBytes = value
        } else if matches(text, key, "rios") {
            readOps = value
        } else if matches(text, key, "wios") {
            writeOps = value
        } else {
            return true
        }
        return value != nil
    }
}
