import CgroupFS
import CgroupFormat
import Glibc
import Metering
import SystemPackage

/// Reads and parses the kernel files of one cgroup after another, into one reused buffer.
public struct Sampler {
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    private var stacked: [DeviceNumber: Bool] = [:]

    public init() {}

    /// What one cgroup gave, and what it did not.
    public struct Result {
        public var sample = Sample()
        /// Two bits for each `KernelFile` that is billed from: 0 there, 1 controller off, 2 other.
        ///
        /// Two results with equal codes and no 2 in them lack the same.
        var absenceCode: UInt64 = 0
        /// Why the network gave nothing, if it failed.
        var networkFailure: Absence?
        static let networkShift: UInt64 = 62
        /// Why a file with code 2 gave nothing.
        var details: [KernelFile: Absence] = [:]

        /// What is missing, by the name of the file.
        public var absences: [String: Absence] {
            guard absenceCode != 0 else { return [:] }
            var absences: [String: Absence] = [:]
            for file in KernelFile.allCases where code(of: file) == 1 {
                absences[file.text] = Sampler.controllerOff
            }
            for (file, absence) in details { absences[file.text] = absence }
            switch absenceCode >> Self.networkShift {
            case 1: absences["net/dev"] = Sampler.hostNamespace
            case 2: absences["net/dev"] = Sampler.sharedNamespace
            case 3: absences["net/dev"] = networkFailure
            default: break
            }
            return absences
        }

        private func code(of file: KernelFile) -> UInt64 { absenceCode >> (file.rawValue * 2) & 3 }
        fileprivate mutating func set(_ file: KernelFile, _ code: UInt64) {
            absenceCode |= code << (file.rawValue * 2)
        }
    }

