import CgroupFS
import CgroupFormat
import Foundation
import Glibc
import Metering
import SystemPackage
import Units

/// Gives the readings of a recording, tick by tick, as if they came from the kernel.
///
/// A file that was not recorded is reported as missing. So a recording can be replayed by a later
/// version that reads more files.
///
/// ```
/// let kernel = try ReplayKernel("strange-kernel.octroi")
/// try replay(kernel, into: store)
/// ```
public final class ReplayKernel: KernelSource {
    /// The second line of the file.
    public let header: RecordingHeader
    private let reader: RecordingReader
    /// The number of ticks that were replayed so far.
    public private(set) var ticks = 0
    /// Whether the file ended inside a line or a text, as if its writer had been killed.
    public var isCutShort: Bool { reader.isCutShort }
    /// The tick that readings come from.
    private var tick = RecordedTick()
    /// The tick that is being read from the file.
    private var next: RecordedTick
    /// Whether devices are stacked; they are recorded once for all ticks.
    private var stacked: [DeviceNumber: Bool] = [:]

    /// Everything that one tick read.
    private struct RecordedTick {
        /// A file of one cgroup.
        struct Key: Hashable {
            /// The cgroup's place in the survey.
            var index: Int
            var file: String
        }
        /// The times that were asked for, in order.
        var times: [Moment] = []
        /// The capacity of the host.
        var capacity: HostCapacity?
        var survey = Survey()
        /// The results of reading each file, in order.
        ///
        /// A tenant root is read twice: before and after its containers.
        var texts: [Key: [Result<[UInt8], Errno>]] = [:]
        /// The network counters, by the cgroup's place in the survey.
        var networks: [Int: (reading: NetworkReading, text: [UInt8])] = [:]
        /// The times of readings.
        var moments: [Int: Moment] = [:]
        /// How cgroups ended, in the order in which that was asked for.
        var ends: [Int: [CgroupEnd?]] = [:]
        /// Deduced CPU counters, in µs.
        var deduced: [Int: Int64] = [:]
        /// Cgroups that had children.
        var parents: Set<Int> = []
        /// Cgroups whose peak of memory was private (`resetPeak`).
        var privatePeaks: Set<Int> = []
    }

    /// Opens a recording and checks its header.
    ///
    /// - Throws: `unavailable` if the file cannot be opened, `badData` if it is not a recording of
    ///   this version or an older one.
    public init(_ path: String) throws(Fault) {
        reader = try RecordingReader(path)
        guard let first = try reader.line(), first.hasPrefix("octroi-recording ") else {
            throw reader.fault("no recording of Octroi")
        }
        guard first == "octroi-recording 1" else { throw reader.fault("\"\(first.prefix(60))\"") }
        let header = try reader.line().flatMap {
            try? JSONDecoder().decode(RecordingHeader.self, from: Data($0.utf8))
        }
        guard let header else { throw reader.fault("no heading") }
        guard (1...366 * 86_400_000).contains(header.intervalMilliseconds) else {
            throw reader.fault("an interval of \(header.intervalMilliseconds) ms")
        }
        for rule in header.rules {
            guard isIdentifier(rule.tenant, also: "-"), rule.tenant != Tenant.unattributed,
                Rule(kind: rule.kind, pattern: rule.pattern) != nil
            else {
                throw reader.fault("a rule \(rule.kind) of tenant \"\(rule.tenant.prefix(63))\"")
            }
        }
        self.header = header
        next = RecordedTick()
        try readPrelude()
        tick = next
    }

    /// Moves on to the next committed tick.
    ///
    /// - Returns: false at the end. If the recording is cut short, its last complete tick is the
    ///   end.
    /// - Throws: `badData` at a line that is malformed.
    public func advance() throws(Fault) -> Bool {
        guard try readTick() else { return false }
        tick = next
        ticks += 1
        return true
    }

    public var bootID: String { header.bootID }
    public var path: String { header.path }
    public var isKernel: Bool { header.isKernel }
    public var isIOConserved: Bool { header.isIOConserved }
    public func capacity() -> HostCapacity? { tick.capacity }
    public func beginTick() -> Moment { now() }
    /// The next recorded time; the last one again once all are used.
    public func now() -> Moment {
        tick.times.count > 1 ? tick.times.removeFirst() : tick.times.first ?? Self.unknown
    }
    public func survey(_ plan: SurveyPlan) -> Survey { tick.survey }

