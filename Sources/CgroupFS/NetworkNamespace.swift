import Glibc
import SystemPackage

/// What there is to read of a cgroup's network.
public enum NetworkReading: Hashable, Sendable {
    /// No process lives in it.
    case none
    /// It uses the host's own network, whose traffic cannot be told apart by container.
    case host
    /// Another container on the same network is read for both.
    case shared
    case failed(Errno)
    /// The first `length` bytes of the buffer are the counters of a namespace.
    case read(namespace: Int64, length: Int)
}

/// A network namespace of containers, with its counters open: so it lives on until it was read after
/// its last process.
final class NetworkNamespace {
    let id: Int64
    private let file: Int32
    /// The one it is read for.
    weak var owner: CgroupNode?

    /// Opens the counters of a process's namespace, `/proc/PID/net/dev`.
    init(of pid: Int32, id: Int64) throws(Errno) {
        file = open("/proc/\(pid)/net/dev", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        self.id = id
        // The pid may be another process's by now.
        guard try Self.id(of: pid) == id else { throw .noSuchProcess }
    }

    deinit { if file >= 0 { close(file) } }

    func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
        var length = 0
        while true {
            if length == buffer.count {
                guard buffer.count < 1 << 20 else { throw .fileTooLarge }
                buffer.append(contentsOf: repeatElement(0, count: buffer.count))
            }
            let count = buffer.withUnsafeMutableBytes {
                pread(file, $0.baseAddress.map { $0 + length }, $0.count - length, off_t(length))
            }
            if count < 0 { throw Errno(rawValue: errno) }
            if count == 0 { return length }
            length += count
        }
    }

    /// Whether another container, one that lives, has its counters.
    func isRead(forOtherThan node: CgroupNode) -> Bool {
        guard let owner, owner !== node else { return false }
        return !owner.isGone && owner.isPopulated != false
    }

    /// The inode of a process's namespace: unique while the namespace lives.
    static func id(of pid: Int32) throws(Errno) -> Int64 {
        var status = stat()
        guard stat("/proc/\(pid)/ns/net", &status) == 0 else { throw Errno(rawValue: errno) }
        return Int64(bitPattern: UInt64(status.st_ino))
    }

    /// The host's own; `nil` if this user may not know.
    static let host: Int64? = (try? id(of: 1)) ?? (try? id(of: getpid()))
}

/// What is known of a cgroup's network.
enum NetworkState {
    case unknown
    /// The host's network, so far: a runtime may move a new container's process later.
    case host(looksLeft: Int)
    case failed(Errno)
    case own(NetworkNamespace)
}

extension CgroupTree {
    /// Reads the network counters of the survey's cgroup `index`.
    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        network(of: node(index), into: &buffer)
    }

    func network(of node: CgroupNode, into buffer: inout [UInt8]) -> NetworkReading {
        if let last = node.lastNetwork {
            if buffer.count < last.text.count {
                buffer.append(contentsOf: repeatElement(0, count: last.text.count))
            }
            buffer.replaceSubrange(..<last.text.count, with: last.text)
            return .read(namespace: last.namespace, length: last.text.count)
        }
        guard isKernel, !node.isGone else { return .none }
        findNetwork(of: node)
        switch node.network {
        case .unknown: return .none
        case .host: return .host
        case .failed(let error): return .failed(error)
        case .own(let namespace):
            if namespace.isRead(forOtherThan: node) { return .shared }
            namespace.owner = node
            do throws(Errno) {
                return .read(namespace: namespace.id, length: try namespace.read(into: &buffer))
            } catch {
                return .failed(error)
            }
        }
    }

    /// Reads the network of a cgroup without processes a last time, and lets it go.
    ///
    /// That works after the cgroup is gone as well, as long as nobody has taken the interfaces away.
    func captureNetwork(_ node: CgroupNode) {
        guard case .own(let namespace) = node.network, !namespace.isRead(forOtherThan: node) else {
            return
        }
        node.network = .unknown
        guard let length = try? namespace.read(into: &buffer) else { return }
        node.lastNetwork = LastNetwork(
            namespace: namespace.id, text: Array(buffer[..<length]))
    }

    /// Finds out which network the processes of a cgroup are on.
    func findNetwork(of node: CgroupNode) {
        switch node.network {
        case .own: return
        // A service stays where it is; a container's first process is moved in its first moments.
        case .host(let looksLeft) where looksLeft <= 0: return
        case .unknown, .host, .failed: break
        }
        guard let directory = try? node.directory(), let pid = firstProcess(directory, depth: 0)
        else { return }
        do throws(Errno) {
            let id = try NetworkNamespace.id(of: pid)
            if id == NetworkNamespace.host {
                var looksLeft = node.birth == nil ? 0 : 6
                if case .host(let left) = node.network { looksLeft = left - 1 }
                node.network = .host(looksLeft: looksLeft)
                return
            }
            if let known = namespaces[id]?.namespace {
                node.network = .own(known)
                return
            }
            let namespace = try NetworkNamespace(of: pid, id: id)
            namespaces[id] = WeakNamespace(namespace: namespace)
            node.network = .own(namespace)
        } catch {
            // The process has ended meanwhile: another look comes with the next tick.
            if error == .noSuchFileOrDirectory || error == .noSuchProcess { return }
            node.network = .failed(error)
        }
    }

    /// A process of a cgroup, or else of one below it.
    private func firstProcess(_ directory: CgroupDirectory, depth: Int) -> Int32? {
        if let length = try? directory.read("cgroup.procs", into: &buffer), length > 0 {
            let digits = buffer[..<length].prefix { $0 != UInt8(ascii: "\n") }
            return Int32(String(decoding: digits, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
        }
        guard depth < 4 else { return nil }
        for name in (try? directory.children()) ?? [] {
            if let child = try? directory.child(name),
                let pid = firstProcess(child, depth: depth + 1)
            {
                return pid
            }
        }
        return nil
    }
}

/// A time at which to look for a container's network.
struct NetworkLook {
    var at: Int64
    weak var node: CgroupNode?
}

/// A namespace that its containers hold.
struct WeakNamespace {
    weak var namespace: NetworkNamespace?
}
