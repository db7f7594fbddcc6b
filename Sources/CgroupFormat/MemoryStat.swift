/// The parts of the kernel file `memory.stat` that are billed or shown, in bytes.
///
/// A key that the kernel does not print stays `nil`: `kernel`, for one, came with Linux 5.18.
public struct MemoryStat: Hashable, Sendable {
    public var anon: Int64?
    public var file: Int64?
    public var kernel: Int64?
    public var sock: Int64?
    public var shmem: Int64?
    public var inactiveFile: Int64?

    public init() {}

    /// Whether a key that is billed was not there.
    public var lacksKeys: Bool {
        anon == nil || kernel == nil || sock == nil || shmem == nil || inactiveFile == nil
    }

    /// The keys that are billed and were not there.
    public var missingKeys: [String] {
        let parts = [
            ("anon", anon), ("kernel", kernel), ("sock", sock), ("shmem", shmem),
            ("inactive_file", inactiveFile),
        ]
        return parts.filter { $0.1 == nil }.map(\.0)
    }

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        var stat = MemoryStat()
        try readFlatKeyed(text) { key, value in
            if matches(text, key, "anon") {
                stat.anon = value
            } else if matches(text, key, "file") {
                stat.file = value
            } else if matches(text, key, "kernel") {
                stat.kernel = value
            } else if matches(text, key, "sock") {
                stat.sock = value
            } else if matches(text, key, "shmem") {
                stat.shmem = value
            } else if matches(text, key, "inactive_file") {
                stat.inactiveFile = value
            }
        }
        self = stat
    }
}
