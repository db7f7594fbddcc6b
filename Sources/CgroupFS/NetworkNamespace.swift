import Glibc
import SystemPackage

/// The result of reading the network counters of a cgroup.
public enum NetworkReading: Hashable, Sendable {
    /// No process of the cgroup has a network that could be read.
    case none
    /// It uses the host's network namespace, so its traffic cannot be attributed.
    case host
    /// It shares the network of another container, and the counters are read for that one.
    case shared
    /// The network could not be determined or read.
    case failed(Errno)
    /// The first `length` bytes of the buffer are the counters of this namespace.
    ///
    /// `namespace` is its inode number, the text is that of `net/dev`.
    case read(namespace: Int64, length: Int)
}

/// The network namespace of one or more containers, with its counter file kept open.
///
/// The open file keeps the namespace alive after the last process exits, so its counters can be
/// read one last time.
final class NetworkNamespace {
    /// The inode number of the namespace.
    let id: Int64
    private let file: Int32
    /// The container to which the counters are attributed.
    weak var owner: CgroupNode?

    /// Opens `/proc/PID/net/dev` of a process.
    ///
    /// - Parameter id: the inode number that the namespace of the process was found to have.
    /// - Throws: `noSuchProcess` if the process is in another namespace now.
    init(of pid: Int32, id: Int64) throws(Errno) {
        file = open("/proc/\(pid)/net/dev", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        self.id = id
        // The process may have ended, and its pid may belong to another process now.
        guard try Self.id(of: pid) == id else { throw .noSuchProcess }
    }

    deinit { if file >= 0 { close(file) } }

    /// Reads the text of `net/dev` from its beginning.
    ///
    /// - Parameter buffer: receives the text. It is doubled as needed, up to 1 MiB, so it must not
    ///   be empty.
    /// - Returns: the number of bytes read.
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

    /// Whether the counters are attributed to another container that is still running.
    func isRead(forOtherThan node: CgroupNode) -> Bool {
        guard let owner, owner !== node else { return false }
        return !owner.isGone && owner.isPopulated != false
    }

    /// The inode number of a process's network namespace, unique while the namespace exists.
    static func id(of pid: Int32) throws(Errno) -> Int64 {
        var status = stat()
        guard stat("/proc/\(pid)/ns/net", &status) == 0 else { throw Errno(rawValue: errno) }
        return Int64(bitPattern: UInt64(status.st_ino))
    }

    /// The namespace of the host, taken from process 1 or, without permission, from this process.
    static let host: Int64? = (try? id(of: 1)) ?? (try? id(of: getpid()))
}

/// What is known about the network of a cgroup.
enum NetworkState {
    /// Not determined yet, or already released.
    case unknown
    /// The host's network so far.
    ///
    /// A runtime may move the first process of a new container later, so `looksLeft` more looks
    /// follow.
    case host(looksLeft: Int)
    /// The namespace could not be determined; tried again at the next reading.
    case failed(Errno)
    /// A namespace other than the host's.
    case own(NetworkNamespace)
}

extension CgroupTree {
    /// Reads the network counters of cgroup `index` of the survey.
    ///
    /// - Parameter buffer: receives the text of `net/dev`; must not be empty.
    public func readNetwork(of index: Int, into buffer: inout [UInt8]) -> NetworkReading {
        network(of: node(index), into: &buffer)
    }

    /// Reads the network counters of a node; after its end, those of its last reading.
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

    /// Reads the network of a cgroup without processes one last time and releases it.
    ///
    /// This works even after the cgroup was removed, until the interfaces are deleted.
    func captureNetwork(_ node: CgroupNode) {
        guard case .own(let namespace) = node.network, !namespace.isRead(forOtherThan: node) else {
            return
        }
        node.network = .unknown
        guard let length = try? namespace.read(into: &buffer) else { return }
        node.lastNetwork = LastNetwork(
            namespace: namespace.id, text: Array(buffer[..<length]))
    }

    /// Determines which network the processes of a cgroup use, unless that is already certain.
    func findNetwork(of node: CgroupNode) {
        switch node.network {
        case .own: return
        // Services stay on the host's network. Only new containers are moved, early in their life.
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
            // The process has just ended. The next tick looks again.
            if error == .noSuchFileOrDirectory || error == .noSuchProcess { return }
            node.network = .failed(error)
        }
    }

    /// The id of a process in the cgroup, or in one up to four levels below it.
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

/// A planned look at the network of a new container.
struct NetworkLook {
    /// When to look, in µs after boot.
    var at: Int64
    weak var node: CgroupNode?
}

/// A reference to a namespace that does not keep it open; the nodes that use it do.
struct WeakNamespace {
    weak var namespace: NetworkNamespace?
}
