import CgroupFormat
import Units

/// What a cgroup uses now, as far as it is known, to predict what a new limit would do.
public struct Circumstances: Hashable, Sendable {
    /// The memory in use (`memory.current`), in bytes.
    public var memory: Int64?
    /// Why `memory.current` cannot be read, such as `holds "x"`; `nil` if it can.
    ///
    /// It is set only where the memory controller is on.
    public var memoryTrouble: String?
    /// The memory that the kernel cannot take back without swap, in bytes.
    ///
    /// It is the sum of anon, shmem, kernel and sock in `memory.stat`.
    public var unreclaimable: Int64?
    /// Whether the cgroup can swap: the host has swap, and its `memory.swap.max` is not 0.
    public var hasSwap = false
    /// The number of processes and threads (`pids.current`).
    public var processes: Int64?
    /// The CPU time used recently, in cores.
    public var cores: Rational?

    public init() {}

    /// The bytes that memory cannot shrink below; `nil` with swap, which can take anonymous memory.
    ///
    /// If `memory.stat` cannot be read, all memory in use counts.
    public var memoryFloor: Int64? { hasSwap ? nil : unreclaimable ?? memory }

    /// Why the effect of a lower memory limit cannot be predicted, in words; `nil` where it can be.
    ///
    /// memory.max may be lowered only once `memory.current` is below it, so that must be known. For
    /// memory.high it is enough to know what cannot be reclaimed.
    public func trouble(lowering key: LimitKey) -> String? {
        let isKnown = key == .memoryHigh && (hasSwap || unreclaimable != nil)
        return isKnown ? nil : memoryTrouble
    }
}

extension PlannedWrite {
    /// What the write will do to what runs now, in words; `nil` if there is nothing to say.
    ///
    /// - Parameters:
    ///   - now: what the cgroup uses.
    ///   - isForced: whether memory is taken below what is in use at once, without shrinking first.
    public func prediction(_ now: Circumstances, isForced: Bool = false) -> String? {
        if isInForce { return "in force already" }
        if limitsMemory, isLowering, let trouble = now.trouble(lowering: key) {
            return "memory.current \(trouble), so what is in use is not known: the kernel may "
                + (key == .memoryMax ? "kill" : "stall every process in it")
        }
        switch (key, wanted) {
        case (.cpuMax, .cpu(let cap)):
            guard let cores = cap.cores, let used = now.cores else { return nil }
            guard used > cores else { return "no effect now: \(short(used)) cores are used" }
            let refused = (used - cores) * Rational(100) / used
            return "\(short(used)) cores are used: about \(refused.floor) % of it is throttled"
        case (.memoryMax, .number(.at(let bytes))):
            guard let used = now.memory, used > bytes else { return nil }
            let spare = now.unreclaimable.map { max(0, used - $0) }
            let words = spare.map { ", \(mebibytes($0)) can be reclaimed" } ?? ""
            guard isForced else {
                return "\(mebibytes(used)) are in use: it shrinks through memory.high first\(words)"
            }
            let kills = now.memoryFloor.map { $0 > bytes } ?? true
            return "\(mebibytes(used)) are in use: the kernel reclaims at once\(words), and kills "
                + (kills ? "what does not fit" : "if that is not enough")
        case (.memoryHigh, .number(.at(let bytes))):
            guard let used = now.memory, used > bytes else { return nil }
            return "\(mebibytes(used)) are in use: the kernel reclaims, and slows what allocates"
        case (.pidsMax, .number(.at(let most))):
            guard let count = now.processes, count >= most else { return nil }
            return "\(count) processes run: none is killed, the next fork fails"
        case (.freeze, .frozen(true)): return "every process in it stops; memory stays charged"
        default: return wanted == key.initial ? nil : key.definition.remark
        }
    }

    /// Refuses a memory limit that would make the kernel kill or stall what already runs.
    ///
    /// - Parameters:
    ///   - now: what the cgroup uses.
    ///   - place: the path of the cgroup, for the error message.
    /// - Throws: `failed` if the limit is lower than what cannot be reclaimed, or if that is not
    ///   known.
    public func refuseKill(_ now: Circumstances, at place: String) throws(Fault) {
        guard limitsMemory, case .number(.at(let bytes)) = wanted, isLowering else { return }
        if let trouble = now.trouble(lowering: key) {
            throw Fault(
                .failed, at: "\(place)/memory.current",
                problem: "it \(trouble): whether the kernel would "
                    + (key == .memoryMax ? "kill" : "stall every process in it")
                    + " at \(bytes) bytes cannot be told",
                suggestion: "Look at the file; --force writes \(key) all the same")
        }
        guard let floor = now.memoryFloor, bytes < floor else { return }
        let held =
            now.unreclaimable == nil
            ? "are in use, of which memory.stat does not say what can be reclaimed"
            : "cannot be reclaimed (anon, shmem, kernel and sock, without swap)"
        throw Fault(
            .failed, at: "\(place)/\(key)",
            problem: "\(bytes) bytes were asked for, and \(floor) \(held): the kernel would "
                + (key == .memoryMax ? "reclaim, then kill" : "stall every process in it"),
            suggestion:
                "Allow at least that much, or stop something in it; --force leaves it to the "
                + "kernel")
    }

    /// Whether it writes memory.max or memory.high.
    private var limitsMemory: Bool { key == .memoryMax || key == .memoryHigh }
}

/// The bytes in MiB with one decimal, rounded down: `165.0 MiB`.
func mebibytes(_ bytes: Int64) -> String {
    let tenths = Rational(bytes) * Rational(10) / Rational(Int64(1) << 20)
    let whole = Int64(tenths.floor.description) ?? 0
    return "\(whole / 10).\(whole % 10) MiB"
}

/// The number of cores with two decimals, rounded down: `1.50`.
func short(_ cores: Rational) -> String {
    let hundredths = Int64((cores * Rational(100)).floor.description) ?? 0
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
}
