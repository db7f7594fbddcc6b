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
        /// Two bits for each `KernelFile`: 0 there, 1 controller off, 2 other, 3 (of memory.stat) there
        /// with `kernel` added up.
        ///
        /// Two results with equal codes, no 2 and no `other` in them lack the same.
        var absenceCode: UInt64 = 0
        /// Why the network gave nothing, if it failed.
        var networkFailure: Absence?
        static let networkShift: UInt64 = 62
        /// Set where `other` holds something.
        static let otherCode: UInt64 = 1 << 60
        /// Why a file with code 2 gave nothing.
        var details: [KernelFile: Absence] = [:]
        /// What else is missing: a file of which nothing is billed, or, as `cpu.stat user_usec`, one
        /// key of it.
        private(set) var other: [String: Absence] = [:]

        /// What is missing, by the name of the file.
        public var absences: [String: Absence] {
            guard absenceCode != 0 else { return [:] }
            var absences: [String: Absence] = [:]
            for file in KernelFile.allCases where code(of: file) == 1 {
                absences[file.text] = Sampler.controllerOff
            }
            if code(of: .memoryStat) == 3 { absences["memory.stat kernel"] = Sampler.kernelSummed }
            for (file, absence) in details { absences[file.text] = absence }
            absences.merge(other) { $1 }
            switch absenceCode >> Self.networkShift {
            case 1: absences["net/dev"] = Sampler.hostNamespace
            case 2: absences["net/dev"] = Sampler.sharedNamespace
            case 3: absences["net/dev"] = other["net/dev"] ?? networkFailure
            default: break
            }
            return absences
        }

        fileprivate func code(of file: KernelFile) -> UInt64 {
            absenceCode >> (file.rawValue * 2) & 3
        }
        fileprivate mutating func set(_ file: KernelFile, _ code: UInt64) {
            absenceCode |= code << (file.rawValue * 2)
        }

        /// Notes that a file that is billed from gave no value, or not all.
        fileprivate mutating func lack(_ file: KernelFile, _ absence: Absence) {
            absenceCode |= 2 << (file.rawValue * 2)
            absenceCode &= ~(1 << (file.rawValue * 2))
            details[file] = absence
        }

        /// Notes that something is missing of which nothing is billed.
        fileprivate mutating func lack(other name: String, _ absence: Absence) {
            absenceCode |= Self.otherCode
            other[name] = absence
        }

        /// Takes in what cannot follow what was read before; what the file itself lacks comes first.
        mutating func lack(_ refusal: Refusal) {
            let before = absences[refusal.file].map { $0.detail + "; " } ?? ""
            lack(
                other: refusal.file,
                Absence(.malformed, detail: before + refusal.detail))
        }

        /// Whether all that is missing is in the code.
        var isAllInCode: Bool { details.isEmpty && other.isEmpty && networkFailure == nil }

        /// Notes the odd lines of a file: those of keys that are billed are the file's absence.
        fileprivate mutating func lack(
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
        var result = Result()
        sampleCPU(index, source, &result)
        if withIO { sampleIO(index, source, &result) }
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only the limits.
    mutating func limits(_ index: Int, from source: some KernelSource) -> Sample {
        var result = Result()
        sampleLimits(index, source, &result)
        return result.sample
    }

    /// Reads only the network counters.
    mutating func network(_ index: Int, from source: some KernelSource) -> NetworkSample? {
        var result = Result()
        sampleNetwork(index, source, &result)
        return result.sample.network
    }

    private mutating func sampleCPU(
        _ index: Int, _ source: some KernelSource, _ result: inout Result
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
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        let io = billed(.ioStat, index, source, &result) { text in IOStat(parsing: text) }
        guard let io else {
            // A plain folder may get its files one by one.
            result.sample.isIOOff = source.isKernel && result.code(of: .ioStat) == 1
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
                var counters = try NetDev(parsing: buffer.span.extracting(0..<length))
                if !counters.odd.isEmpty {
                    code = 3
                    result.networkFailure = Absence(.malformed, detail: "\(counters.odd)")
                    counters.odd = OddLines()
                }
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
    private func take(_ memory: MemoryStat, _ result: inout Result) {
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
            result.set(.memoryStat, 3)
        }
        result.lack(memory.odd.only(MemoryStat.isOnlyShown), of: .memoryStat) { _ in false }
        memory.odd = OddLines()
        memory.missingKeys = []
        result.sample.memory = memory
    }

    private mutating func sampleLimits(
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        result.sample.cpuMax = granted(.cpuMax, index, source, &result) {
            text throws(FormatError) in
            try CPUMax(parsing: text)
        }
        result.sample.isCPUMaxUnread = result.details[.cpuMax] != nil
        result.sample.memoryMax = granted(.memoryMax, index, source, &result, parseLimit)
        result.sample.isMemoryMaxUnread = result.details[.memoryMax] != nil
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
        _ index: Int, _ source: some KernelSource, _ result: inout Result
    ) {
        result.sample.cpuPressure = pressure(.cpuPressure, index, source, &result)
        result.sample.memoryPressure = pressure(.memoryPressure, index, source, &result)
        result.sample.ioPressure = pressure(.ioPressure, index, source, &result)
        result.sample.frozenMicroseconds =
            extra(.statLocal, index, source, &result, parseFrozen) ?? nil
    }

    private mutating func pressure(
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout Result
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
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout Result,
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
            case .noSuchFileOrDirectory: result.set(file, 1)
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
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout Result,
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
        _ file: KernelFile, _ index: Int, _ source: some KernelSource, _ result: inout Result,
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

    private static let controllerOff = Absence(
        .controllerOff, detail: Errno.noSuchFileOrDirectory.description)
    private static let kernelSummed = Absence(
        .incomplete,
        detail: "no line kernel, as before Linux 5.18: its parts that are there are added up")
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

extension Errno {
    fileprivate var isForbidden: Bool { self == .permissionDenied || self == .notPermitted }

    /// There is no such file, or no such cgroup any more.
    fileprivate var meansNoFile: Bool {
        self == .noSuchFileOrDirectory || self == Errno(rawValue: Glibc.ENODEV)
    }
}
