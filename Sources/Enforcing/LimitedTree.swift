import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Runtimes
import SystemPackage
import Units

/// A cgroup tree whose limits are read from files and changed through their owners.
///
/// It holds a connection to systemd, so it must stay on one thread.
public final class LimitedTree {
    let root: CgroupRoot
    /// Finds and calls systemd, Docker and Podman.
    public let owners: Owners
    /// Where the root lies below the host's cgroup2 mount; `nil` if it lies outside of it.
    let base: String?

    public var path: String { root.path }
    public var isKernel: Bool { root.isKernel }
    /// Whether io weights have no effect on any disk of this host, although they are accepted.
    lazy var weighsNothing = LimitDoctor(
        tree: root.directory, path: root.path, isKernel: root.isKernel,
        host: .live(systemd: nil, docker: nil), tenantRoots: []
    ).weighsNothing

    /// CPUs, memory and swap of this host; values that exceed them limit nothing.
    lazy var host = HostSize.live

    /// Takes over an open root.
    ///
    /// - Parameter owners: by default those of this host, if the tree belongs to its cgroup2 mount.
    public init(root: consuming CgroupRoot, owners: Owners? = nil) {
        let base = root.isKernel ? root.pathBelowMount : nil
        self.owners = owners ?? Owners(isHost: base != nil, below: base ?? "")
        self.base = base
        self.root = root
    }

    /// The cgroup at a path below the root; `nil` if there is none now.
    ///
    /// - Throws: `failed` if it cannot be opened for another reason.
    func find(_ path: String) throws(Fault) -> LimitedCgroup? {
        do throws(Errno) {
            let directory = try root.open(kernelPath: path)
            return LimitedCgroup(path: path, id: try directory.id(), directory: directory)
        } catch {
            switch error {
            case .noSuchFileOrDirectory, .notDirectory, Errno(rawValue: ENODEV): return nil
            default:
                throw Fault(
                    .failed, at: root.path + escapingControlCharacters(path),
                    problem: "it cannot be opened (\(error))",
                    suggestion: "Run it again; octroi doctor says what this host lets Octroi read")
            }
        }
    }

    /// The cgroup at a path below the root; `nil` if there is none or it cannot be opened.
    public func cgroup(_ path: String) -> LimitedCgroup? { (try? find(path)) ?? nil }

    /// Whether the root has a controller that can be enabled below it.
    func offers(_ controller: String) -> Bool {
        let list = (try? root.directory.text(named: "cgroup.controllers")) ?? ""
        return list.split(whereSeparator: \.isWhitespace).contains { $0 == controller }
    }

    /// The cgroup at a path below the root.
    ///
    /// - Throws: `unavailable` if there is none.
    public func require(_ path: String) throws(Fault) -> LimitedCgroup {
        if let found = try find(path) { return found }
        throw Fault(
            .unavailable, at: root.path + escapingControlCharacters(path),
            problem: "there is no such cgroup",
            suggestion: "octroi containers shows what runs now")
    }

    /// Visits every cgroup below the root, parents before children.
    public func paths(_ visit: (_ path: String, _ id: Int64) -> Void) { root.paths(visit) }

    /// The containers at and below a path, which can be frozen one by one.
    public func leaves(_ path: String) -> [LimitedCgroup] {
        guard let cgroup = cgroup(path) else { return [] }
        let children = (try? cgroup.directory.children()) ?? []
        if PathShape.nesting(path) == .one || children.isEmpty { return [cgroup] }
        return children.flatMap { leaves("\(path)/\($0.text)") }
    }

    /// The cgroups above a path, nearest first, without the root.
    func ancestors(of path: String) -> [LimitedCgroup] {
        var parts = path.split(separator: "/")
        var found: [LimitedCgroup] = []
        while parts.count > 1 {
            parts.removeLast()
            if let cgroup = cgroup("/" + parts.joined(separator: "/")) { found.append(cgroup) }
        }
        return found
    }
}

/// One open cgroup whose limits can be read.
public struct LimitedCgroup {
    /// The path below the root.
    public let path: String
    /// The inode number, which identifies the cgroup within one boot.
    public let id: Int64
    let directory: CgroupDirectory

    /// The value that the kernel has for a limit; `nil` if the file's text is not a valid value.
    ///
    /// - Throws: the errno of opening or reading the file.
    public func value(of key: LimitKey) throws(Errno) -> LimitValue? {
        let text = try directory.text(named: key.file)
        // An engine that uses crun freezes only crun's own cgroup below the scope.
        if key == .freeze, text.hasPrefix("0"), let inner {
            return LimitValue(try inner.directory.text(named: key.file), for: key)
        }
        if case .ioMax(let device) = key {
            return IOMax.limits(of: device, in: text).map(LimitValue.io)
        }
        let value = LimitValue(text, for: key)
        guard case .cpus(var list)? = value, let host = hostCPUs else { return value }
        list.coversHost = host.numbers.isSubset(of: list.numbers)
        return .cpus(list)
    }

