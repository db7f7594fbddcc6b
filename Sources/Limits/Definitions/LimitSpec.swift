import CgroupFormat
import Units

/// A limit as a word of the command line sets it: `cpu=1.5`, `io.max=/dev/vda:wbps=10M`.
public struct LimitSpec: Hashable, Sendable {
    /// What to set.
    public enum Goal: Hashable, Sendable {
        /// A limit of the whole cgroup.
        case value(LimitKey, LimitValue)
        /// Some fields of `io.max` for a device; its other fields stay as they are.
        case device(String, [IOMax.Field: Limit])
    }

    /// What to set.
    public let goal: Goal

    /// Reads a word such as `cpu=1.5`.
    ///
    /// - Throws: `wrongUse` for an unknown limit, or a value that it does not take.
    public init(parsing word: String) throws(Fault) {
        let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2 else { throw LimitName.unknown(word) }
        let value = String(pair[1])
        if pair[0] == "io.max" {
            goal = try device(value, word)
            return
        }
        guard let key = LimitName.key(String(pair[0])) else { throw LimitName.unknown(word) }
        if pair[0] == key.file, key == .cpuMax { try refuseKernelQuota(value, word) }
        guard let read = key.definition.read(value) else {
            throw Fault(
                .wrongUse, at: "limit \(quoted(word))",
                problem: "\(key) does not take \(quoted(value))",
                suggestion: "Write \(key.definition.expected)")
        }
        goal = .value(key, read)
    }

    /// Sets a limit to a value that is known to be valid.
    public init(_ key: LimitKey, _ value: LimitValue) { goal = .value(key, value) }

    /// Reads a word of `limit unset`: a limit's name, or `io.max=/dev/vda`.
    ///
    /// - Returns: the limit with the value of a new cgroup; `nil` for `io.max`, which means all
    ///   devices.
    /// - Throws: `wrongUse` for an unknown limit.
    public static func unsetting(_ word: String) throws(Fault) -> LimitSpec? {
        if word == "io.max" { return nil }
        if word.hasPrefix("io.max=") { return try LimitSpec(parsing: "\(word):max") }
        guard let key = LimitName.key(word) else { throw LimitName.unknown(word) }
        return LimitSpec(key, key.initial)
    }
}

/// The names of limits on the command line.
public enum LimitName {
    /// The names of limits that a contract may grant, in the order in which they are shown.
    ///
    /// That is all of them but the freezer.
    public static let granted =
        LimitKey.plain.filter { $0 != .freeze }.map(\.definition.word) + ["io.max"]

    /// All names.
    static let words = granted + [LimitDefinition.freeze.word]

    /// The limit with a name, which may be its file's name; `nil` if there is none.
    ///
    /// `io.max` is not found: it is a limit of a device.
    public static func key(_ word: String) -> LimitKey? {
        LimitKey.plain.first {
            $0.definition.word == word || ($0.file == word && $0 != .freeze)
        }
    }

    /// The error for a name that no limit has.
    static func unknown(_ word: String) -> Fault {
        Fault(
            .wrongUse, at: "limit \(quoted(word))", problem: "no limit of that name",
            suggestion: "Use one of \(words.joined(separator: ", ")), as in cpu=1.5")
    }
}

/// Refuses `cpu.max=50000`, which is probably meant as the kernel's quota in µs.
///
/// In the kernel's file of that name, 50000 is half a core; here, it would be 50,000 cores. Numbers
/// from 1000 on are refused, as the kernel takes no smaller quota.
private func refuseKernelQuota(_ text: String, _ word: String) throws(Fault) {
    let numbers = text.split(separator: " ").map { Int64($0) }
    guard (1...2).contains(numbers.count), let quota = numbers[0], quota >= 1000,
        let period = numbers.count == 2 ? numbers[1] : 100_000, period > 0
    else { return }
    let cores = Rational(quota) / Rational(period)
    throw Fault(
        .wrongUse, at: "limit \(quoted(word))",
        problem:
            "\(quota) cores: cpu.max takes cores here, where the kernel's file takes µs in each "
            + "period",
        suggestion: "Write cpu=\(short(cores)) for a quota of \(quota) µs in each "
            + "\(period) µs, or cpu=\(quota) for as many cores")
}

/// Reads `DEVICE:wbps=10M,riops=200`, or `DEVICE:max`.
///
/// The last colon separates the device from its limits, since a device may be written as `254:0`.
///
/// - Parameter word: the whole word, for error messages.
private func device(_ text: String, _ word: String) throws(Fault) -> LimitSpec.Goal {
    func wrong(_ found: String) -> Fault {
        Fault(
            .wrongUse, at: "limit \(quoted(word))", problem: found,
            suggestion:
                "Write io.max=/dev/vda:wbps=10M,riops=200, with rbps and wbps in bytes a second, "
                + "riops and wiops in operations a second, or max")
    }
    guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else {
        throw wrong("no device with limits behind a colon")
    }
    let (device, rest) = (String(text[..<colon]), text[text.index(after: colon)...])
    var fields: [IOMax.Field: Limit] = [:]
    if rest == "max" {
        for field in IOMax.Field.allCases { fields[field] = .max }
        return .device(device, fields)
    }
    for part in rest.split(separator: ",", omittingEmptySubsequences: false) {
        let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2, let field = IOMax.Field(rawValue: String(pair[0])),
            let limit = isBytes(field) ? bytes(String(pair[1])) : Limit(pair[1])
        else { throw wrong(quoted(String(part))) }
        // The kernel refuses 0 as out of range.
        if limit == .at(0) { throw wrong("\(quoted(String(part))): the kernel takes no 0") }
        guard fields.updateValue(limit, forKey: field) == nil else {
            throw wrong("\(field.rawValue) twice")
        }
    }
    return .device(device, fields)
}

/// Whether a field counts bytes, which may have a unit; the others count operations.
private func isBytes(_ field: IOMax.Field) -> Bool { field == .readBytes || field == .writeBytes }

/// Reads cores (`1.5`) or percent of a core (`50%`) as `cpu.max`; `nil` for any other text.
///
/// Example: `1.5` becomes a quota of 150,000 µs in each 100,000 µs.
public func cpuMax(_ text: String) -> CPUMax? {
    if text == "max" { return CPUMax(quota: .max) }
    let isPercent = text.hasSuffix("%")
    guard let number = Rational(decimal: isPercent ? String(text.dropLast()) : text) else {
        return nil
    }
    return cpuMax(cores: isPercent ? number / Rational(100) : number)
}

/// A number of cores as `cpu.max`; `nil` below 0.001 cores and above a million.
///
/// The period is 100 ms. Below 0.01 cores it is 1 s, because the kernel takes no quota under 1 ms.
/// Above a million cores the kernel's own sums overflow.
public func cpuMax(cores: Rational) -> CPUMax? {
    guard cores <= Rational(1_000_000) else { return nil }
    for period in [100_000, 1_000_000] as [Int64] {
        guard let quota = Int64((cores * Rational(period)).floor.description) else { return nil }
        if quota >= 1000 { return CPUMax(quota: .at(quota), period: period) }
    }
    return nil
}
