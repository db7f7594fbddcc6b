import CgroupFS
import CgroupFormat
import Glibc
import Metering
import SystemPackage

/// Reads and parses the kernel files of one cgroup after another, into one reused buffer.
public struct Sampler {
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var isStacked: [DeviceNumber: Bool] = [:]

    public init() {}

    /// What one cgroup gave, and what it did not, by file.
    public struct Result {
        public var sample = Sample()
        public var absences: [String: Absence] = [:]
        /// The cgroup went away while it was read.
        public var isGone = false
    }

    /// Takes a sample.
    ///
    /// A file that is missing or malformed is an absence, never a failure.
    public mutating func sample(_ directory: borrowing CgroupDirectory) -> Result {
        var result = Result()
        result.sample.cpu = take("cpu.stat", directory, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        result.sample.memoryCurrent = take("memory.current", directory, &result, parseGauge)
        result.sample.memory = take("memory.stat", directory, &result) { text throws(FormatError) in
            try MemoryStat(parsing: text)
        }
        let io = take("io.stat", directory, &result) { text throws(FormatError) in
            try IOStat(parsing: text)
        }
        result.sample.io = io?.devices.filter { !stacked($0.key) }
        result.sample.pids = take("pids.current", directory, &result, parseGauge)
        return result
    }

    private mutating func take<Value>(
        _ file: StaticString, _ directory: borrowing CgroupDirectory, _ result: inout Result,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            let length = try directory.read(file, into: &buffer)
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.absences["\(file)"] = Absence(.malformed, detail: error.description)
            }
        } catch {
            if error == Errno(rawValue: ENODEV) {
                result.isGone = true
            } else {
                result.absences["\(file)"] = Absence(reason(error), detail: error.description)
            }
        }
        return nil
    }

    private func reason(_ error: Errno) -> Absence.Reason {
        switch error {
        case .noSuchFileOrDirectory: .controllerOff
        case .permissionDenied, .notPermitted: .notPermitted
        default: .failed
        }
    }

    /// Whether the device stands on others; asked of the host once for each device.
    private mutating func stacked(_ device: DeviceNumber) -> Bool {
        if let known = isStacked[device] { return known }
        let answer = BlockDevices.isStacked(device)
        isStacked[device] = answer
        return answer
    }
}