    /// The devices that io.max limits here, in order.
    public var limitedDevices: [DeviceNumber] {
        guard let text = try? directory.text(named: "io.max") else { return [] }
        return IOMax.devices(in: text).sorted()
    }

    /// The cgroup below a container's scope with crun's copy of the limits; `nil` if none.
    var inner: LimitedCgroup? {
        guard path.hasSuffix(".scope"),
            let child = try? directory.child(CgroupName("container")), let id = try? child.id()
        else { return nil }
        return LimitedCgroup(path: "\(path)/container", id: id, directory: child)
    }

    /// Whether all processes are frozen; `nil` if the kernel does not say.
    ///
    /// An engine that uses crun freezes only crun's own cgroup, so that one is looked at, too.
    var isFrozen: Bool? {
        let own = counter("cgroup.events", "frozen")
        guard own == 0, let inner else { return own.map { $0 == 1 } }
        return inner.counter("cgroup.events", "frozen") == 1
    }

    /// Parses a file; `nil` if it cannot be read or its text is malformed.
    func reading<Value>(
        _ file: String, _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        guard let text = try? directory.text(named: file) else { return nil }
        let bytes = Array(text.utf8)
        return try? parse(bytes.span)
    }

    /// A number in a flat keyed file, for example `nr_throttled` in `cpu.stat`.
    func counter(_ file: String, _ key: StaticString) -> Int64? {
        let value = reading(file) { text throws(FormatError) in try parseKey(key, of: text) }
        return value ?? nil
    }

    /// The number in a file that holds a single one, such as `memory.current`.
    func number(_ file: String) -> Int64? { reading(file, parseGauge) }

    /// Whether a file exists, which it does if its controller is enabled.
    ///
    /// It need not be readable.
    func has(_ file: String) -> Bool {
        do throws(Errno) {
            _ = try directory.text(named: file)
            return true
        } catch {
            return error != .noSuchFileOrDirectory
        }
    }

    /// What is wrong with an unusable file, such as `is empty` or `holds "x"`.
    ///
    /// - Parameter device: quote only the lines of this device, for files that have lines for
    ///   devices.
    func trouble(_ file: String, of device: DeviceNumber? = nil) -> String {
        do throws(Errno) {
            let lines = try directory.text(named: file).split(separator: "\n")
            let own = device.map { device in lines.filter { $0.hasPrefix("\(device) ") } } ?? lines
            return lines.isEmpty ? "is empty" : "holds \(quoted(own.joined(separator: "; ")))"
        } catch {
            return "cannot be read (\(error.reasonOfFile))"
        }
    }

    /// How much a limit took effect so far; `nil` if the kernel does not count it.
    ///
    /// This is a number of events, or a time in µs: throttled time, or time in which some processes
    /// waited (PSI).
    public func hitCount(of key: LimitKey) -> Int64? {
        switch key.definition.hits {
        case .throttled(let file, let key): counter(file, key)
        case .events(let file, let key, _): counter(file, key)
        case .waited(let file, _): stalled(file, full: false)
        case nil: nil
        }
    }

    /// Time in µs in which processes waited for a resource.
    ///
    /// - Parameters:
    ///   - file: a pressure file such as `memory.pressure` (Documentation/accounting/psi.rst).
    ///   - full: count only time in which all processes waited, not just some.
    func stalled(_ file: String, full: Bool) -> Int64? {
        let pressure = reading(file) { text throws(FormatError) in try Pressure(parsing: text) }
        return full ? pressure?.full : pressure?.some
    }

    /// What the cgroup uses at the moment.
    ///
    /// - Parameter watching: how long to measure CPU usage, in ms; 0 leaves it out.
    public func circumstances(watchingMilliseconds watching: UInt32 = 0) -> Circumstances {
        var now = Circumstances()
        now.memory = number("memory.current")
        if now.memory == nil, has("memory.max") { now.memoryTrouble = trouble("memory.current") }
        let stat = reading("memory.stat") { text throws(FormatError) in
            try MemoryStat(parsing: text)
        }
        now.unreclaimable = stat?.unreclaimable
        let swap = reading("memory.swap.max", parseLimit)
        now.hasSwap = swap != nil && swap != .at(0) && hostHasSwap()
        now.processes = number("pids.current")
        if watching > 0, let before = counter("cpu.stat", "usage_usec") {
            usleep(watching * 1000)
            if let after = counter("cpu.stat", "usage_usec") {
                now.cores = Rational(after - before) / Rational(Int64(watching) * 1000)
            }
        }
        return now
    }
}

/// The CPUs that this host can have (/sys/devices/system/cpu/possible); `nil` if unknown.
let hostCPUs: CPUList? = {
    guard let folder = try? CgroupDirectory(path: "/sys/devices/system/cpu"),
        let text = try? folder.text(of: "possible")
    else { return nil }
    return CPUList(text)
}()

/// Whether the host has swap space, that is, /proc/swaps has a line after its heading.
private func hostHasSwap() -> Bool {
    guard let proc = try? CgroupDirectory(path: "/proc"), let text = try? proc.text(of: "swaps")
    else { return false }
    return HostSize.hasSwap(text)
}