    /// Takes a sample.
    ///
    /// A file that is missing or malformed is an absence, never a failure. A cgroup that goes away
    /// under the reading keeps what was read before: it may be its last.
    ///
    /// - Parameter withNetwork: whether its processes are its own, not its children's.
    public mutating func sample(
        _ index: Int, from source: some KernelSource, withNetwork: Bool = true
    ) -> Result {
        var result = Result()
        result.sample.cpu = billed(.cpuStat, index, source, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        sampleIO(index, source, &result)
        sampleMemory(index, source, &result)
        result.sample.pids = billed(.pidsCurrent, index, source, &result, parseGauge)
        if withNetwork { sampleNetwork(index, source, &result) }
        samplePressure(index, source, &result.sample)
        sampleLimits(index, source, &result.sample)
        return result
    }

    /// Reads only the counters that a tenant root conserves.
    mutating func counters(_ index: Int, from source: some KernelSource, withIO: Bool) -> Sample {
        var result = Result()
        result.sample.cpu = billed(.cpuStat, index, source, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        if withIO { sampleIO(index, source, &result) }
        sampleLimits(index, source, &result.sample)
        return result.sample
    }

    /// Reads only the limits.
    mutating func limits(_ index: Int, from source: some KernelSource) -> Sample {
        var sample = Sample()
        sampleLimits(index, source, &sample)
        return sample
    }

    /// Reads only the network counters.
    mutating func network(_ index: Int, from source: some KernelSource) -> NetworkSample? {
        var result = Result()
        sampleNetwork(index, source, &result)
        return result.sample.network
    }

    private mutating func sampleIO(
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        let io = billed(.ioStat, index, source, &result) { text throws(FormatError) in
            try IOStat(parsing: text)
        }
        guard let io else { return }
        result.sample.io = io.devices
        for device in io.devices.keys where isStacked(device, source) {
            result.sample.io?[device] = nil
        }
        result.sample.hasUnknownDevices = io.unknownDevices > 0
    }

    private mutating func sampleNetwork(
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        var code: UInt64 = 0
        switch source.readNetwork(of: index, into: &buffer) {
        case .none: break
        case .host: code = 1
        case .shared: code = 2
        case .failed(let error):
            code = 3
            result.networkFailure = absence(error)
        case .read(let namespace, let length):
            do throws(FormatError) {
                let counters = try NetDev(parsing: buffer.span.extracting(0..<length))
                result.sample.network = NetworkSample(namespace: namespace, counters: counters)
            } catch {
                code = 3
                result.networkFailure = Absence(.malformed, detail: error.description)
            }
        }
        result.absenceCode |= code << Result.networkShift
    }

    private mutating func sampleMemory(
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        result.sample.memoryCurrent = billed(.memoryCurrent, index, source, &result, parseGauge)
        let memory = billed(.memoryStat, index, source, &result) { text throws(FormatError) in
            try MemoryStat(parsing: text)
        }
        result.sample.memory = memory
        if let memory, memory.lacksKeys {
            result.set(.memoryStat, 2)
            result.details[.memoryStat] = Absence(
                .incomplete, detail: "no line " + memory.missingKeys.joined(separator: ", "))
        }
        result.sample.memorySwap = extra(.memorySwap, index, source, parseGauge)
        result.sample.memoryEvents = extra(.memoryEvents, index, source) {
            text throws(FormatError) in
            try MemoryEvents(parsing: text)
        }
        if let peak = extra(.memoryPeak, index, source, parseGauge), source.resetPeak(of: index) {
            result.sample.memoryPeak = peak
        }
    }

    private mutating func sampleLimits(
        _ index: Int, _ source: some KernelSource, _ sample: inout Sample
    ) {
        sample.cpuMax = extra(.cpuMax, index, source) { text throws(FormatError) in
            try CPUMax(parsing: text)
        }
        sample.memoryMax = extra(.memoryMax, index, source, parseLimit)
    }

    private mutating func samplePressure(
        _ index: Int, _ source: some KernelSource, _ sample: inout Sample
    ) {
        func parse(_ text: Span<UInt8>) throws(FormatError) -> Pressure {
            try Pressure(parsing: text)
        }
        sample.cpuPressure = extra(.cpuPressure, index, source, parse)
        sample.memoryPressure = extra(.memoryPressure, index, source, parse)
        sample.ioPressure = extra(.ioPressure, index, source, parse)
        sample.frozenMicroseconds = extra(.statLocal, index, source, parseFrozen) ?? nil
    }

    /// Reads a file that is billed from: if it gives no value, that is an absence.
    private mutating func billed<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout Result,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            let length = try source.read(file, of: index, into: &buffer)
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.set(file, 2)
                result.details[file] = Absence(.malformed, detail: error.description)
            }
        } catch {
            switch error {
            case .noSuchFileOrDirectory: result.set(file, 1)
            case Errno(rawValue: ENODEV): break
            default:
                result.set(file, 2)
                result.details[file] = absence(error)
            }
        }
        return nil
    }

    /// Reads a file that is not billed from: not every kernel has it.
    private mutating func extra<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        guard let length = try? source.read(file, of: index, into: &buffer) else { return nil }
        return try? parse(buffer.span.extracting(0..<length))
    }

    private func absence(_ error: Errno) -> Absence {
        let isForbidden = error == .permissionDenied || error == .notPermitted
        return Absence(isForbidden ? .notPermitted : .failed, detail: error.description)
    }

    private static let controllerOff = Absence(
        .controllerOff, detail: Errno.noSuchFileOrDirectory.description)
    private static let hostNamespace = Absence(
        .hostNamespace, detail: "on the host's network, where what is whose cannot be told")
    private static let sharedNamespace = Absence(
        .sharedNamespace, detail: "metered with another container of the same network")

    /// Whether the device stands on others; asked of the host once for each device.
    private mutating func isStacked(_ device: DeviceNumber, _ source: some KernelSource) -> Bool {
        if let known = stacked[device] { return known }
        let answer = source.isStacked(device)
        stacked[device] = answer
        return answer
    }
}
