import CgroupFS
import CgroupFormat
import Foundation
import Metering
import SystemPackage
import Units

/// What a recording says of itself, in its second line.
public struct RecordingHeader: Codable, Sendable {
    public var bootID: String
    public var path: String
    public var isKernel: Bool
    public var isIOConserved: Bool
    public var intervalMilliseconds: Int64
    /// The rules that made cgroups tenant roots, and gave containers to tenants.
    public var rules: [RecordedRule]
}

/// A tenant's rule in a recording.
public struct RecordedRule: Codable, Sendable {
    public var tenant: String
    public var kind: String
    public var pattern: String
}

/// Hands readings through and writes each down: the kernel's own text, tick by tick.
///
/// After two lines of heading each line begins with one letter. `T` begins a tick. `N` is a time
/// (wall in ms, boot in µs), `S` a survey; the rest names a cgroup of it: `R` a file with its
/// length, followed by its text, `X` a file and its errno, `W` network counters, `M` the time of a
/// reading, `E` an end or `-`, `D` a deduced cpu counter, `H` whether it has children, `P` whether its peak
/// is private. `C` is the host's cores and bytes of memory. `K` says of a device whether it stands on others. `.` ends a tick that was committed.
public final class RecordingKernel<Source: KernelSource>: KernelSource {
    private let source: Source
    private let writer: RecordingWriter
    private var fault: Fault?

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

    /// Ends the recording.
    ///
    /// - Throws: if not all of it could be written.
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
        // Asked for before and after the reading: it may end in between.
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
        // A full disk must not end the metering; the recording ends with the fault.
        guard fault == nil else { return writer.discard() }
        do throws(Fault) { try writer.flush() } catch { fault = error }
    }

    private func text(_ moment: Moment) -> String {
        "\(moment.wall.milliseconds) \(moment.bootMicroseconds)"
    }
}

/// One line of JSON with sorted keys.
private func encoded(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = try? encoder.encode(value)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
}
