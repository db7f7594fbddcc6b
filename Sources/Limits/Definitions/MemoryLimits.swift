import CgroupFormat
import Units

extension LimitDefinition {
    /// What all memory limits take, in words.
    private static let bytesExpected = "bytes, such as 512M or 1G (powers of 1024), or max"

    /// What memory limits have in common.
    private static func memory(
        _ file: String, initial: Limit = .max, effect: Effect = .caps, remark: String? = nil,
        hits: HitCounter?, systemd: SystemdField, engine: EngineField? = nil
    ) -> LimitDefinition {
        LimitDefinition(
            file: file, word: file, unit: "byte", initial: .number(initial), effect: effect,
            parse: LimitValue.number(kernel:), read: { bytes($0).map(LimitValue.number) },
            expected: bytesExpected, remark: remark, hits: hits, systemd: systemd, engine: engine)
    }

    /// A counter of events in a file.
    private static func events(_ file: String, _ key: StaticString) -> HitCounter {
        .events(file: file, key: key) { "hit \($0) times" }
    }

    /// Above it, the kernel reclaims memory and slows what allocates.
    ///
    /// Kernel: Documentation/admin-guide/cgroup-v2.rst, "memory.high". systemd: `MemoryHigh=`.
    static let memoryHigh = memory(
        "memory.high", hits: events("memory.events", "high"),
        systemd: .bytes("MemoryHigh", refusesZero: true))

    /// Above it, the kernel kills a process.
    ///
    /// Kernel: cgroup-v2.rst, "memory.max". systemd: `MemoryMax=`.
    static let memoryMax = memory(
        "memory.max", hits: events("memory.events", "max"),
        systemd: .bytes("MemoryMax", refusesZero: true), engine: .memory)

    /// The most that is swapped out.
    ///
    /// Kernel: cgroup-v2.rst, "memory.swap.max". systemd: `MemorySwapMax=`.
    static let memorySwapMax = memory(
        "memory.swap.max", hits: events("memory.swap.events", "max"),
        systemd: .bytes("MemorySwapMax", refusesZero: false))

    /// Memory that is reclaimed only when no unprotected memory is left.
    ///
    /// Kernel: cgroup-v2.rst, "memory.low". Docker calls it `MemoryReservation`.
    static let memoryLow = memory(
        "memory.low", initial: .at(0), effect: .protects,
        remark: "the kernel reclaims it only when no unprotected memory is left",
        hits: .events(file: "memory.events", key: "low") { "reclaimed all the same \($0) times" },
        systemd: .bytes("MemoryLow", refusesZero: false),
        engine: .bytes(docker: "MemoryReservation", oci: ["memory", "reservation"]))

    /// Memory that is never reclaimed.
    ///
    /// Kernel: cgroup-v2.rst, "memory.min".
    static let memoryMin = memory(
        "memory.min", initial: .at(0), effect: .protects,
        remark: "the kernel never reclaims it: without other memory, it kills somewhere", hits: nil,
        systemd: .bytes("MemoryMin", refusesZero: false))
}

/// Reads bytes, with K, M, G or T for powers of 1024: `1.5G`; `nil` for any other text.
///
/// A fraction of a byte is dropped.
func bytes(_ text: String) -> Limit? {
    if text == "max" { return .max }
    let powers: [Character: Int] = [
        "K": 10, "k": 10, "M": 20, "m": 20, "G": 30, "g": 30, "T": 40, "t": 40,
    ]
    let suffix = text.last.flatMap { powers[$0] }
    let digits = suffix == nil ? text[...] : text.dropLast()
    guard let number = Rational(decimal: digits), number >= .zero else { return nil }
    let scaled = number * Rational(Int64(1) << Int64(suffix ?? 0))
    return Int64(scaled.floor.description).map(Limit.at)
}
