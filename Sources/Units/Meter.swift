/// What is measured for billing: `cpu`, `memory`, `io_write_bytes`, or a custom meter.
///
/// Octroi fills the meters below (`HostMeter` in Metering describes them). Any other name is a custom
/// meter, whose usage is imported.
public struct Meter: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name: `[a-z][a-z0-9_]*`, at most 63 characters.
    public let name: String

    /// `nil` unless the name has the form of a meter's name.
    public init?(_ name: some StringProtocol) {
        guard isIdentifier(name, also: "_") else { return nil }
        self.name = String(name)
    }

    /// For the constants below, whose names have the right form.
    private init(known name: String) { self.name = name }

    /// CPU time used, from `cpu.stat`.
    public static let cpu = Meter(known: "cpu")
    /// Memory used over time, by the price book's memory formula.
    public static let memory = Meter(known: "memory")
    /// Bytes read from physical devices, from `io.stat`.
    public static let ioReadBytes = Meter(known: "io_read_bytes")
    /// Bytes written to physical devices, from `io.stat`.
    public static let ioWriteBytes = Meter(known: "io_write_bytes")
    /// Read operations on physical devices, from `io.stat`.
    public static let ioReadOps = Meter(known: "io_read_ops")
    /// Write operations on physical devices, from `io.stat`.
    public static let ioWriteOps = Meter(known: "io_write_ops")
    /// Bytes received in the container's own network namespace, from `net/dev`.
    public static let netRxBytes = Meter(known: "net_rx_bytes")
    /// Bytes sent in the container's own network namespace, from `net/dev`.
    public static let netTxBytes = Meter(known: "net_tx_bytes")
    /// CPU time granted by `cpu.max`, used or not.
    public static let cpuReserved = Meter(known: "cpu_reserved")
    /// Memory granted by `memory.max` over time, used or not.
    public static let memoryReserved = Meter(known: "memory_reserved")

    /// Space that a folder holds over time.
    public static let storage = Meter(known: "storage")

    public var description: String { name }

    /// Alphabetical, by name.
    public static func < (a: Meter, b: Meter) -> Bool { a.name < b.name }
}

/// Whether a text is a lower-case letter followed by lower-case letters, digits and `also`.
///
/// At most 63 bytes. Tenant ids (`also: "-"`) and meter names (`also: "_"`) have this form.
public func isIdentifier(_ text: some StringProtocol, also: Character) -> Bool {
    /// Whether the byte is one of a-z.
    func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 63 else { return false }
    return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == also.asciiValue }
}
