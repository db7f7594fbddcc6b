import CgroupFormat
import Units

/// What one cgroup's files gave in a tick, and what they did not.
public struct CgroupReading: Sendable {
    public var sample = Sample()
    /// What is missing, in a code that is cheap to compare.
    ///
    /// Two bits for each `KernelFile`: 0 there, 1 controller off, 2 other, 3 (of memory.stat) there with
    /// `kernel` added up; above them `hasOther` and two bits of the network. Two readings with equal codes in
    /// which `isAllInCode` lack the same.
    public private(set) var absenceCode: UInt64 = 0
    /// Why the network gave nothing, if it failed.
    private var networkFailure: Absence?
    /// Why a file with code 2 gave nothing.
    private var details: [KernelFile: Absence] = [:]
    /// What else is missing: a file of which nothing is billed, or, as `cpu.stat user_usec`, one key of it.
    private var other: [String: Absence] = [:]

    private static let networkShift: UInt64 = 62
    /// Set where `other` holds something.
    private static let hasOther: UInt64 = 1 << 60

    public init() {}

    /// Why a container's network gave nothing, or not all.
    public enum NetworkAbsence: Sendable {
        case ofHost
        case ofAnother
        case failed(Absence)
    }

    /// Notes that the container's network gave nothing, or not all.
    public mutating func note(_ network: NetworkAbsence) {
        let code: UInt64 =
            switch network {
            case .ofHost: 1
            case .ofAnother: 2
            case .failed: 3
            }
        if case .failed(let absence) = network { networkFailure = absence }
        absenceCode |= code << Self.networkShift
    }

    /// What is missing, by the name of the file.
    public var absences: [String: Absence] {
        guard absenceCode != 0 else { return [:] }
        var absences: [String: Absence] = [:]
        for file in KernelFile.allCases where isOff(file) {
            absences[file.text] = Self.controllerOff
        }
        if code(of: .memoryStat) == 3 { absences["memory.stat kernel"] = Self.kernelSummed }
        for (file, absence) in details { absences[file.text] = absence }
        absences.merge(other) { $1 }
        switch absenceCode >> Self.networkShift {
        case 1: absences["net/dev"] = Self.hostNamespace
        case 2: absences["net/dev"] = Self.sharedNamespace
        case 3: absences["net/dev"] = other["net/dev"] ?? networkFailure
        default: break
        }
        return absences
    }

    /// Whether a file is not there, as its controller is off.
    public func isOff(_ file: KernelFile) -> Bool { code(of: file) == 1 }

    /// Whether a file was there and gave no value, or not all.
    public func isUnread(_ file: KernelFile) -> Bool { details[file] != nil }

    private func code(of file: KernelFile) -> UInt64 { absenceCode >> (file.rawValue * 2) & 3 }

    private mutating func set(_ file: KernelFile, _ code: UInt64) {
        absenceCode |= code << (file.rawValue * 2)
    }

    /// Notes that a file is not there.
    public mutating func lackFile(_ file: KernelFile) { set(file, 1) }

    /// Notes that the kernel's memory was added up from its parts.
    public mutating func noteKernelSummed() { set(.memoryStat, 3) }

    /// Notes that a file that is billed from gave no value, or not all.
    public mutating func lack(_ file: KernelFile, _ absence: Absence) {
        absenceCode |= 2 << (file.rawValue * 2)
        absenceCode &= ~(1 << (file.rawValue * 2))
        details[file] = absence
    }

    /// Notes that something is missing of which nothing is billed.
    public mutating func lack(other name: String, _ absence: Absence) {
        absenceCode |= Self.hasOther
        other[name] = absence
    }

    /// Takes in what cannot follow what was read before; what the file itself lacks comes first.
    public mutating func lack(_ refusal: Refusal) {
        let before = absences[refusal.file].map { $0.detail + "; " } ?? ""
        lack(other: refusal.file, Absence(.malformed, detail: before + refusal.detail))
    }

    /// Notes the odd lines of a file: those of keys that are billed are the file's absence.
    public mutating func lack(
        _ odd: OddLines, of file: KernelFile, isBilled: (String) -> Bool
    ) {
        guard !odd.isEmpty else { return }
        let billed = odd.only(isBilled)
        if !billed.isEmpty {
            lack(file, Absence(.malformed, detail: billed.description))
        }
        for line in odd.lines where !isBilled(line.subject) {
            lack(
                other: "\(file.text) \(line.subject)",
                Absence(.malformed, detail: line.error.description))
        }
    }

    /// Whether all that is missing is in the code.
    var isAllInCode: Bool { details.isEmpty && other.isEmpty && networkFailure == nil }

    private static let controllerOff = Absence(.controllerOff, detail: "No such file or directory")
    private static let kernelSummed = Absence(
        .incomplete,
        detail: "no line kernel, as before Linux 5.18: its parts that are there are added up")
    private static let hostNamespace = Absence(
        .hostNamespace,
        detail: "it uses the host's network, whose traffic cannot be told apart by container")
    private static let sharedNamespace = Absence(
        .sharedNamespace, detail: "metered with another container of the same network")
}
