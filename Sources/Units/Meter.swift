/// What is measured for billing: `cpu`, `memory`, `io_write_bytes` or one of the user's own.
public struct Meter: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `[a-z][a-z0-9_]*`, at most 63 characters.
    public let name: String

    /// `nil` unless the name has the shape of a meter's.
    public init?(_ name: some StringProtocol) {
        guard isIdentifier(name, also: "_") else { return nil }
        self.name = String(name)
    }

    private init(known name: String) { self.name = name }

    public static let cpu = Meter(known: "cpu")
    public static let memory = Meter(known: "memory")
    public static let ioReadBytes = Meter(known: "io_read_bytes")
    public static let ioWriteBytes = Meter(known: "io_write_bytes")
    public static let ioReadOps = Meter(known: "io_read_ops")
    public static let ioWriteOps = Meter(known: "io_write_ops")
    public static let netRxBytes = Meter(known: "net_rx_bytes")
    public static let netTxBytes = Meter(known: "net_tx_bytes")
    public static let cpuReserved = Meter(known: "cpu_reserved")
    public static let memoryReserved = Meter(known: "memory_reserved")

    /// The meters that Octroi itself fills; any other name is a custom meter.
    public static let known: [Meter] = [
        .cpu, .memory, .ioReadBytes, .ioWriteBytes, .ioReadOps, .ioWriteOps, .netRxBytes,
        .netTxBytes, .cpuReserved, .memoryReserved,
    ]

    /// The dimension of a known meter; `nil` for a custom one, whose price names it.
    public var dimension: Dimension? {
        switch self {
        case .cpu, .cpuReserved: .cpuTime
        case .memory, .memoryReserved: .byteTime
        case .ioReadBytes, .ioWriteBytes, .netRxBytes, .netTxBytes: .bytes
        case .ioReadOps, .ioWriteOps: .operations
        default: nil
        }
    }

    /// Whether it counts what limits grant, not what is used.
    public var isReservation: Bool { self == .cpuReserved || self == .memoryReserved }

    public var description: String { name }

    public static func < (a: Meter, b: Meter) -> Bool { a.name < b.name }
}

/// Whether a text starts with a lower-case letter and goes on with those, digits and `also`.
///
/// This is the shape of tenant ids (`also: "-"`) and of meter names (`also: "_"`).
public func isIdentifier(_ text: some StringProtocol, also: Character) -> Bool {
    func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 63 else { return false }
    return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == also.asciiValue }
}
