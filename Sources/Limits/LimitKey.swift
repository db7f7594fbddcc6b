import CgroupFormat
import Units

/// A limit that can be set, by its kernel file.
public enum LimitKey: String, Sendable, CaseIterable {
    case cpuMax = "cpu.max"
    case cpuWeight = "cpu.weight"
    case memoryHigh = "memory.high"
    case memoryMax = "memory.max"
    case pidsMax = "pids.max"

    /// Reads the word of the command line: the file's name, or `cpu` for `cpu.max`.
    public init?(word: String) {
        self.init(rawValue: word == "cpu" ? "cpu.max" : word)
    }

    /// The kernel file.
    public var file: String { rawValue }

    /// The controller that has to be on.
    public var controller: String { String(rawValue.prefix { $0 != "." }) }
}

/// A limit and the value it shall have.
public struct LimitSetting: Hashable, Sendable {
    public let key: LimitKey
    /// As it is written to the kernel file.
    public let value: String

    /// Reads one word of the command line, `cpu=1.5` or `memory.max=512M`.
    ///
    /// - Throws: `wrongUse` for an unknown limit or a value out of its range.
    public init(parsing word: String) throws(Fault) {
        let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2, let key = LimitKey(word: String(pair[0])) else {
            throw Fault(
                .wrongUse, at: "limit \"\(word)\"", found: "no limit of that name",
                cure: "Write one of cpu, "
                    + LimitKey.allCases.map(\.rawValue).joined(separator: ", ")
                    + " as NAME=VALUE")
        }
        let value = String(pair[1])
        let kernel: (text: String?, expected: String) =
            switch key {
            case .cpuMax:
                (
                    cpuMax(value)?.description,
                    "cores (1.5), percent of a core (50%) or max, from 0.001 cores up"
                )
            case .memoryHigh, .memoryMax:
                (bytes(value)?.description, "bytes, such as 512M or 1G (powers of 1024), or max")
            case .pidsMax:
                (
                    Limit(value).flatMap { $0.isAtMost(4_194_304) ? $0.description : nil },
                    "a number up to 4194304, or max"
                )
            case .cpuWeight:
                (
                    Int64(value).flatMap { (1...10_000).contains($0) ? String($0) : nil },
                    "a number from 1 to 10000"
                )
            }
        guard let text = kernel.text else {
            throw Fault(
                .wrongUse, at: "limit \"\(word)\"", found: "\(key) does not take \"\(value)\"",
                cure: "Write \(kernel.expected)")
        }
        self.key = key
        self.value = text
    }
}

extension LimitKey: CustomStringConvertible {
    public var description: String { rawValue }
}

extension Limit {
    fileprivate func isAtMost(_ bound: Int64) -> Bool {
        switch self {
        case .max: true
        case .at(let value): value <= bound
        }
    }
}

/// Cores or percent as `cpu.max`.
///
/// The period is 100 ms; below 0.01 cores it is 1 s, as the kernel takes no quota under 1 ms.
private func cpuMax(_ text: String) -> CPUMax? {
    if text == "max" { return CPUMax(quota: .max) }
    let isPercent = text.hasSuffix("%")
    guard let number = Rational(decimal: isPercent ? String(text.dropLast()) : text) else {
        return nil
    }
    let cores = isPercent ? number / Rational(100) : number
    for period in [100_000, 1_000_000] as [Int64] {
        guard let quota = Int64((cores * Rational(period)).floor.description) else { return nil }
        if quota >= 1000 { return CPUMax(quota: .at(quota), period: period) }
    }
    return nil
}

/// Bytes, with K, M, G or T for powers of 1024.
private func bytes(_ text: String) -> Limit? {
    if text == "max" { return .max }
    let powers: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let suffix = text.last.flatMap { powers[Character($0.uppercased())] }
    let digits = suffix == nil ? text[...] : text.dropLast()
    guard let number = Rational(decimal: digits), number >= .zero else { return nil }
    let scaled = number * Rational(Int64(1) << Int64(suffix ?? 0))
    return Int64(scaled.floor.description).map(Limit.at)
}
