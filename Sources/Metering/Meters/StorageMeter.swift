import Units

/// The meter of space that a folder holds, in byte-seconds.
///
/// A folder that a tenant's rule `storage` names is an account of that tenant. Its space comes from
/// the file system's own project quota where it keeps one, otherwise from a walk through the folder.
enum StorageMeter {
    /// The bytes of the last measurement, integrated from tick to tick.
    static let folder = Gauge.bytesHeld(
        5, .meter(.storage), files: [StorageReading.file], \.storageBytes)

    /// The one meter.
    static let all = [HostMeter(folder, .byteTime, .fileStorage, columns: [])]
}

/// How much space a folder held when it was last measured.
public struct StorageReading: Hashable, Sendable {
    /// The name by which absences call the measurement.
    public static let file = "storage"
    /// What the paths of such accounts begin with; no cgroup's path does.
    public static let prefix = "storage:"

    /// How the space was measured.
    ///
    /// The raw value is stored.
    public enum Method: String, Sendable, CaseIterable {
        /// By the file system's own count for the folder's project id (`quotactl_fd`).
        case quota
        /// By adding up the blocks of every file below the folder.
        case walk
    }

    /// The folder, as the tenant's rule names it: `/srv/acme`.
    public var folder: String
    /// The bytes in use; `nil` if it could not be measured.
    public var bytes: Int64?
    /// Why it could not be measured; `nil` if it was.
    public var absence: Absence?
    /// How it was measured.
    public var method: Method
    /// When the measurement ended (`CLOCK_BOOTTIME`, µs).
    public var bootMicroseconds: Int64

    public init(
        _ folder: String, bytes: Int64?, absence: Absence? = nil, by method: Method,
        at bootMicroseconds: Int64
    ) {
        (self.folder, self.bytes, self.absence) = (folder, bytes, absence)
        (self.method, self.bootMicroseconds) = (method, bootMicroseconds)
    }

    /// The path of the folder's account.
    public var path: String { Self.prefix + folder }
}
