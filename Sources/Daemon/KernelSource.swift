import Host
import CLinux
import CgroupFS
import CgroupFormat
import Metering
import SystemPackage
import Units

/// Where readings come from: the host's kernel, or a recording of one.
///
/// A tick uses it in this order: `beginTick`, `survey`, the readings of each of the survey's steps,
/// `seal`, and `acknowledge` once the tick is committed. An `index` is a place in the survey's
/// `cgroups`.
///
/// ```
/// let survey = source.survey(plan)
/// let length = try source.read(.cpuStat, of: 0, into: &buffer)
/// ```
public protocol KernelSource: AnyObject {
    /// The id of the boot; cgroup ids are unique only within one boot.
    var bootID: String { get }
    /// The path of the cgroup tree.
    var path: String { get }
    /// Whether the tree is the kernel's, and not a plain folder with the same files.
    var isKernel: Bool { get }
    /// Whether tenant roots count the io of everything below them (`Metering.isIOConserved`).
    var isIOConserved: Bool { get }

    /// Whether something such as NTP keeps the wall clock right, so that leaps of it are trusted.
    var isClockKept: Bool { get }

    /// The cores and the memory of the host; `nil` if they are not known.
    func capacity() -> HostCapacity?

    /// Begins a tick, and reads both clocks.
    func beginTick() -> Moment
    /// Reads both clocks.
    func now() -> Moment
    /// Lists what to read in this tick.
    ///
    /// - Parameter plan: the tenant roots, and the meaning of paths.
    func survey(_ plan: SurveyPlan) -> Survey
    /// Reads a file of a cgroup.
    ///
    /// If the cgroup has ended, the text comes from its last reading.
    ///
    /// - Parameter buffer: receives the text; it grows as needed.
    /// - Returns: the number of bytes read.
    /// - Throws: `ENOENT` if there is no such file, `ENODEV` if the cgroup is gone and its last
    ///   reading lacks the file.
    func read(
        _ file: KernelFile, of index: Int, into buffer: inout [UInt8]
    ) throws(Errno) -> Int
    /// Reads the network counters of a cgroup (`/proc/PID/net/dev` of one of its processes).
    ///
    /// - Parameter buffer: receives the text.
    func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading
    /// The time of the values that `read` returns for a cgroup.
    ///
    /// It is now, or the time of the last reading of a cgroup that has ended.
    func moment(of index: Int) -> Moment
    /// How a cgroup ended; `nil` if it lives.
    func end(of index: Int) -> CgroupEnd?
    /// The final CPU counter of a cgroup that ended unread, in µs; `nil` if it cannot be deduced.
    func deducedCPU(of index: Int) -> Int64?
    /// Whether a cgroup has child cgroups at this moment.
    func hasChildren(_ index: Int) -> Bool
    /// Starts a new peak of memory for a cgroup (Linux 6.12).
    ///
    /// - Returns: false if the kernel has no private peaks. `memory.peak` then covers the cgroup's
    ///   whole life.
    func resetPeak(of index: Int) -> Bool
    /// Whether a device is built on others, whose own lines in io.stat already count its traffic.
    func isStacked(_ device: DeviceNumber) -> Bool
    /// Ends the readings of the last survey; what happens from now on belongs to the next one.
    func seal()
    /// Forgets the births and ends that the sealed survey reported, because they are committed.
    func acknowledge()
}

extension KernelSource {
    /// By default nothing vouches for the clock.
    public var isClockKept: Bool { false }
}

/// The kernel of this host: forwards to `CgroupTree`, `Host` and `BlockDevices`.
public final class LiveKernel: KernelSource {
    /// The cgroup tree that is followed.
    public let tree: CgroupTree
    public let bootID: String
    public let isIOConserved: Bool
    /// Reads both clocks.
    private let clock: () -> Moment

    /// Follows a cgroup tree of this host.
    ///
    /// - Parameters:
    ///   - root: the top of the tree.
    ///   - isKernel: whether to keep files open and follow events; by default, whether `root` is on
    ///     a cgroup2 file system.
    ///   - clock: reads both clocks.
    /// - Throws: if the boot id cannot be read.
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

// Other modules call these concrete functions, so that the compiler specializes the code for the
// host's kernel. Generic code would be slower.
extension Collector where Source == LiveKernel {
    /// Reads every account once, and commits the result in one transaction.
    public mutating func tick() throws(Fault) -> TickOutcome { try readAndKeep() }
}

extension Sampler {
    /// Takes a sample of a cgroup, its network included.
    ///
    /// - Parameter index: the cgroup's place in the last survey.
    public mutating func sample(_ index: Int, from kernel: LiveKernel) -> CgroupReading {
        sample(index, from: kernel, withNetwork: true)
    }
}
