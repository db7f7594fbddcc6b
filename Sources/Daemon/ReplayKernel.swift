import CgroupFS
import CgroupFormat
import Foundation
import Glibc
import Metering
import SystemPackage
import Units

/// Gives the readings of a recording, tick by tick, in place of the kernel's.
///
/// What a reading asks for that was not recorded is a missing file, so that a recording outlives
/// changes of what is read.
public final class ReplayKernel: KernelSource {
    public let header: RecordingHeader
    private let reader: RecordingReader
    /// How many ticks were given so far.
    public private(set) var ticks = 0
    public var isCutShort: Bool { reader.isCutShort }
    private var tick = RecordedTick()
    private var next: RecordedTick
    private var stacked: [DeviceNumber: Bool] = [:]

    /// What one tick read.
    private struct RecordedTick {
        struct Key: Hashable {
            var index: Int
            var file: String
        }
        var times: [Moment] = []
        var capacity: HostCapacity?
        var survey = Survey()
        /// A root is read twice: before and after all below it.
        var texts: [Key: [Result<[UInt8], Errno>]] = [:]
        var networks: [Int: (reading: NetworkReading, text: [UInt8])] = [:]
        var moments: [Int: Moment] = [:]
        /// In the order in which they were asked for.
        var ends: [Int: [CgroupEnd?]] = [:]
        var deduced: [Int: Int64] = [:]
        var parents: Set<Int> = []
        var privatePeaks: Set<Int> = []
    }

    /// Opens a recording.
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

    /// Goes on to the next tick.
    ///
    /// - Returns: false at the end. A recording that was cut short ends with its last whole tick.
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

    public func moment(of index: Int) -> Moment { tick.moments[index] ?? Self.unknown }
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

    private static let unknown = Moment(wall: Instant(seconds: 0), bootMicroseconds: 0)

    private func fill(_ buffer: inout [UInt8], _ text: [UInt8]) {
        if buffer.count < text.count {
            buffer.append(contentsOf: repeatElement(0, count: text.count - buffer.count))
        }
        buffer.replaceSubrange(..<text.count, with: text)
    }

    /// Reads what stands before the first tick, up to its line.
    private func readPrelude() throws(Fault) {
        while let line = try reader.line(), line != "T" { try take(line) }
    }

    /// Reads the next tick that was committed.
    private func readTick() throws(Fault) -> Bool {
        next = RecordedTick()
        while let line = try reader.line() {
            if line == "." { return true }
            if line == "T" { next = RecordedTick() } else { try take(line) }
        }
        return false
    }

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
            // More than any host has: a million cores, 2 PiB.
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

    /// Takes a line that names a cgroup; false if it is malformed.
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
        // A later version's: what it says is not asked for here.
        default: break
        }
        return true
    }

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

    private func moment(_ words: ArraySlice<String>) -> Moment? {
        let words = Array(words)
        // Later than any clock: 2^53 ms, 2^60 µs.
        guard words.count == 2, let wall = Int64(words[0]), let boot = Int64(words[1]),
            abs(wall) < 1 << 53, (0..<1 << 60).contains(boot)
        else { return nil }
        return Moment(wall: Instant(milliseconds: wall), bootMicroseconds: boot)
    }

    private func bad(_ line: String) -> Fault { reader.fault("\"\(line.prefix(60))\"") }
}
