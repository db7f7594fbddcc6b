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

    /// Takes a sample.
    ///
    /// A file that is missing or malformed is an absence, never a failure. A cgroup that goes away
    /// under the reading keeps what was read before: it may be its last.
    ///
    /// - Parameter withNetwork: whether its processes are its own, not its children's.
    public mutating func sample(
        _ index: Int, from source: some KernelSource, withNetwork: Bool = true
    ) -> CgroupReading {
        var result = CgroupReading()
        sampleCPU(index, source, &result)
        sampleIO(index, source, &result)
        sampleMemory(index, source, &result)
        result.sample.pids = billed(.pidsCurrent, index, source, &result, parseGauge)
        if withNetwork { sampleNetwork(index, source, &result) }
        samplePressure(index, source, &result)
        sampleLimits(index, source, &result)
        return result
    }

    /// Reads only the counters that a tenant root conserves.
    mutating func counters(_ index: Int, from source: some KernelSource, withIO: Bool) -> Sample {
        var result = CgroupReading()
        sampleCPU(index, source, &result)
        if withIO { sampleIO(index, source, &result) }
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only the limits.
    mutating func limits(_ index: Int, from source: some KernelSource) -> Sample {
        var result = CgroupReading()
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only the network counters.
    mutating func network(_ index: Int, from source: some KernelSource) -> NetworkSample? {
        var result = CgroupReading()
        sampleNetwork(index, source, &result)
        return result.sample.network
    }

    private mutating func sampleCPU(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        var cpu = billed(.cpuStat, index, source, &result) { text throws(FormatError) in
            try CPUStat(parsing: text)
        }
        if let odd = cpu?.odd {
            result.lack(odd, of: .cpuStat) { $0 == CPUStat.billedKey }
            cpu?.odd = OddLines()
        }
        result.sample.cpu = cpu
    }

    private mutating func sampleIO(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        let io = billed(.ioStat, index, source, &result) { text in IOStat(parsing: text) }
        guard let io else {
            // A plain folder may get its files one by one.
            result.sample.isIOOff = source.isKernel && result.isOff(.ioStat)
            return
        }
        result.sample.io = io.devices
        for device in io.devices.keys where isStacked(device, source) {
            result.sample.io?[device] = nil
        }
        result.sample.hasUnknownDevices = io.unknownDevices > 0 || io.completeness != .whole
        result.sample.ioCompleteness = io.completeness
        result.lack(io.odd, of: .ioStat) { _ in true }
    }

    private mutating func sampleNetwork(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        switch source.readNetwork(of: index, into: &buffer) {
        case .none: break
        case .host: result.note(.ofHost)
        case .shared: result.note(.ofAnother)
        case .failed(let error): result.note(.failed(absence(error)))
        case .read(let namespace, let length):
            do throws(FormatError) {
                var counters = try NetDev(parsing: buffer.span.extracting(0..<length))
                if !counters.odd.isEmpty {
                    result.note(.failed(Absence(.malformed, detail: "\(counters.odd)")))
                    counters.odd = OddLines()
                }
                result.sample.network = NetworkSample(namespace: namespace, counters: counters)
            } catch {
                result.note(.failed(Absence(.malformed, detail: error.description)))
            }
        }
    }

    private mutating func sampleMemory(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        result.sample.memoryCurrent = billed(.memoryCurrent, index, source, &result, parseGauge)
        let memory = billed(.memoryStat, index, source, &result) { text throws(FormatError) in
            try MemoryStat(parsing: text)
        }
        if let memory { take(memory, &result) }
        result.sample.memorySwap = extra(.memorySwap, index, source, &result, parseGauge)
        var events = extra(.memoryEvents, index, source, &result) { text throws(FormatError) in
            try MemoryEvents(parsing: text)
        }
        if let odd = events?.odd { result.lack(odd, of: .memoryEvents) { _ in false } }
        events?.odd = OddLines()
        result.sample.memoryEvents = events
        let peak = extra(.memoryPeak, index, source, &result, parseGauge)
        if let peak, source.resetPeak(of: index) { result.sample.memoryPeak = peak }
    }

    /// Takes memory.stat: says what of it is not known, and what was added up.
    private func take(_ memory: MemoryStat, _ result: inout CgroupReading) {
        var memory = memory
        for (file, absence) in memory.absences {
            if file == KernelFile.memoryStat.text {
                result.lack(.memoryStat, absence)
            } else {
                result.lack(other: file, absence)
            }
        }
        let hasAll =
            memory.anon != nil && memory.shmem != nil && memory.kernel != nil && memory.sock != nil
        if hasAll, memory.unreclaimable == nil {
            let detail = "anon, shmem, kernel and sock come to more than \(Int64.max)"
            result.lack(
                other: LedgerMeter.unreclaimable, Absence(.malformed, detail: detail))
        } else if hasAll, memory.isKernelSummed {
            result.noteKernelSummed()
        }
        result.lack(memory.odd.only(MemoryStat.isOnlyShown), of: .memoryStat) { _ in false }
        memory.odd = OddLines()
        memory.missingKeys = []
        result.sample.memory = memory
    }

    private mutating func sampleLimits(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        result.sample.cpuMax = granted(.cpuMax, index, source, &result) {
            text throws(FormatError) in
            try CPUMax(parsing: text)
        }
        result.sample.isCPUMaxUnread = result.isUnread(.cpuMax)
        result.sample.memoryMax = granted(.memoryMax, index, source, &result, parseLimit)
        result.sample.isMemoryMaxUnread = result.isUnread(.memoryMax)
        let reserved = Reservation(of: result.sample)
        let what = "it grants more than any host has"
        if reserved.isCPUUnknown, result.sample.cpuMax != nil {
            result.lack(.cpuMax, Absence(.malformed, detail: what))
        }
        if reserved.isMemoryUnknown, result.sample.memoryMax != nil {
            result.lack(.memoryMax, Absence(.malformed, detail: what))
        }
    }

    private mutating func samplePressure(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        result.sample.cpuPressure = pressure(.cpuPressure, index, source, &result)
        result.sample.memoryPressure = pressure(.memoryPressure, index, source, &result)
        result.sample.ioPressure = pressure(.ioPressure, index, source, &result)
        result.sample.frozenMicroseconds =
            extra(.statLocal, index, source, &result, parseFrozen) ?? nil
    }

    private mutating func pressure(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) -> Pressure? {
        var pressure = extra(file, index, source, &result) { text throws(FormatError) in
            try Pressure(parsing: text)
        }
        if let odd = pressure?.odd {
            result.lack(odd, of: file) { _ in false }
            pressure?.odd = OddLines()
        }
        return pressure
    }

    /// Reads a file that is billed from: if it gives no value, that is an absence.
    private mutating func billed<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource,
        _ result: inout CgroupReading,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            let length = try source.read(file, of: index, into: &buffer)
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.lack(file, Absence(.malformed, detail: error.description))
            }
        } catch {
            switch error {
            case .noSuchFileOrDirectory: result.lackFile(file)
            case Errno(rawValue: Glibc.ENODEV): break
            default: result.lack(file, absence(error))
            }
        }
        return nil
    }

    /// Reads a limit that can be billed.
    ///
    /// Without the file there is no limit; a file that cannot be read leaves the limit unknown.
    private mutating func granted<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource,
        _ result: inout CgroupReading,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            var length = try source.read(file, of: index, into: &buffer)
            // In a plain folder the last to write a limit may have been Octroi, without a newline.
            if !source.isKernel, length > 0, buffer[length - 1] != UInt8(ascii: "\n") {
                if length == buffer.count { buffer.append(0) }
                buffer[length] = UInt8(ascii: "\n")
                length += 1
            }
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.lack(file, Absence(.malformed, detail: error.description))
            }
        } catch {
            if !error.meansNoFile { result.lack(file, absence(error)) }
        }
        return nil
    }

    /// Reads a file that is not billed from: not every kernel has it.
    private mutating func extra<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource,
        _ result: inout CgroupReading,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            let length = try source.read(file, of: index, into: &buffer)
            do throws(FormatError) {
                return try parse(buffer.span.extracting(0..<length))
            } catch {
                result.lack(
                    other: file.text, Absence(.malformed, detail: error.description))
            }
        } catch {
            // Pressure may be off (EOPNOTSUPP), and a peak of one's own is for those who may write.
            let isUsual =
                error.meansNoFile || error == Errno(rawValue: EOPNOTSUPP)
                || file == .memoryPeak && error.isForbidden
            if !isUsual { result.lack(other: file.text, absence(error)) }
        }
        return nil
    }

    private func absence(_ error: Errno) -> Absence {
        Absence(error.isForbidden ? .notPermitted : .failed, detail: error.reasonOfFile)
    }

    /// Whether the device stands on others; asked of the host once for each device.
    private mutating func isStacked(_ device: DeviceNumber, _ source: some KernelSource) -> Bool {
        if let known = stacked[device] { return known }
        let answer = source.isStacked(device)
        stacked[device] = answer
        return answer
    }
}

extension Errno {
    fileprivate var isForbidden: Bool { self == .permissionDenied || self == .notPermitted }

    /// There is no such file, or no such cgroup any more.
    fileprivate var meansNoFile: Bool {
        self == .noSuchFileOrDirectory || self == Errno(rawValue: Glibc.ENODEV)
    }
}
