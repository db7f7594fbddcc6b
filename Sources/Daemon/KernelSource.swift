import Host
import CLinux
import CgroupFS
import CgroupFormat
import Metering
import SystemPackage
import Units

/// Where readings come from: the host's kernel, or a recording of one.
public protocol KernelSource: AnyObject {
    var bootID: String { get }
    /// The path of the cgroup tree.
    var path: String { get }
    var isKernel: Bool { get }
    /// Whether tenant roots count the io of all below them (`Metering.isIOConserved`).
    var isIOConserved: Bool { get }

    /// Whether the wall clock is kept right, by NTP for example: then a leap of it is trusted.
    var isClockKept: Bool { get }

    /// What the host has to give; `nil` if it does not say.
    func capacity() -> HostCapacity?

    /// The moment at which a tick begins.
    func beginTick() -> Moment
    func now() -> Moment
    /// What there is to read now.
    func survey(_ plan: SurveyPlan) -> Survey
    /// Reads a file of the survey's cgroup `index`.
    func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int
    /// Reads the network counters of the survey's cgroup `index`.
    func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading
    /// When what `read` gave of the survey's cgroup `index` was true.
    func moment(of index: Int) -> Moment
    /// How the survey's cgroup `index` ended; `nil` if it lives.
    func end(of index: Int) -> CgroupEnd?
    /// What an unread end's cpu counter must have been, in µs.
    func deducedCPU(of index: Int) -> Int64?
    func hasChildren(_ index: Int) -> Bool
    /// Starts a new peak of memory; false where the kernel has no private peaks.
    func resetPeak(of index: Int) -> Bool
    func isStacked(_ device: DeviceNumber) -> Bool
    /// All that the last survey told of is read.
    func seal()
    /// The tick that was read from it is committed.
    func acknowledge()
}

extension KernelSource {
    public var isClockKept: Bool { false }
}

/// This host's kernel.
public final class LiveKernel: KernelSource {
    public let tree: CgroupTree
    public let bootID: String
    public let isIOConserved: Bool
    private let clock: () -> Moment

    /// - Parameters:
    ///   - isKernel: whether to keep files open; default: if the root is the kernel's tree.
    ///   - clock: both clocks of the host.
    public init(
        root: consuming CgroupRoot, isKernel: Bool? = nil,
        clock: @escaping () -> Moment = Host.now
    ) throws(Fault) {
        self.clock = clock
        bootID = try Host.bootID()
        isIOConserved = Metering.isIOConserved(kernelRelease: Host.kernelRelease)
        tree = CgroupTree(root: root, isKernel: isKernel, clock: clock)
    }

    public var path: String { tree.path }
    public var isKernel: Bool { tree.isKernel }
    public var isClockKept: Bool { clinux_is_clock_kept() == 1 }
    public func capacity() -> HostCapacity? { Host.capacity() }
    public func beginTick() -> Moment { clock() }
    public func now() -> Moment { clock() }
    public func survey(_ plan: SurveyPlan) -> Survey { tree.survey(plan) }
    public func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int {
        try tree.read(file, of: index, into: &buffer)
    }
    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        tree.readNetwork(of: index, into: &buffer)
    }
    public func moment(of index: Int) -> Moment { tree.moment(of: index) }
    public func end(of index: Int) -> CgroupEnd? { tree.end(of: index) }
    public func deducedCPU(of index: Int) -> Int64? { tree.deducedCPU(of: index) }
    public func hasChildren(_ index: Int) -> Bool { tree.hasChildren(index) }
    public func resetPeak(of index: Int) -> Bool { tree.resetPeak(of: index) }
    public func isStacked(_ device: DeviceNumber) -> Bool { BlockDevices.isStacked(device) }
    public func seal() { tree.seal() }
    public func acknowledge() { tree.acknowledge() }
}

// Other modules' calls end up in code that is made for this host's kernel, not for any source.
extension Collector where Source == LiveKernel {
    /// Reads every account once and commits what it finds in one transaction.
    public mutating func tick() throws(Fault) -> TickOutcome { try readAndKeep() }
}

extension Sampler {
    /// Takes a sample.
    public mutating func sample(_ index: Int, from kernel: LiveKernel) -> CgroupReading {
        sample(index, from: kernel, withNetwork: true)
    }
}
