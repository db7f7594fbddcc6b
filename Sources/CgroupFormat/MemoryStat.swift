/// The parts of the kernel file `memory.stat` that are billed or shown, in bytes.
///
/// Source: Documentation/admin-guide/cgroup-v2.rst, "memory.stat". A key without a line is `nil`.
public struct MemoryStat: Hashable, Sendable {
    /// Anonymous memory in use: heap, stack and private mappings.
    public var anon: Int64?
    /// Page cache, which includes `shmem`.
    ///
    /// Only shown.
    public var file: Int64?
    /// All memory that the kernel uses for the cgroup itself, as it reports it since Linux 5.18.
    ///
    /// On older kernels it is the sum of its parts; see `isKernelSummed`.
    public var kernel: Int64?
    /// Buffers of network transmissions.
    public var sock: Int64?
    /// Shared memory and tmpfs: it is in the page cache, but swap is its only backing.
    public var shmem: Int64?
    /// Page cache that was not used lately, which the kernel frees first.
    public var inactiveFile: Int64?
    /// Whether `kernel` is the sum of the parts that an older kernel prints.
    ///
    /// It is then slightly too low: such a kernel counts some of its pages under no key.
    public var isKernelSummed = false
    /// Keys whose lines could not be read.
    public var odd = OddLines()
    /// Keys that are billed from and have no line.
    public var missingKeys: [String] = []

    public init() {}

    /// Memory that the kernel cannot free without swap: `anon` + `shmem` + `kernel` + `sock`.
    ///
    /// `nil` if one of them was not measured, or if the sum exceeds 64 bits.
    public var unreclaimable: Int64? {
        guard let anon, let shmem, let kernel, let sock else { return nil }
        return Int64(exactly: Int128(anon) + Int128(shmem) + Int128(kernel) + Int128(sock))
    }

    /// Whether no memory formula uses the key.
    public static func isOnlyShown(_ key: String) -> Bool { key == "file" }

    /// The keys that are read: five single values, then `kernel`, then the parts of `kernel`.
    private static let keys: [StaticString] = [
        "anon", "file", "sock", "shmem", "inactive_file", "kernel", "kernel_stack", "pagetables",
        "sec_pagetables", "percpu", "vmalloc", "slab", "slab_reclaimable", "slab_unreclaimable",
    ]
    /// The index of `kernel` in `keys`.
    ///
    /// Its parts follow it.
    private static let total = 5

    /// Parses the file.
    ///
    /// - Throws: `FormatError` if the file is empty.
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
            // The parts do not matter if the kernel prints the sum itself.
            let parts = (isSummed ? Self.parts(file) : []).map { "\(Self.keys[$0])" }
            let others = Self.keys[...Self.total].map { "\($0)" }
            odd = file.odd.only { parts.contains($0) || others.contains($0) }
            hasOddPart = odd.lines.contains { parts.contains($0.subject) }
        }
        if isSummed, kernel == nil, !hasOddPart { missingKeys.append("kernel") }
    }

    /// The indices of the keys that make up `kernel` before Linux 5.18.
    ///
    /// They are kernel_stack, pagetables (since 5.11), sec_pagetables (page tables of virtual
    /// machines, since 6.1), percpu (since 5.9), vmalloc, and slab.
    private static func parts(_ file: FlatKeyed) -> [Int] {
        let (first, slab) = (total + 1, keys.count - 3)
        // slab is the sum of the two keys after it, so either it or those two are added.
        return Array(first..<slab) + (file.hasLine(slab) ? [slab] : [slab + 1, slab + 2])
    }

    /// The sum of the parts that the kernel prints.
    ///
    /// - Returns: `nil` if stacks or slab have no line, which every kernel with cgroup2 prints
    ///   since 4.6; if a part could not be read; or if the text was cut off, so that parts may be
    ///   missing.
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
