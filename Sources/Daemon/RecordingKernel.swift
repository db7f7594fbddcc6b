import CgroupFS
import CgroupFormat
import Foundation
import Metering
import SystemPackage
import Units

/// The second line of a recording, as JSON: where it comes from.
public struct RecordingHeader: Codable, Sendable {
    /// The id of the boot that was recorded.
    public var bootID: String
    /// The path of the cgroup tree.
    public var path: String
    /// Whether the tree was the kernel's.
    public var isKernel: Bool
    /// Whether tenant roots counted the io of everything below them.
    public var isIOConserved: Bool
    /// The planned time between ticks, in ms.
    public var intervalMilliseconds: Int64
    /// The rules of tenants; they decide which cgroups are tenant roots, and who owns a container.
    public var rules: [RecordedRule]
}

/// A tenant's rule in a recording.
///
/// Example: tenant `acme`, kind `slice`, pattern `tenant-acme.slice`.
public struct RecordedRule: Codable, Sendable {
    /// The id of the tenant.
    public var tenant: String
    /// The key of the rule in tenants.yaml.
    public var kind: String
    /// The name, path, label or glob.
    public var pattern: String
}

/// Passes readings on and writes each of them down: the kernel's own text, tick by tick.
///
/// The file is gzip. Its first line is `octroi-recording 1`, its second a `RecordingHeader`. Each
/// further line begins with one letter. `I` stands for a cgroup's index in the survey of the tick,
/// and a time is wall time in ms and time since boot in µs:
/// - `T`: a tick begins. `.`: it was committed. A tick without `.` does not count.
/// - `N TIME`: the time now.
/// - `S JSON`: the survey.
/// - `C CORES BYTES`: the capacity of the host.
/// - `R I FILE LENGTH`: a file was read; its text follows. `X I FILE ERRNO`: it could not be read.
/// - `W I read NAMESPACE LENGTH`: network counters; their text follows. `W I host`, `W I shared`
///   and `W I failed ERRNO` are the other results.
/// - `M I TIME`: the time of a reading. `E I END`: how the cgroup ended, or `-` if it lives.
/// - `D I MICROSECONDS`: a deduced CPU counter. `H I`: the cgroup has children. `P I`: its peak of
///   memory is private (`resetPeak`).
/// - `K MAJOR:MINOR 1`: the device is stacked on others (`0`: it is not).
public final class RecordingKernel<Source: KernelSource>: KernelSource {
    private let source: Source
    private let writer: RecordingWriter
    /// The first fault of the file; recording stops there, and metering goes on.
    private var fault: Fault?

    /// Creates the file and writes its header.
    ///
    /// - Parameters:
    ///   - source: the kernel to record.
    ///   - path: the file, which must not exist yet.
    ///   - tenants: the tenants whose rules the recording needs.
    /// - Throws: if the file cannot be created.
    public init(
        _ source: Source, into path: String, tenants: [Tenant], intervalMilliseconds: Int64
    ) throws(Fault) {
        self.source = source
        writer = try RecordingWriter(path)
        writer.line("octroi-recording 1")
        writer.line(
            encoded(
                RecordingHeader(
                    bootID: source.bootID, path: source.path, isKernel: source.isKernel,
                    isIOConserved: source.isIOConserved,
                    intervalMilliseconds: intervalMilliseconds,
                    rules: tenants.flatMap { tenant in
                        tenant.match.map {
                            RecordedRule(tenant: tenant.id, kind: $0.kind, pattern: $0.pattern)
                        }
                    })))
    }

    /// Closes the recording.
    ///
    /// - Throws: `failed` if not all of it could be written.
    public func finish() throws(Fault) {
        if let fault { throw fault }
        try writer.finish()
    }

    public var bootID: String { source.bootID }
    public var path: String { source.path }
    public var isKernel: Bool { source.isKernel }
    public var isIOConserved: Bool { source.isIOConserved }
    public var isClockKept: Bool { source.isClockKept }

    public func beginTick() -> Moment {
        let moment = source.beginTick()
        writer.line("T")
        writer.line("N \(text(moment))")
        return moment
    }

    public func capacity() -> HostCapacity? {
        let capacity = source.capacity()
        if let capacity { writer.line("C \(capacity.cpus) \(capacity.memory)") }
        return capacity
    }

    public func now() -> Moment {
        let moment = source.now()
        writer.line("N \(text(moment))")
        return moment
    }

    public func survey(_ plan: SurveyPlan) -> Survey {
        let survey = source.survey(plan)
        writer.line("S " + encoded(survey))
        return survey
    }

    public func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        do throws(Errno) {
            let length = try source.read(file, of: index, into: &buffer)
            writer.line("R \(index) \(file.text) \(length)")
            writer.bytes(buffer[..<length])
            return length
        } catch {
            writer.line("X \(index) \(file.text) \(error.rawValue)")
            throw error
        }
    }

    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        let reading = source.readNetwork(of: index, into: &buffer)
        switch reading {
        case .none: break
        case .host: writer.line("W \(index) host")
        case .shared: writer.line("W \(index) shared")
        case .failed(let error): writer.line("W \(index) failed \(error.rawValue)")
        case .read(let namespace, let length):
            writer.line("W \(index) read \(namespace) \(length)")
            writer.bytes(buffer[..<length])
        }
        return reading
    }

    public func moment(of index: Int) -> Moment {
        let moment = source.moment(of: index)
        writer.line("M \(index) \(text(moment))")
        return moment
    }

    public func end(of index: Int) -> CgroupEnd? {
        // It is asked for before and after the reading, and the cgroup may end in between. So every
        // answer is recorded, in order.
        let end = source.end(of: index)
        writer.line("E \(index) \(end?.rawValue ?? "-")")
        return end
    }

    public func deducedCPU(of index: Int) -> Int64? {
        let cpu = source.deducedCPU(of: index)
        if let cpu { writer.line("D \(index) \(cpu)") }
        return cpu
    }

    public func hasChildren(_ index: Int) -> Bool {
        let has = source.hasChildren(index)
        if has { writer.line("H \(index)") }
        return has
    }

    public func resetPeak(of index: Int) -> Bool {
        let isPrivate = source.resetPeak(of: index)
        if isPrivate { writer.line("P \(index)") }
        return isPrivate
    }

    public func isStacked(_ device: DeviceNumber) -> Bool {
        let isStacked = source.isStacked(device)
        writer.line("K \(device) \(isStacked ? 1 : 0)")
        return isStacked
    }

    public func seal() { source.seal() }

    public func acknowledge() {
        source.acknowledge()
        writer.line(".")
        // A full disk must not end the metering. `finish` reports the fault.
        guard fault == nil else { return writer.discard() }
        do throws(Fault) { try writer.flush() } catch { fault = error }
    }

    /// A moment as the file has it: wall time in ms, time since boot in µs.
    private func text(_ moment: Moment) -> String {
        "\(moment.wall.milliseconds) \(moment.bootMicroseconds)"
    }
}

/// A value as one line of JSON with sorted keys.
private func encoded(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = try? encoder.encode(value)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
}