    public func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        let key = RecordedTick.Key(index: index, file: file.text)
        guard var results = tick.texts[key], let result = results.first else {
            throw .noSuchFileOrDirectory
        }
        // The last result stays, in case a later version reads a file more often.
        if results.count > 1 {
            results.removeFirst()
            tick.texts[key] = results
        }
        let text = try result.get()
        fill(&buffer, text)
        return text.count
    }

    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        guard let network = tick.networks[index] else { return .none }
        fill(&buffer, network.text)
        return network.reading
    }

    /// The recorded time of a reading.
    public func moment(of index: Int) -> Moment { tick.moments[index] ?? Self.unknown }
    /// The next recorded answer; the last one again once all are used.
    public func end(of index: Int) -> CgroupEnd? {
        guard let ends = tick.ends[index], let first = ends.first else { return nil }
        if ends.count > 1 { tick.ends[index]?.removeFirst() }
        return first
    }
    public func deducedCPU(of index: Int) -> Int64? { tick.deduced[index] }
    public func hasChildren(_ index: Int) -> Bool { tick.parents.contains(index) }
    public func resetPeak(of index: Int) -> Bool { tick.privatePeaks.contains(index) }
    public func isStacked(_ device: DeviceNumber) -> Bool { stacked[device] ?? false }
    public func seal() {}
    public func acknowledge() {}

    /// The time of readings for which none was recorded.
    private static let unknown = Moment(wall: Instant(seconds: 0), bootMicroseconds: 0)

    /// Puts a text at the start of the buffer, which grows if it is too short.
    private func fill(_ buffer: inout [UInt8], _ text: [UInt8]) {
        if buffer.count < text.count {
            buffer.append(contentsOf: repeatElement(0, count: text.count - buffer.count))
        }
        buffer.replaceSubrange(..<text.count, with: text)
    }

    /// Reads the lines before the first tick, and the `T` that begins it.
    private func readPrelude() throws(Fault) {
        while let line = try reader.line(), line != "T" { try take(line) }
    }

    /// Reads the next committed tick into `next`.
    ///
    /// A `T` without a `.` before it begins anew: the tick before it was not committed.
    ///
    /// - Returns: false at the end of the file.
    private func readTick() throws(Fault) -> Bool {
        next = RecordedTick()
        while let line = try reader.line() {
            if line == "." { return true }
            if line == "T" { next = RecordedTick() } else { try take(line) }
        }
        return false
    }

    /// Takes one line of a tick.
    ///
    /// - Throws: `badData` if it is malformed.
    private func take(_ line: String) throws(Fault) {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard let letter = words.first, words.count == 2 else { throw bad(line) }
        if letter == "S" {
            let survey = try? JSONDecoder().decode(Survey.self, from: Data(words[1].utf8))
            guard let survey, survey.isSound else { throw bad(line) }
            next.survey = survey
            return
        }
        let rest = words[1].split(separator: " ").map(String.init)
        if letter == "N" {
            guard let moment = moment(rest[...]) else { throw bad(line) }
            next.times.append(moment)
        } else if letter == "C" {
            // No host has more: a million cores, 2 PiB.
            guard rest.count == 2, let cpus = Int64(rest[0]), let memory = Int64(rest[1]),
                (1...1 << 20).contains(cpus), (1...1 << 51).contains(memory)
            else { throw bad(line) }
            next.capacity = HostCapacity(cpus: cpus, memory: memory)
        } else if letter == "K" {
            guard rest.count == 2, let device = DeviceNumber(rest[0]) else { throw bad(line) }
            stacked[device] = rest[1] == "1"
        } else {
            guard let index = rest.first.flatMap({ Int($0) }),
                try take(letter, index, rest.dropFirst())
            else { throw bad(line) }
        }
    }

    /// Takes a line about one cgroup.
    ///
    /// - Returns: false if the line is malformed.
    private func take(
        _ letter: String, _ index: Int, _ rest: ArraySlice<String>
    ) throws(Fault) -> Bool {
        let words = Array(rest)
        switch letter {
        case "R":
            guard words.count == 2, let length = Int(words[1]) else { return false }
            let key = RecordedTick.Key(index: index, file: words[0])
            next.texts[key, default: []].append(.success(try reader.bytes(length)))
        case "X":
            guard words.count == 2, let errno = Int32(words[1]) else { return false }
            let key = RecordedTick.Key(index: index, file: words[0])
            next.texts[key, default: []].append(.failure(Errno(rawValue: errno)))
        case "W": return try takeNetwork(index, words)
        case "M":
            guard let moment = moment(rest) else { return false }
            next.moments[index] = moment
        case "E":
            let end = words.first.flatMap(CgroupEnd.init(rawValue:))
            guard end != nil || words.first == "-" else { return false }
            next.ends[index, default: []].append(end)
        case "D":
            guard let cpu = words.first.flatMap({ Int64($0) }), cpu >= 0 else { return false }
            next.deduced[index] = cpu
        case "H": next.parents.insert(index)
        case "P": next.privatePeaks.insert(index)
        // A later version may record more. Nothing here asks for it.
        default: break
        }
        return true
    }

    /// Takes a line `W`.
    ///
    /// - Returns: false if the line is malformed.
    private func takeNetwork(_ index: Int, _ words: [String]) throws(Fault) -> Bool {
        switch words.first {
        case "host": next.networks[index] = (.host, [])
        case "shared": next.networks[index] = (.shared, [])
        case "failed":
            guard words.count == 2, let errno = Int32(words[1]) else { return false }
            next.networks[index] = (.failed(Errno(rawValue: errno)), [])
        case "read":
            guard words.count == 3, let id = Int64(words[1]), let length = Int(words[2]) else {
                return false
            }
            next.networks[index] = (
                .read(namespace: id, length: length), try reader.bytes(length)
            )
        default: return false
        }
        return true
    }

    /// A time: wall time in ms and time since boot in µs; `nil` if it is malformed.
    private func moment(_ words: ArraySlice<String>) -> Moment? {
        let words = Array(words)
        // The bounds, 2^53 ms and 2^60 µs, are beyond every clock.
        guard words.count == 2, let wall = Int64(words[0]), let boot = Int64(words[1]),
            abs(wall) < 1 << 53, (0..<1 << 60).contains(boot)
        else { return nil }
        return Moment(wall: Instant(milliseconds: wall), bootMicroseconds: boot)
    }

    /// The fault of a malformed line.
    private func bad(_ line: String) -> Fault { reader.fault("\"\(line.prefix(60))\"") }
}
