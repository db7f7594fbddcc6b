import CgroupFS
import CgroupFormat
import Glibc
import Metering
import SystemPackage

/// Reads and parses the kernel files of one cgroup after another.
///
/// All files go through one buffer that is used again, so a tick allocates little.
///
/// ```
/// var sampler = Sampler()
/// let reading = sampler.sample(index, from: kernel)
/// ```
public struct Sampler {
    /// Receives the text of each file.
    private var buffer = [UInt8](repeating: 0, count: 16_384)
    /// Whether devices are stacked on others, as far as the host was asked.
    private var stacked: [DeviceNumber: Bool] = [:]

    /// A sampler that knows no devices yet.
    public init() {}

    /// Takes a sample of a cgroup.
    ///
    /// A file that is missing or malformed becomes an absence, never an error. If the cgroup
    /// disappears during the reading, everything read before counts: it may be the last reading.
    ///
    /// - Parameters:
    ///   - index: the cgroup's place in the last survey.
    ///   - withNetwork: whether to read the network. False for a cgroup whose processes are those
    ///     of its children.
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

    /// Reads only the counters that a tenant root conserves, and its limits.
    ///
    /// - Parameter withIO: whether io is conserved as well.
    mutating func counters(_ index: Int, from source: some KernelSource, withIO: Bool) -> Sample {
        var result = CgroupReading()
        sampleCPU(index, source, &result)
        if withIO { sampleIO(index, source, &result) }
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only `cpu.max` and `memory.max`.
    mutating func limits(_ index: Int, from source: some KernelSource) -> Sample {
        var result = CgroupReading()
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only the network counters; `nil` if the cgroup has none that can be read.
    mutating func network(_ index: Int, from source: some KernelSource) -> NetworkSample? {
        var result = CgroupReading()
        sampleNetwork(index, source, &result)
        return result.sample.network
    }

    /// Reads `cpu.stat`; only `usage_usec` is billed.
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

    /// Reads `io.stat` without stacked devices: the devices below them count the same traffic.
    private mutating func sampleIO(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        let io = billed(.ioStat, index, source, &result) { text in IOStat(parsing: text) }
        guard let io else {
            // The files of a plain folder may appear one after another, so a missing one says
            // nothing about the controller.
            result.sample.isIOOff = source.isKernel && result.isOff(.ioStat)
            return
        }
        result.sample.io = io.devices
        // A disk and a volume on it both count the same traffic.
        for device in io.devices.keys where isStacked(device, source) {
            result.sample.io?[device] = nil
        }
        // A device that is missing in such a text may still exist, so its account stays open.
        result.sample.hasUnknownDevices = io.unknownDevices > 0 || io.completeness != .whole
        result.sample.ioCompleteness = io.completeness
        result.lack(io.odd, of: .ioStat) { _ in true }
    }

    /// Reads the network counters, and notes why there are none.
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
                // Interfaces whose lines are malformed are noted; the others count.
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

    /// Reads the memory files.
    ///
    /// `memory.peak` counts only if its next peak can be started here. Otherwise it is the peak of
    /// the cgroup's whole life, and not that since the last sample.
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
        // The peak is read before it is reset, so it covers the time since the last sample.
        let peak = extra(.memoryPeak, index, source, &result, parseGauge)
        if let peak, source.resetPeak(of: index) { result.sample.memoryPeak = peak }
    }

    /// Takes over memory.stat, and notes which parts of it are missing or were added up.
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
        // The page cache (`file`) is only shown, so a malformed line of it is not an absence of the
        // file.
        result.lack(memory.odd.only(MemoryStat.isOnlyShown), of: .memoryStat) { _ in false }
        memory.odd = OddLines()
        memory.missingKeys = []
        result.sample.memory = memory
    }

    /// Reads `cpu.max` and `memory.max`, and refuses values that exceed every host.
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
        // The file was read, and its value is still unknown: it exceeds what any host has.
        let reserved = Reservation(of: result.sample)
        let what = "it grants more than any host has"
        if reserved.isCPUUnknown, result.sample.cpuMax != nil {
            result.lack(.cpuMax, Absence(.malformed, detail: what))
        }
        if reserved.isMemoryUnknown, result.sample.memoryMax != nil {
            result.lack(.memoryMax, Absence(.malformed, detail: what))
        }
    }

    /// Reads the three pressure files (PSI), and the time in the freezer.
    private mutating func samplePressure(
        _ index: Int, _ source: some KernelSource, _ result: inout CgroupReading
    ) {
        result.sample.cpuPressure = pressure(.cpuPressure, index, source, &result)
        result.sample.memoryPressure = pressure(.memoryPressure, index, source, &result)
        result.sample.ioPressure = pressure(.ioPressure, index, source, &result)
        result.sample.frozenMicroseconds =
            extra(.statLocal, index, source, &result, parseFrozen) ?? nil
    }

    /// Reads one pressure file.
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

    /// Reads a file whose absence is noted: one that is billed from, or `pids.current`.
    ///
    /// - Parameter parse: turns the text into a value.
    /// - Returns: `nil` if the file is missing, cannot be read or is malformed. If the cgroup is
    ///   gone (`ENODEV`), nothing is noted: it ends anyway.
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

    /// Reads a limit that may be billed as a reservation.
    ///
    /// Without the file there is no limit. If the file exists and cannot be read, the limit is
    /// unknown, which is an absence.
    private mutating func granted<Value>(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource,
        _ result: inout CgroupReading,
        _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        do throws(Errno) {
            var length = try source.read(file, of: index, into: &buffer)
            // In a plain folder, Octroi itself may have written the limit last, and it writes no
            // newline. The parser takes a number without a newline for cut off.
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

    /// Reads a file that is only shown; not every kernel has it.
    ///
    /// If it is missing, that is usual and not noted.
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
            // Pressure may be switched off (`EOPNOTSUPP`), and a private peak needs the right to
            // write.
            let isUsual =
                error.meansNoFile || error == Errno(rawValue: EOPNOTSUPP)
                || file == .memoryPeak && error.isForbidden
            if !isUsual { result.lack(other: file.text, absence(error)) }
        }
        return nil
    }

    /// The absence of a file that cannot be read.
    private func absence(_ error: Errno) -> Absence {
        Absence(error.isForbidden ? .notPermitted : .failed, detail: error.reasonOfFile)
    }

    /// Whether a device is stacked on others; the host is asked once for each device.
    private mutating func isStacked(_ device: DeviceNumber, _ source: some KernelSource) -> Bool {
        if let known = stacked[device] { return known }
        let answer = source.isStacked(device)
        stacked[device] = answer
        return answer
    }
}

extension Errno {
    /// Whether the kernel refused access to this user (`EACCES`, `EPERM`).
    fileprivate var isForbidden: Bool { self == .permissionDenied || self == .notPermitted }

    /// Whether there is no such file, or the cgroup is gone.
    fileprivate var meansNoFile: Bool {
        self == .noSuchFileOrDirectory || self == Errno(rawValue: Glibc.ENODEV)
    }
}
