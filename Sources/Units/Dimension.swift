/// The kind of quantity a meter counts, with its base unit.
public enum Dimension: Hashable, Sendable {
    /// CPU time, in microseconds of one core.
    case cpuTime
    /// Memory held over time, in byte-seconds.
    case byteTime
    /// Bytes moved.
    case bytes
    /// Operations done.
    case operations
    /// A custom thing, such as `GPU`, counted (`GPU`) or held over time (`GPU-second`).
    case custom(String, overTime: Bool)

    /// The base unit in ASCII, as exports print it.
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
