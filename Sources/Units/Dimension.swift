/// The kind of quantity that a meter counts.
///
/// Each kind has one base unit. All usage is a whole number of base units, so sums are exact.
public enum Dimension: Hashable, Sendable {
    /// CPU time; the base unit is one microsecond of one core.
    case cpuTime
    /// Memory used over time; the base unit is the byte-second.
    case byteTime
    /// Data transferred; the base unit is the byte.
    case bytes
    /// I/O operations; the base unit is one operation.
    case operations
    /// Something of the operator's own, such as `GPU`.
    ///
    /// It is counted (`GPU`), or used over time (`GPU-second`) if `overTime` is true.
    case custom(String, overTime: Bool)

    /// The base unit in ASCII, as exports print it: `us`, `byte-second`, `GPU`.
    public var baseUnit: String {
        switch self {
        case .cpuTime: "us"
        case .byteTime: "byte-second"
        case .bytes: "byte"
        case .operations: "operation"
        case .custom(let name, let overTime): overTime ? "\(name)-second" : name
        }
    }
}
