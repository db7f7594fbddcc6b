/// The parts of the kernel file `memory.stat` that are billed or shown, in bytes.
///
/// A key that the kernel does not print stays `nil`.
public struct MemoryStat: Hashable, Sendable {
    public var anon: Int64?
    public var file: Int64?
    /// All memory of the kernel's own, as it counts it since Linux 5.18; before, the sum of its
    /// parts: see `isKernelSummed`.
    public var kernel: Int64?
    public var sock: Int64?
    public var shmem: Int64?
    public var inactiveFile: Int64?
    /// Whether `kernel` was added up from the parts that an older kernel prints.
    ///
    /// It is then a little less than all: the kernel counted some of its pages under no key.
    public var isKernelSummed = false
    /// Keys whose lines could not be taken.
    public var odd = OddLines()
    /// Keys that are billed from and have no line.
    public var missingKeys: [String] = []

    public init() {}

    /// What the kernel cannot take back: anon, shmem, kernel and sock.
    ///
    /// `nil` if a part of it was not measured, or the sum passes 64 bits.
    public var unreclaimable: Int64? {
        guard let anon, let shmem, let kernel, let sock else { return nil }
        return Int64(exactly: Int128(anon) + Int128(shmem) + Int128(kernel) + Int128(sock))
    }

    /// Whether no formula needs a key, so that it is shown only.
    public static func isOnlyShown(_ key: String) -> Bool { key == "file" }

    private static let keys: [StaticString] = [
        "anon", "file", "sock", "shmem", "inactive_file", "kernel", "kernel_stack", "pagetables",
        "sec_pagetables", "percpu", "vmalloc", "slab", "slab_reclaimable", "slab_unreclaimable",
    ]
    /// Where `kernel` and its parts stand in `keys`.
    private static let total = 5

    public init(parsing text: Span<UInt8>) throws(FormatError) {
        let file = try FlatKeyed(text, Self.keys)
        anon = file.values[0]
        self.file = file.values[1]
        sock = file.values[2]
        shmem = file.values[3]
        inactiveFile = file.values[4]
        let isSummed = !file.hasLine(Self.total)
        kernel = isSummed ? Self.sum(file) : file.values[Self.total]
        isKernelSummed = isSummed && kernel != nil
        for index in 0..<Self.total where !file.hasLine(index) {
            let key = "\(Self.keys[index])"
            if !Self.isOnlyShown(key) { missingKeys.append(key) }
        }
        var hasOddPart = false
        if !file.odd.isEmpty {
            // With the kernel's own sum nobody needs its parts: they may say what they like.
            let parts = (isSummed ? Self.parts(file) : []).map { "\(Self.keys[$0])" }
            let others = Self.keys[...Self.total].map { "\($0)" }
            odd = file.odd.only { parts.contains($0) || others.contains($0) }
            hasOddPart = odd.lines.contains { parts.contains($0.subject) }
        }
        if isSummed, kernel == nil, !hasOddPart { missingKeys.append("kernel") }
    }

    /// Which keys make up the kernel's memory of its own before Linux 5.18: stacks, page tables
    /// (5.11), those of virtual machines (6.1), per-CPU data (5.9), vmalloc and slab.
    private static func parts(_ file: FlatKeyed) -> [Int] {
        let (first, slab) = (total + 1, keys.count - 3)
        // slab is the sum of the two behind it: it counts once, in one way or the other.
        return Array(first..<slab) + (file.hasLine(slab) ? [slab] : [slab + 1, slab + 2])
    }

    /// The sum of the parts that the kernel prints.
    ///
    /// - Returns: `nil` without stacks and slab, which every kernel of cgroup2 prints from 4.6 on, if
    ///   a part is odd, or if the text was cut off, so that parts may lack.
    private static func sum(_ file: FlatKeyed) -> Int64? {
        guard !file.isTorn else { return nil }
        let (stack, slab) = (total + 1, keys.count - 3)
        var sum: Int128 = 0
        for index in parts(file) {
            if let value = file.values[index] {
                sum += Int128(value)
            } else if file.hasLine(index) || index == stack || index >= slab {
                return nil
            }
        }
        return Int64(exactly: sum)
    }
}
