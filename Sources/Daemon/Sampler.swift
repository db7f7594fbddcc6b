import CgroupFS
import CgroupFormat
import Glibc
import Metering
import SystemPackage

/// Reads and parses the kernel files of one cgroup after another, into one reused buffer.
public struct Sampler {
    private let isKernel: Bool
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var isStacked: [DeviceNumber: Bool] = [:]

    /// - Parameter isKernel: whether the tree is the kernel's, not a plain folder.
    public init(isKernel: Bool) { self.isKernel = isKernel }

    /// What one cgroup gave, and what it did not, by file.
    public struct Result {
        public var sample = Sample()
        public var absences: [String: Absence] = [:]
        /// The cgroup went away before anything of it was read.
        public var isGone = false
    }

    /// Takes a sample.
    ///
    /// A file that is missing or malformed is an absence, never a failure. A cgroup that goes away
    /// under the reading keeps what was read before: it may be its last.
    public mutating func sample(_ directory: borrowing CgroupDirectory) -> Result {
        var result = Result()
        result.sample.cpu = take(.cpuStat, directory, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        // Every live cgroup of the kernel has this file, whatever its controllers.
        if isKernel, result.absences["cpu.stat"]?.reason == .controllerOff { result.isGone = true }
        if result.isGone { return result }
        result.sample.memoryCurrent = take(.memoryCurrent, directory, &result, parseGauge)
        result.sample.memory = take(.memoryStat, directory, &result) { text throws(FormatError) in
            try MemoryStat(parsing: text)
        }
        if let missing = result.sample.memory?.missingKeys, !missing.isEmpty {
            result.absences["memory.stat"] = Absence(
                .incomplete, detail: "no line " + missing.joined(separator: ", "))
        }
        let io = take(.ioStat, directory, &result) { text throws(FormatError) in
            try IOStat(parsing: text)
        }
        result.sample.io = io?.devices.filter { !stacked($0.key) }
        result.sample.hasUnknownDevices = (io?.unknownDevices ?? 0) > 0
        result.sample.pids = take(.pidsCurrent, directory, &result, parseGauge)
        return result
    }

    /// Reads the cpu counter alone, in µs; `nil` if there is none.
    mutating func cpu(_ directory: borrowing CgroupDirectory) -> Int64? {
        var result = Result()
        let stat = take(.cpuStat, directory, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        return stat?.usageMicroseconds
    }

    private mutating func take<Value>(
        _ file: KernelFile, _ directory: borrowing CgroupDirectory, _ result: inout Result,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            let length = try directory.read(file, into: &buffer)
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.absences[file.text] = Absence(.malformed, detail: error.description)
            }
        } catch {
            if error.rawValue == ENODEV {
                result.isGone = result.sample.cpu == nil
            } else {
                result.absences[file.text] = absence(error)
            }
        }
        return nil
    }

    private func absence(_ error: Errno) -> Absence {
        switch error {
        case .noSuchFileOrDirectory: Self.controllerOff
        case .permissionDenied, .notPermitted:
            Absence(.notPermitted, detail: error.description)
        default: Absence(.failed, detail: error.description)
        }
    }

    /// The same for every file of every cgroup without the controller, so it is made once.
    private static let controllerOff = Absence(
        .controllerOff, detail: Errno.noSuchFileOrDirectory.description)

    /// Whether the device stands on others; asked of the host once for each device.
    private mutating func stacked(_ device: DeviceNumber) -> Bool {
        if let known = isStacked[device] { return known }
        let answer = BlockDevices.isStacked(device)
        isStacked[device] = answer
        return answer
    }
}
