import CgroupFormat
import Units

/// What was read of one cgroup in a tick, and what was missing.
public struct CgroupReading: Sendable {
    /// The values.
    public var sample = Sample()
    /// What is missing, as a code that is cheap to compare.
    ///
    /// The lowest bits are two for each `KernelFile`, at twice its raw value:
    /// - 0: the file was read.
    /// - 1: it does not exist, as its controller is off.
    /// - 2: it gave no value, or not all; `details` has the reason.
    /// - 3, only for memory.stat: it was read, and `kernel` is the sum of its parts.
    ///
    /// Bit 60 says that `other` is not empty. Bits 62 and 63 are about the network: 0 read, 1 the
    /// host's, 2 metered for another container, 3 failed. If two readings have the same code, and
    /// `isAllInCode` is true for both, they lack the same.
    public private(set) var absenceCode: UInt64 = 0
    /// Why the network could not be read, if that failed.
    private var networkFailure: Absence?
    /// Why a file with code 2 gave no value.
    private var details: [KernelFile: Absence] = [:]
    /// Everything else that is missing, by name.
    ///
    /// It is a file that is not billed from, or a single key such as `cpu.stat user_usec`.
    private var other: [String: Absence] = [:]

    /// The position of the two bits of the network.
    private static let networkShift: UInt64 = 62
    /// The bit that says that `other` is not empty.
    private static let hasOther: UInt64 = 1 << 60

    public init() {}

    /// Why a container's network gave no value, or not all.
    public enum NetworkAbsence: Sendable {
        /// It uses the network of the host.
        case ofHost
        /// It shares the network with another container, for which it is metered.
        case ofAnother
        /// Reading failed.
        case failed(Absence)
    }

    /// Notes that the container's network gave no value, or not all.
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

    /// Whether a file does not exist because its controller is off.
    public func isOff(_ file: KernelFile) -> Bool { code(of: file) == 1 }

    /// Whether a file exists and gave no value, or not all.
    public func isUnread(_ file: KernelFile) -> Bool { details[file] != nil }

    /// The two bits of a file in `absenceCode`.
    private func code(of file: KernelFile) -> UInt64 { absenceCode >> (file.rawValue * 2) & 3 }

    /// Sets the two bits of a file, which must be 0.
    private mutating func set(_ file: KernelFile, _ code: UInt64) {
        absenceCode |= code << (file.rawValue * 2)
    }

    /// Notes that a file does not exist.
    public mutating func lackFile(_ file: KernelFile) { set(file, 1) }

    /// Notes that the kernel's own memory was added up from its parts.
    public mutating func noteKernelSummed() { set(.memoryStat, 3) }

    /// Notes that a file that is billed from gave no value, or not all.
    public mutating func lack(_ file: KernelFile, _ absence: Absence) {
        absenceCode |= 2 << (file.rawValue * 2)
        absenceCode &= ~(1 << (file.rawValue * 2))
        details[file] = absence
    }

    /// Notes that something is missing that is not billed from.
    public mutating func lack(other name: String, _ absence: Absence) {
        absenceCode |= Self.hasOther
        other[name] = absence
    }

    /// Notes a refused reading, after what the file itself already lacks.
    public mutating func lack(_ refusal: Refusal) {
        let before = absences[refusal.file].map { $0.detail + "; " } ?? ""
        lack(other: refusal.file, Absence(.malformed, detail: before + refusal.detail))
    }

    /// Notes the lines of a file that could not be read.
    ///
    /// Those of billed keys are an absence of the file. Each other key gets an absence of its own.
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

    /// Whether the code tells everything that is missing.
    var isAllInCode: Bool { details.isEmpty && other.isEmpty && networkFailure == nil }

    /// The absence of code 1; the words are those of ENOENT.
    private static let controllerOff = Absence(.controllerOff, detail: "No such file or directory")
    /// The absence of code 3.
    private static let kernelSummed = Absence(
        .incomplete,
        detail: "no line kernel, as before Linux 5.18: its parts that are there are added up")
    /// The absence of a network that is the host's.
    private static let hostNamespace = Absence(
        .hostNamespace,
        detail: "it uses the host's network, whose traffic cannot be told apart by container")
    /// The absence of a network that is metered for another container.
    private static let sharedNamespace = Absence(
        .sharedNamespace, detail: "metered with another container of the same network")
}
