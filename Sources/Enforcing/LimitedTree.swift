import CgroupFS
import CgroupFormat
import Glibc
import Limits
import Runtimes
import SystemPackage
import Units

/// A cgroup tree whose limits are read, and written through their owners.
///
/// It stays on one thread, as its connection to systemd does.
public final class LimitedTree {
    let root: CgroupRoot
    public let owners: Owners
    /// Where it lies below the host's cgroup2 mount; `nil` for another tree.
    let base: String?

    public var path: String { root.path }
    public var isKernel: Bool { root.isKernel }
    /// Whether weights of io are accepted and do nothing on every disk of this host.
    lazy var weighsNothing = LimitDoctor(
        tree: root.directory, path: root.path, isKernel: root.isKernel,
        host: .live(systemd: nil, docker: nil), tenantRoots: []
    ).weighsNothing

    /// What this host has, against which limits are held.
    lazy var host = HostSize.live

    /// - Parameter owners: default: those of this host, if the tree is the host's own or part of it.
    public init(root: consuming CgroupRoot, owners: Owners? = nil) {
        let base = root.isKernel ? root.pathBelowMount : nil
        self.owners = owners ?? Owners(isHost: base != nil, below: base ?? "")
        self.base = base
        self.root = root
    }

    /// The cgroup at a path; `nil` if there is none now.
    ///
    /// - Throws: if that cannot be told.
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

    /// The same where one that cannot be opened is none.
    public func cgroup(_ path: String) -> LimitedCgroup? { (try? find(path)) ?? nil }

    /// Whether a controller can be on below the root.
    func offers(_ controller: String) -> Bool {
        let list = (try? root.directory.text(named: "cgroup.controllers")) ?? ""
        return list.split(whereSeparator: \.isWhitespace).contains { $0 == controller }
    }

    /// The same where it has to be there.
    public func require(_ path: String) throws(Fault) -> LimitedCgroup {
        if let found = try find(path) { return found }
        throw Fault(
            .unavailable, at: root.path + escapingControlCharacters(path),
            problem: "there is no such cgroup",
            suggestion: "octroi containers shows what runs now")
    }

    /// Visits every cgroup below the root.
    public func paths(_ visit: (_ path: String, _ id: Int64) -> Void) { root.paths(visit) }

    /// The containers at and below a path: what can be frozen without freezing a slice.
    public func leaves(_ path: String) -> [LimitedCgroup] {
        guard let cgroup = cgroup(path) else { return [] }
        let children = (try? cgroup.directory.children()) ?? []
        if PathShape.nesting(path) == .one || children.isEmpty { return [cgroup] }
        return children.flatMap { leaves("\(path)/\($0.text)") }
    }

    /// The cgroups above a path, the nearest first, without the root.
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

/// One open cgroup.
public struct LimitedCgroup {
    public let path: String
    public let id: Int64
    let directory: CgroupDirectory

    /// A limit as the kernel has it; `nil` where its text is none.
    public func value(of key: LimitKey) throws(Errno) -> LimitValue? {
        let text = try directory.text(named: key.file)
        // An engine with crun freezes only crun's cgroup.
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

    /// The devices that io.max limits here.
    public var limitedDevices: [DeviceNumber] {
        guard let text = try? directory.text(named: "io.max") else { return [] }
        return IOMax.devices(in: text).sorted()
    }

    /// The copy of the limits that crun keeps in a cgroup of its own below its scope.
    var inner: LimitedCgroup? {
        guard path.hasSuffix(".scope"),
            let child = try? directory.child(CgroupName("container")), let id = try? child.id()
        else { return nil }
        return LimitedCgroup(path: "\(path)/container", id: id, directory: child)
    }

    /// Whether all in it is frozen, as an engine with crun freezes only crun's cgroup; `nil` if the kernel
    /// does not say.
    var isFrozen: Bool? {
        let own = counter("cgroup.events", "frozen")
        guard own == 0, let inner else { return own.map { $0 == 1 } }
        return inner.counter("cgroup.events", "frozen") == 1
    }

    /// What a parser makes of a file; `nil` if the file cannot be read, or its text is odd.
    func reading<Value>(
        _ file: String, _ parse: (Span<UInt8>) throws(FormatError) -> Value
    ) -> Value? {
        guard let text = try? directory.text(named: file) else { return nil }
        let bytes = Array(text.utf8)
        return try? parse(bytes.span)
    }

    /// The number of a flat keyed file, `nr_throttled` of cpu.stat.
    func counter(_ file: String, _ key: StaticString) -> Int64? {
        let value = reading(file) { text throws(FormatError) in try parseKey(key, of: text) }
        return value ?? nil
    }

    func number(_ file: String) -> Int64? { reading(file, parseGauge) }

    /// Whether a file is there, as it is where its controller is on, readable or not.
    func has(_ file: String) -> Bool {
        do throws(Errno) {
            _ = try directory.text(named: file)
            return true
        } catch {
            return error != .noSuchFileOrDirectory
        }
    }

    /// What is wrong with a file whose text is not what it should be: `holds "x"`.
    ///
    /// - Parameter device: the one whose lines are wrong, if the file has lines of devices.
    func trouble(_ file: String, of device: DeviceNumber? = nil) -> String {
        do throws(Errno) {
            let lines = try directory.text(named: file).split(separator: "\n")
            let own = device.map { device in lines.filter { $0.hasPrefix("\(device) ") } } ?? lines
            return lines.isEmpty ? "is empty" : "holds \(quoted(own.joined(separator: "; ")))"
        } catch {
            return "cannot be read (\(error.reasonOfFile))"
        }
    }

    /// How often a limit took hold so far by the kernel's own count, or, in µs, for how long: by throttling, or
    /// by what some in it waited (PSI); `nil` where it keeps none.
    public func hitCount(of key: LimitKey) -> Int64? {
        switch key.definition.hits {
        case .throttled(let file, let key): counter(file, key)
        case .events(let file, let key, _): counter(file, key)
        case .waited(let file, _): stalled(file, full: false)
        case nil: nil
        }
    }

    /// Time in which some or all in it waited for a resource, in µs.
    func stalled(_ file: String, full: Bool) -> Int64? {
        let pressure = reading(file) { text throws(FormatError) in try Pressure(parsing: text) }
        return full ? pressure?.full : pressure?.some
    }

    /// What it uses at the moment.
    ///
    /// - Parameter watching: how long to look at its CPU time, in ms.
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

/// The CPUs that this host may have (/sys/devices/system/cpu/possible); `nil` where it does not say.
let hostCPUs: CPUList? = {
    guard let folder = try? CgroupDirectory(path: "/sys/devices/system/cpu"),
        let text = try? folder.text(of: "possible")
    else { return nil }
    return CPUList(text)
}()

/// Whether the host has swap space (/proc/swaps has a line beside its heading).
private func hostHasSwap() -> Bool {
    guard let proc = try? CgroupDirectory(path: "/proc"), let text = try? proc.text(of: "swaps")
    else { return false }
    return HostSize.hasSwap(text)
}
