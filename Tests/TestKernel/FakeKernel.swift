import CgroupFS
import CgroupFormat
import Daemon
import Glibc
import Metering
import SystemPackage
import Units

/// A kernel that says what a test tells it to.
public final class FakeKernel: KernelSource {
    public struct Cgroup {
        public var found: FoundCgroup
        public var texts: [KernelFile: String] = [:]
        /// Files that cannot be read.
        public var errors: [KernelFile: Errno] = [:]
        public var network: (namespace: Int64, received: Int64, sent: Int64)?
        /// The whole text of net/dev, of namespace 7, in place of `network`.
        public var networkText: String?
        public var end: CgroupEnd?

        public init(
            _ path: String, id: Int64, role: FoundCgroup.Role = .container, root: Int64? = nil,
            birth: Moment? = nil
        ) {
            found = FoundCgroup(
                path: path, id: id, role: role, root: root, isPopulated: true,
                isLeaf: role == .container, isWhole: role == .container, birth: birth,
                hasEnded: false, hadChildren: false)
        }
    }

    public var cgroups: [Cgroup] = []
    /// Directories that cannot be read, with all below them.
    public var failed: [String: Errno] = [:]
    /// Seconds after boot.
    public var seconds: Int64 = 0
    /// How far the wall clock was stepped, in seconds.
    public var wallOffset: Int64 = 0
    /// What `wallOffset` becomes in the middle of the next tick.
    public var wallOffsetWithin: Int64?
    private var revision = 0

    public init() {}

    public let bootID = "fake"
    public let path = "/"
    /// Whether an id is given once.
    public var isKernel = true
    public let isIOConserved = true

    public var isClockKept = false
    public var host: HostCapacity?

    public func capacity() -> HostCapacity? { host }
    public func now() -> Moment { at(seconds) }
    public func beginTick() -> Moment { now() }
    public func at(_ seconds: Int64) -> Moment {
        Moment(
            wall: Instant(seconds: 1_795_446_000 + wallOffset + seconds),
            bootMicroseconds: seconds * 1_000_000)
    }

    public func survey(_ plan: SurveyPlan) -> Survey {
        revision += 1
        var survey = Survey()
        survey.revision = revision
        survey.failed = failed
        survey.cgroups = cgroups.map(\.found)
        survey.seen = Set(cgroups.map(\.found.id))
        for index in cgroups.indices where cgroups[index].found.role == .tenantRoot {
            survey.steps.append(.ahead(index))
        }
        for index in cgroups.indices where cgroups[index].found.role == .container {
            survey.steps.append(.account(index))
        }
        for index in cgroups.indices where cgroups[index].found.role == .tenantRoot {
            survey.steps.append(.account(index))
        }
        wallOffset = wallOffsetWithin ?? wallOffset
        wallOffsetWithin = nil
        return survey
    }

    public func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        if let error = cgroups[index].errors[file] { throw error }
        guard let text = cgroups[index].texts[file] else { throw .noSuchFileOrDirectory }
        return fill(&buffer, text)
    }

    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        if let text = cgroups[index].networkText {
            return .read(namespace: 7, length: fill(&buffer, text))
        }
        guard let network = cgroups[index].network else { return .none }
        let counters = "\(network.received) 0 0 0 0 0 0 0 \(network.sent) 0 0 0 0 0 0 0"
        return .read(
            namespace: network.namespace,
            length: fill(&buffer, "heading\nheading\n eth0: \(counters)\n"))
    }

    private func fill(_ buffer: inout [UInt8], _ text: String) -> Int {
        let bytes = Array(text.utf8)
        if buffer.count < bytes.count {
            buffer.append(contentsOf: repeatElement(0, count: bytes.count - buffer.count))
        }
        buffer.replaceSubrange(..<bytes.count, with: bytes)
        return bytes.count
    }

    public func moment(of index: Int) -> Moment { now() }
    public func end(of index: Int) -> CgroupEnd? { cgroups[index].end }
    public func deducedCPU(of index: Int) -> Int64? { nil }
    public func hasChildren(_ index: Int) -> Bool { false }
    public func resetPeak(of index: Int) -> Bool { false }
    public func isStacked(_ device: DeviceNumber) -> Bool { false }
    public func seal() {}
    public func acknowledge() {}
}
